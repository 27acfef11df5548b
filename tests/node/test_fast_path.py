# SPDX-License-Identifier: GPL-2.0-or-later
"""fastPath: established connections go by a flowtable, and lose nothing of what protects pods and of
what limits them."""
import re
import select
import socket
import struct

import pytest

from harness import distribution, plugin
from harness.command import cleanup, command, repair, written
from harness.doctor import findings, one, ours, write
from harness.nftables import has_flowtables
from harness.node import GATEWAY4, NODE4, NODE6, OUTSIDE4, OUTSIDE6, UPLINK, addresses_of, network
from harness.portmap import settled
from harness.service import netfilter_on_the_bridge
from harness.waiting import SLOWNESS, wait_for

pytestmark = pytest.mark.must_run
PORT, OUTSIDE_PORT = 7000, 7001
PACKETS = 30  # each way: a connection is in the flowtable by then
HOST_PORT = {"capabilities": {"portMappings": True}, "runtimeConfig": {"portMappings": [
    {"hostPort": PORT, "containerPort": PORT, "protocol": "udp"}]}}
LATE = 0.5  # seconds in which a packet would have come that is not to come


@pytest.fixture
def fast(node):
    """A node whose kernel has flowtables."""
    if not has_flowtables(node):
        raise distribution.Lacks("this kernel's nftables has no flowtables")
    return node


def conf_of(families="v4", **keys):
    return network(families, **{"fastPath": True, **keys})


def flows(node):
    """The connections that go by the flowtable: their addresses and ports -> the kernel's line. It lists one
    twice if another one begins while it is read."""
    text = node.run("cat", "/proc/net/nf_conntrack", check=False).stdout
    return {tuple(re.findall(r"(?:src|dst|sport|dport)=\S+", line)): line for line in text.splitlines()
            if "OFFLOAD" in line}


def offloaded(node):
    """How many connections go by the flowtable."""
    return len(flows(node))


def connections(node):
    """How many of the pod's the kernel knows."""
    return sum(f"port={PORT} " in line for line in
               node.run("cat", "/proc/net/nf_conntrack", check=False).stdout.splitlines())


def talk(client, server, address, count=PACKETS, data=b"there"):
    """Datagrams there and back. Gives the address by which the server sees the client."""
    for _ in range(count):
        client.sendto(data, address)
        _, source = server.recvfrom(2048)
        server.sendto(b"back" + data, source)
        client.recvfrom(2048)
    return source


def drain(sock):
    """Takes what came late."""
    while select.select([sock], [], [], 0)[0]:
        sock.recv(2048)


def talk_fast(node, *ways):
    """Has each of them, the arguments of talk(), talk until all go by the flowtable; gives the first one's
    address. The kernel takes connections out when a link or an address of the node changes, which happens
    for a while after an ADD, and the next packets put them back."""
    def go():
        for sock in {sock for *ends, _ in ways for sock in ends}:
            drain(sock)
        sources = [talk(*way) for way in ways]
        return offloaded(node) == len(ways) and sources[0]

    return wait_for(go)


def heard(sock):
    """All that came."""
    found = []
    sock.settimeout(LATE * SLOWNESS)
    try:
        while True:
            found.append(sock.recvfrom(2048)[0])
    except TimeoutError:
        return found


def outside_of(node, address=OUTSIDE4):
    return node.outside.udp(address, OUTSIDE_PORT)


def talking_pod(node, conf, family=0):
    """A pod with a connection to the outside that goes by the flowtable: the pod, its result, its
    socket, the one outside, and the address by which that one sees the pod."""
    pod = node.pod()
    result = node.add(pod, conf)
    outside = OUTSIDE6 if family else OUTSIDE4
    near, far = pod.udp(addresses_of(result)[0], PORT), outside_of(node, outside)
    settled(node, conf["bridge"])
    source = talk_fast(node, (near, far, (outside, OUTSIDE_PORT)))
    return pod, result, near, far, source


def devices(node):
    """The flowtable's, sorted; None where there is none."""
    out = node.run("nft", "list", "flowtables", "inet").stdout
    if "flowtable fast_path" not in out:
        return None
    listed = out.split("flowtable fast_path")[1].split("devices = {")
    return sorted(listed[1].split("}")[0].replace('"', "").replace(" ", "").split(",")) if listed[1:] else []


# -- packets


@pytest.mark.parametrize("bridge_nf", [False, True])
@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_a_masqueraded_connection_goes_by_the_flowtable(fast, family, bridge_nf):
    netfilter_on_the_bridge(fast, bridge_nf)
    pod, _, near, far, source = talking_pod(fast, conf_of("v6" if family else "v4"), family)
    assert source[0] == (NODE6 if family else NODE4)
    seen = far.getsockname()[:2]
    for _ in range(10):
        near.sendto(b"more", seen)
        assert far.recvfrom(100) == (b"more", source)
        far.sendto(b"answer", source)
        assert near.recvfrom(100)[0] == b"answer"
    assert offloaded(fast) == 1


def test_a_connection_is_in_the_flowtable_after_its_first_packets(fast):
    """As talk_fast() has it, a connection may be taken out again: then a new one is tried."""
    pod, far = fast.pod(), outside_of(fast)
    address = addresses_of(fast.add(pod, conf_of()))[0]
    settled(fast)

    def goes_fast():
        drain(far)
        with pod.udp(address) as near:
            talk(near, far, (OUTSIDE4, OUTSIDE_PORT))
            port = near.getsockname()[1]
        return any(f"sport={port}" in ends for ends in flows(fast))

    wait_for(goes_fast)


def test_a_host_port_goes_by_the_flowtable(fast):
    pod, far = fast.pod(), outside_of(fast)
    near = pod.udp(addresses_of(fast.add(pod, {**conf_of(), **HOST_PORT}))[0], PORT)
    settled(fast)
    assert talk_fast(fast, (far, near, (NODE4, PORT)))[0] == OUTSIDE4
    talk(far, near, (NODE4, PORT))


def test_who_sees_the_pods_address_sees_it_by_the_flowtable(fast):
    fast.outside.ip(f"route add 10.1.2.0/24 via {NODE4}")
    _, result, near, far, source = talking_pod(fast, conf_of(nonMasqueradeCIDRs=[f"{OUTSIDE4}/32"]))
    assert source == (addresses_of(result)[0], PORT)
    talk(near, far, (OUTSIDE4, OUTSIDE_PORT), 3)


def test_interfaces_and_connections_are_counted(fast):
    _, _, near, far, _ = talking_pod(fast, conf_of())
    fast.sysctl("netfilter.nf_conntrack_acct", 1)

    def counted():
        links = {link["ifname"]: link["stats64"] for link in fast.ip_json("-s", "link")}
        [line] = flows(fast).values()
        return (links["cni0"]["rx"]["packets"], links["cni0"]["tx"]["packets"],
                links[UPLINK]["rx"]["packets"], links[UPLINK]["tx"]["packets"],
                *(int(word.split("=")[1]) for word in line.split() if word.startswith("packets=")))

    before = counted()
    talk(near, far, (OUTSIDE4, OUTSIDE_PORT), 10)
    after = counted()
    assert len(after) == 6 and all(now >= then + 10 for then, now in zip(before, after))


def test_isolated_pods_stay_apart(fast):
    """By way of the node as well."""
    netfilter_on_the_bridge(fast, False)
    conf = conf_of(portIsolation=True)
    pods = [fast.pod() for _ in range(2)]
    addresses = [addresses_of(fast.add(pod, conf))[0] for pod in pods]
    pods[0].ip(f"route add {addresses[1]} via {GATEWAY4}")
    near, far = (pod.udp(address, PORT) for pod, address in zip(pods, addresses))
    for _ in range(PACKETS):
        near.sendto(b"x", (addresses[1], PORT))
    assert heard(far) == []
    outside = outside_of(fast)
    settled(fast)
    talk_fast(fast, *((sock, outside, (OUTSIDE4, OUTSIDE_PORT)) for sock in (near, far)))
    near.sendto(b"x", (addresses[1], PORT))
    assert heard(far) == []


SERVICE = "10.96.0.10"
SERVICE_RULES = f"""
table ip service {{
    chain nat {{
        type nat hook prerouting priority dstnat
        ip daddr {SERVICE} udp dport 53 dnat to {OUTSIDE4}:{OUTSIDE_PORT}
    }}
    chain seen {{
        type filter hook forward priority 0
        udp dport {OUTSIDE_PORT} counter
        udp sport {OUTSIDE_PORT} counter
    }}
}}
"""


@pytest.mark.parametrize("bridge_nf", [False, True])
def test_a_Service_works_and_its_answers_go_by_the_flowtable(fast, bridge_nf):
    """Where frames on the bridge are translated already, what the pod sends goes the usual way. The
    kernel takes connections out of the flowtable when a route changes: then one packet puts them back."""
    netfilter_on_the_bridge(fast, bridge_nf)
    fast.nft(SERVICE_RULES)
    pod, far = fast.pod(), outside_of(fast)
    near = pod.udp(addresses_of(fast.add(pod, conf_of()))[0], PORT)
    settled(fast)
    talk_fast(fast, (near, far, (SERVICE, 53)))

    def passed():
        out = fast.run("nft", "list", "chain", "ip", "service", "seen").stdout
        return [int(part.split()[0]) for part in out.split("counter packets ")[1:]]

    before = passed()
    talk(near, far, (SERVICE, 53), 20)
    asked, answered = (now - then for then, now in zip(before, passed()))
    assert asked == 20 if bridge_nf else asked < 5
    assert answered < 5


def test_few_packets_go_the_usual_way(fast):
    pod, far = fast.pod(), outside_of(fast)
    near = pod.udp(addresses_of(fast.add(pod, conf_of()))[0], PORT)
    talk(near, far, (OUTSIDE4, OUTSIDE_PORT), 5)
    assert offloaded(fast) == 0


def test_what_pods_of_a_node_send_to_each_other_goes_the_usual_way(fast):
    netfilter_on_the_bridge(fast, True)
    one_pod, other = fast.pod(), fast.pod()
    address = addresses_of(fast.add(one_pod, conf_of()))[0]
    near, far = one_pod.udp(address, PORT), other.udp(addresses_of(fast.add(other, conf_of()))[0], PORT)
    talk(far, near, (address, PORT))
    assert offloaded(fast) == 0


def test_routed_pods_reach_the_outside_by_the_flowtable(fast):
    netfilter_on_the_bridge(fast, False)
    talking_pod(fast, conf_of(podLink="routed"))


@pytest.mark.parametrize("ports", [{}, HOST_PORT], ids=["masqueraded", "host port"])
def test_the_DEL_of_a_pod_ends_its_flows_before_the_next_pod_has_its_address(fast, ports):
    conf = {**conf_of(), **ports}
    pod, far = fast.pod(), outside_of(fast)
    address = addresses_of(fast.add(pod, conf))[0]
    near = pod.udp(address, PORT)
    settled(fast)
    if ports:
        talk_fast(fast, (far, near, (NODE4, PORT)))
        source = NODE4, PORT
    else:
        source = talk_fast(fast, (near, far, (OUTSIDE4, OUTSIDE_PORT)))
    fast.delete(pod, conf)
    assert connections(fast) == 0
    following = fast.pod()
    only = conf_of(ipam={"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": address, "rangeEnd": address}]]})
    assert addresses_of(fast.add(following, only)) == [address]
    late = following.udp(address, PORT)
    for _ in range(3):
        far.sendto(b"for the former pod", source)
    assert heard(late) == []


def frame(to, source, address, tag):
    """An IPv4 datagram of the connection of talking_pod()."""
    udp = struct.pack("!HHHH", PORT, OUTSIDE_PORT, 8 + len(tag), 0) + tag
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                       socket.inet_aton(address), socket.inet_aton(OUTSIDE4))
    total = sum(struct.unpack("!10H", head))
    total = (total >> 16) + (total & 0xffff)
    checksum = ~(total + (total >> 16)) & 0xffff
    return to + source + b"\x08\x00" + head[:10] + struct.pack("!H", checksum) + head[12:] + udp


def mac(namespace, ifname):
    return bytes.fromhex(namespace.links()[ifname]["address"].replace(":", ""))


def raw(namespace):
    sock = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(("eth0", 0))
    return sock


def test_spoofed_frames_dont_ride_another_pods_flow(fast):
    conf = conf_of(spoofCheck=True)
    attacker = fast.pod()
    fast.add(attacker, conf)
    victim, result, _, far, _ = talking_pod(fast, conf)
    address, gateway = addresses_of(result)[0], mac(fast, "cni0")
    own, foreign = mac(attacker, "eth0"), mac(victim, "eth0")
    raw(victim).send(frame(gateway, foreign, address, b"its own"))
    assert heard(far) == [b"its own"]
    for source in (own, foreign):
        raw(attacker).send(frame(gateway, source, address, b"spoofed"))
    raw(victim).send(frame(gateway, own, address, b"foreign MAC address"))
    assert heard(far) == []
    assert offloaded(fast) == 1


def test_foreign_sources_take_no_fast_path_where_the_rules_on_the_bridge_are_gone(fast):
    conf = conf_of(spoofCheck=True)
    pod, _, _, far, _ = talking_pod(fast, conf)
    gateway, own = mac(fast, "cni0"), mac(pod, "eth0")
    fast.nft("delete table bridge bridge_cni")
    for _ in range(PACKETS):
        raw(pod).send(frame(gateway, own, "203.0.113.9", b"foreign"))
    assert heard(far) == [] and offloaded(fast) == 1
    fast.nft("flush chain inet bridge_cni forward")
    raw(pod).send(frame(gateway, own, "203.0.113.9", b"foreign"))
    assert heard(far) == [b"foreign"]


def test_rates_limit_what_goes_by_the_flowtable(fast):
    rate = 8_000_000
    conf = conf_of(ingressRate=rate, ingressBurst=rate, egressRate=rate, egressBurst=rate)
    _, _, near, far, source = talking_pod(fast, conf)
    veth = fast.host_veths()[0]

    def passed(ifname):
        out = fast.run("tc", "-s", "qdisc", "show", "dev", ifname).stdout
        return int(out.split("tbf")[1].split("Sent ")[1].split()[0])

    before = passed(veth), passed("ifb" + veth[len("veth"):])
    talk(near, far, (OUTSIDE4, OUTSIDE_PORT), 20, b"x" * 1000)
    assert offloaded(fast) == 1
    after = passed(veth), passed("ifb" + veth[len("veth"):])
    assert all(now - then >= 20 * 1000 for then, now in zip(before, after))


def test_a_datagram_that_is_too_large_for_the_uplink_is_answered(fast):
    pod, _, near, far, _ = talking_pod(fast, conf_of(mtu=1500))
    fast.ip(f"link set {UPLINK} mtu 1300")
    near.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER: IP_PMTUDISC_DO
    near.sendto(b"x" * 1400, (OUTSIDE4, OUTSIDE_PORT))
    wait_for(lambda: "mtu 1300" in pod.ip(f"route get {OUTSIDE4}"))
    assert heard(far) == []


def test_networks_that_are_apart_stay_so(fast):
    confs = [conf_of(isolate="strict", name=f"net{i}", bridge=f"br{i}", ipam={
        "ranges": [[{"subnet": f"10.{i}.0.0/24"}]]}) for i in (7, 8)]
    pods = [fast.pod() for _ in confs]
    addresses = [addresses_of(fast.add(pod, conf))[0] for pod, conf in zip(pods, confs)]
    near, far = (pod.udp(address, PORT) for pod, address in zip(pods, addresses))
    for _ in range(PACKETS):
        near.sendto(b"x", (addresses[1], PORT))
    assert heard(far) == [] and offloaded(fast) == 0


def test_a_route_that_changed_holds_for_the_next_packet(fast):
    _, _, near, far, _ = talking_pod(fast, conf_of())
    fast.ip(f"route add blackhole {OUTSIDE4}/32")
    near.sendto(b"x", (OUTSIDE4, OUTSIDE_PORT))
    assert heard(far) == []


# -- rule and flowtable


def test_two_networks_share_the_flowtable(fast):
    for i in (7, 8):
        fast.add(fast.pod(), conf_of(name=f"net{i}", bridge=f"br{i}", ipam={
            "ranges": [[{"subnet": f"10.{i}.0.0/24"}]]}))
    assert devices(fast) == ["br7", "br8", UPLINK]


@pytest.mark.parametrize("change", ["nft flush ruleset", "ip link del cni0", "ip link del uplink0",
                                    "nft flush chain inet bridge_cni fast_path"])
def test_CHECK_tells_and_repair_heals(fast, change):
    conf, pod = conf_of(), fast.pod()
    result = fast.add(pod, conf)
    fast.check(pod, conf, result)
    fast.run(*change.split())
    if "uplink0" in change:
        fast.ip(f"link add {UPLINK} type veth peer name other0")
        fast.ip_batch(f"link set other0 up\nlink set {UPLINK} up\naddr add {NODE4}/24 dev {UPLINK}\n"
                      f"route add default via {OUTSIDE4}\n")
    with plugin.refusal(plugin.CHECK, "repair"):
        fast.check(pod, conf, result)
    assert any("fast_path" in line for line in repair(fast, conf))
    assert devices(fast) == ["cni0", UPLINK]
    fast.check(pod, conf, result)
    assert repair(fast, conf) == ["nothing to mend"]


def test_the_next_ADD_heals(fast):
    fast.add(fast.pod(), conf_of())
    fast.nft("flush ruleset")
    fast.add(fast.pod(), conf_of())
    assert devices(fast) == ["cni0", UPLINK]


def test_another_uplink_is_the_next_ADDs(fast):
    fast.add(fast.pod(), conf_of())
    fast.ip_batch("link add up1 type dummy\nlink set up1 up\naddr add 203.0.113.2/24 dev up1\n"
                  "route replace default via 203.0.113.1 dev up1\n")
    fast.add(fast.pod(), conf_of())
    assert "up1" in devices(fast)
    assert '"up1"' in fast.run("nft", "list", "chain", "inet", "bridge_cni", "fast_path").stdout


def bridge_from_uplink(node):
    """The uplink becomes a port of a bridge, which has its address and the route then."""
    node.ip_batch(f"link add br-ex type bridge\nlink set br-ex up\naddr flush dev {UPLINK}\n"
                  f"link set {UPLINK} master br-ex\naddr add {NODE4}/24 dev br-ex\n"
                  f"route add default via {OUTSIDE4} dev br-ex\n")


@pytest.mark.parametrize("by", ["ADD", "repair"])
def test_an_uplink_that_has_become_a_port_leaves_the_flowtable(fast, by):
    """The bridge of such a port, and the rules there, have to see what comes by it."""
    conf, pod = conf_of(), fast.pod()
    result = fast.add(pod, conf)
    bridge_from_uplink(fast)
    repair(fast, conf)
    fast.nft(f'add flowtable inet bridge_cni fast_path {{ devices = {{ "{UPLINK}" }}; }}')
    assert devices(fast) == ["br-ex", "cni0", UPLINK]
    with plugin.refusal(plugin.CHECK, UPLINK, "port of a bridge", "repair"):
        fast.check(pod, conf, result)
    if by == "repair":
        assert any(UPLINK in line and "taken out" in line for line in repair(fast, conf))
    else:
        fast.add(fast.pod(), conf)
    assert devices(fast) == ["br-ex", "cni0"]
    fast.check(pod, conf, result)
    assert repair(fast, conf) == ["nothing to mend"]


def test_the_flowtable_follows_an_uplink_into_its_bridge(fast):
    fast.add(fast.pod(), conf_of())
    assert devices(fast) == ["cni0", UPLINK]
    bridge_from_uplink(fast)
    talking_pod(fast, conf_of())
    assert devices(fast) == ["br-ex", "cni0"]


def test_without_an_uplink_there_is_no_rule(fast):
    fast.ip("route del default")
    fast.ip("-6 route del default")
    conf, pod = conf_of(), fast.pod()
    fast.check(pod, conf, fast.add(pod, conf))
    assert devices(fast) is None


def test_repair_takes_it_away_with_the_key(fast):
    _, _, near, far, _ = talking_pod(fast, conf_of())
    assert any("fast_path" in line for line in repair(fast, network("v4")))
    assert devices(fast) is None
    wait_for(lambda: offloaded(fast) == 0)  # the kernel ends them by a work queue
    talk(near, far, (OUTSIDE4, OUTSIDE_PORT), 3)


def test_cleanup_leaves_nothing_of_it(fast):
    conf, pod = conf_of(), fast.pod()
    other = network("v4", name="other", bridge="br9", ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    fast.add(fast.pod(), other)
    fast.add(pod, conf)
    fast.delete(pod, conf)
    cleanup(fast, conf)
    assert devices(fast) is None


def test_show_tells_of_a_missing_rule(fast):
    conf = conf_of()
    fast.add(fast.pod(), conf)
    fast.nft("flush chain inet bridge_cni fast_path")
    assert "flow add @fast_path" in command(fast, "show", "--json", *written(fast, conf)).stdout


# -- what can't be served


def test_a_kernel_without_flowtables_is_named(node):
    if has_flowtables(node):
        raise distribution.Lacks("this kernel has flowtables")
    pod = node.pod()
    node.refused(pod, conf_of(), plugin.KERNEL, "fastPath", "CONFIG_NFT_FLOW_OFFLOAD")
    node.assert_nothing_left(pod)
    # A node whose pods would lose their Services for this key stays ready.
    conf = conf_of(cniVersion="1.1.0")
    plugin.judge("STATUS", node.invoke("STATUS", conf), conf["cniVersion"])


def test_a_kernel_without_flowtables_keeps_no_pod_from_being_repaired(node):
    """The key has come after the pods, as it does with a template of the agent."""
    if has_flowtables(node):
        raise distribution.Lacks("this kernel has flowtables")
    pod = node.pod()
    conf = network("v4", runtimeConfig={"bandwidth": {"ingressRate": 10**6,
                                                      "ingressBurst": 10**6}})
    result = node.add(pod, conf)
    [veth] = node.host_veths()
    node.run("tc", "qdisc", "del", "dev", veth, "root")
    done = command(node, "repair", *written(node, conf_of()))
    assert done.returncode == 1 and veth in done.stdout
    assert done.stderr.count("fastPath: this kernel's nftables has no flowtables") == 1
    node.check(pod, conf, result)


def test_doctor_tells_what_helps_where_the_kernel_can_have_no_such_rule(healthy):
    """The key has come after the pods. `repair` is no help for its rule, and is for the others."""
    if has_flowtables(healthy):
        raise distribution.Lacks("this kernel has flowtables")
    conf = ours("v4", fastPath=True)
    healthy.add(healthy.pod(), ours("v4"))
    write(healthy, conf)
    finding = one(healthy, "rules", "problem", "fast_path", "kernel")
    assert "command" not in finding
    assert "CONFIG_NFT_FLOW_OFFLOAD, or remove fastPath" in finding["advice"]
    healthy.nft("flush chain inet bridge_cni postrouting")
    found = findings(healthy, "rules")
    assert ["repair" in finding.get("command", "") for finding in found] == [False, True]


def test_doctor_tries_it(healthy):
    write(healthy, ours("v4", fastPath=True))
    if has_flowtables(healthy):
        assert findings(healthy, "kernel") == []
    else:
        one(healthy, "kernel", "problem", "flowtable")
