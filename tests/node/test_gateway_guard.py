# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bridge keeps from a pod must not come to it by way of the node: foreign sources
with spoofCheck, other isolated pods with portIsolation; and the node's redirects."""
import contextlib
import json
import re
import socket

import pytest

from harness import nftables, plugin
from harness.command import cleanup, repair
from harness.delegates import Delegate
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NETWORK, NODE4,
                          SUBNET4, addresses_of, network)
from harness.service import netfilter_on_the_bridge
from harness.portmap import settled
from harness.waiting import SLOWNESS, wait_for
from harness.wire import source_seen

FOREIGN4, FOREIGN6 = "203.0.113.9", "2001:db8:f::9"
PORT = 4711
STAGE = "gateway_guard"


def listed(node, kind, family="inet"):
    done = node.run("nft", "-j", "list", "table", family, "bridge_cni", check=False)
    return [entry[kind] for entry in json.loads(done.stdout or '{"nftables": []}')["nftables"]
            if kind in entry]


def rules(node):
    """The kinds of the stage's rules."""
    return sorted(re.search(rf" {STAGE}/(\S+) ", rule["comment"])[1]
                  for rule in listed(node, "rule") if f" {STAGE}/" in rule.get("comment", ""))


SOURCES = ["source4", "source6"]
ISOLATION = ["from4", "from6", "to4", "to6", "translated"]


def isolated(node):
    """The addresses in the sets, without the sentinels."""
    found = []
    for entry in listed(node, "set"):
        if entry["name"].startswith("isolated"):
            elements = [e["elem"]["val"] if isinstance(e, dict) else e
                        for e in entry.get("elem", [])]
            found += [e for e in elements if e not in ("255.255.255.255", "ff00::")]
    return sorted(found)


MANY = 200  # attempts: half a minute on a real machine
FEW = 3  # where none is to get there


def arrives(sender, receiver, target, source=None, tries=MANY, to=None):
    """Does a datagram get there? It is sent again: the bridge looks for neighbours once it has
    its link-local address, two seconds after it was made. to: where it is sent, if not to the target."""
    with receiver.udp(target, PORT) as here, \
            sender.udp(source or ("::" if ":" in target else "0.0.0.0")) as there:
        here.settimeout(0.15 * SLOWNESS)
        for _ in range(tries):
            there.sendto(b"?", (to or target, PORT))
            with contextlib.suppress(TimeoutError):
                here.recvfrom(16)
                return True
    return False


FOREIGN = [(FOREIGN4, INTERNET4), (FOREIGN6, INTERNET6)]


def foreigner(node, conf):
    """A pod that has addresses which are not its own to have."""
    pod = node.pod()
    node.add(pod, conf)
    pod.ip_batch(f"addr add {FOREIGN4}/32 dev lo\naddr add {FOREIGN6}/128 dev lo nodad\n")
    for source, target in FOREIGN:
        assert arrives(pod, node.outside, target, source), "the control"
    return pod


def assert_kept(node, pod):
    for source, target in FOREIGN:
        assert not arrives(pod, node.outside, target, source, tries=FEW), source


# -- sources, with spoofCheck


def test_a_foreign_source_does_not_leave_by_the_node(node):
    """Whoever sends it: this pod is of a time when there was no spoofCheck."""
    former, pod = foreigner(node, network("dual")), node.pod()
    node.add(pod, network("dual", spoofCheck=True))
    assert rules(node) == SOURCES
    assert_kept(node, former)
    settled(node)
    for each in (former, pod):
        assert each.ping(INTERNET4) and each.ping(INTERNET6)
        assert each.ping(GATEWAY4) and each.ping(GATEWAY6)
        assert source_seen(each, node.outside, INTERNET4) == NODE4


def test_packets_that_are_not_tracked_are_looked_at_as_well(node):
    former = foreigner(node, network("dual"))
    node.nft("table inet t { chain c { type filter hook prerouting priority -400; notrack; }; }")
    node.add(node.pod(), network("dual", spoofCheck=True))
    assert_kept(node, former)


V6 = "fd00:9::/64"


@pytest.mark.any_kernel
@pytest.mark.parametrize("kind", ["asked", "other", "former", "delegated"])
def test_all_addresses_behind_the_bridge_pass(node, kind):
    """Also those that the configuration of the rule doesn't name."""
    pod, env = node.pod(), None
    if kind == "asked":
        conf = network(runtimeConfig={"ipRanges": [[{"subnet": V6}]]})
    elif kind == "delegated":
        ipam = Delegate(node, 'if verb == "ADD": answer(ips=[{"address": "fd00:9::7/64"}])')
        conf, env = ipam.conf(name="other"), ipam.env
    else:
        conf = network(name="other" if kind == "other" else NETWORK,
                       ipam={"ranges": [[{"subnet": V6}]]})
    node.add(pod, conf, env=env)
    node.add(node.pod(), network(spoofCheck=True))
    assert rules(node) == SOURCES
    assert pod.ping(INTERNET6)


@pytest.mark.any_kernel
def test_pods_of_another_IPAM_plugin_pass_and_others_do_not(node):
    ipam, pod = Delegate(node, 'if verb == "ADD": answer()'), node.pod()
    node.add(pod, ipam.conf(spoofCheck=True), env=ipam.env)
    assert rules(node) == SOURCES
    assert pod.ping(INTERNET4)
    stranger = node.pod()
    node.add(stranger, network("v6", name="other"))
    stranger.ip_batch(f"addr add {FOREIGN6}/128 dev lo nodad\n")
    assert stranger.ping(INTERNET6)
    assert not arrives(stranger, node.outside, INTERNET6, FOREIGN6, tries=FEW)


def test_bridged_frames_pass_where_rules_see_them(node):
    """With bridge-nf-call-iptables; also of pods that look for an address, and from
    link-local ones."""
    netfilter_on_the_bridge(node, True)
    first, second = node.pod(), node.pod()
    conf = network("dual", spoofCheck=True, enabledad=True)
    node.add(first, conf)
    result = node.add(second, conf)
    for address in addresses_of(result):
        assert first.ping(address)
    local = second.addresses("eth0", "link")[0].split("/")[0]
    assert first.ping(f"{local}%eth0")


def test_a_bridged_network_without_a_gateway_goes_on_beside_it(node):
    """Where rules see what is bridged."""
    netfilter_on_the_bridge(node, True)
    bare = network(name="bare", isDefaultGateway=None, ipMasq=None,
                   ipam={"ranges": [[{"subnet": "192.168.7.0/24"}]]})
    first, second = node.pod(), node.pod()
    node.add(first, bare)
    address, = addresses_of(node.add(second, bare))
    node.add(node.pod(), network("dual", spoofCheck=True))
    assert first.ping(address)


@pytest.mark.any_kernel
def test_a_bridge_with_a_LAN_has_no_such_rules(node):
    node.ip_batch("link add cni0 type bridge\n"
                  "link add lan0 up master cni0 type vxlan id 7 dstport 4789\n")
    pod, conf = node.pod(), network("dual", spoofCheck=True)
    result = node.add(pod, conf)
    assert rules(node) == []
    node.check(pod, conf, result)
    repair(node, conf)
    assert rules(node) == []
    node.ip("link del lan0")
    repair(node, conf)
    assert rules(node) == SOURCES
    node.ip("link add lan0 up master cni0 type vxlan id 7 dstport 4789")
    repair(node, conf)
    assert rules(node) == []
    node.ip("link del lan0")
    repair(node, conf)
    assert rules(node) == SOURCES
    node.check(pod, conf, result)


@pytest.mark.any_kernel
def test_they_go_with_the_ADD_that_knows_of_a_LAN(node):
    """GC looks at the bridge's ports."""
    conf, pod = network("dual", spoofCheck=True), node.pod()
    node.add(pod, conf)
    assert rules(node) == SOURCES
    node.ip("link add lan0 up master cni0 type vxlan id 7 dstport 4789")
    plugin.judge("GC", node.invoke("GC", {**conf, "cni.dev/valid-attachments": [
        {"containerID": pod.id, "ifname": "eth0"}]}), conf["cniVersion"])
    node.add(node.pod(), conf)
    assert rules(node) == []


@pytest.mark.any_kernel
def test_without_a_gateway_there_are_none(node):
    pod, conf = node.pod(), network("dual", spoofCheck=True, isDefaultGateway=None, ipMasq=None)
    result = node.add(pod, conf)
    assert rules(node) == []
    node.check(pod, conf, result)


@pytest.mark.any_kernel
def test_a_kernel_that_looks_for_routes_before_it_forwards_has_the_rules_there(node, tmp_path):
    """Linux 6.4 does so later as well."""
    lacking = nftables.without(node, tmp_path, r'oifname != \"cni0\" fib',
                               "Operation not supported")
    former = foreigner(node, network("dual"))
    conf, pod = network("dual", spoofCheck=True), node.pod()
    result = node.add(pod, conf, **lacking)
    assert rules(node) == SOURCES
    assert len(re.findall("fib saddr", node.run(
        "nft", "list", "chain", "inet", "bridge_cni", "raw").stdout)) == 2
    assert_kept(node, former)
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    node.check(pod, conf, result)
    assert repair(node, conf) == ["nothing to mend"]


@pytest.mark.any_kernel
def test_a_kernel_that_does_not_look_for_routes_goes_without(node, tmp_path):
    lacking = nftables.without(node, tmp_path, "fib saddr", "No such file or directory")
    pod, conf = node.pod(), network("dual", spoofCheck=True, portIsolation=True)
    done = node.invoke("ADD", conf, pod, **lacking)
    assert done.returncode == 0, done
    assert "CONFIG_NFT_FIB_INET" in done.stderr and done.stderr.count("\n") == 1
    assert rules(node) == sorted(ISOLATION + SOURCES)
    assert "fib saddr" not in node.run("nft", "list", "ruleset").stdout
    assert pod.ping(INTERNET4)
    # No later ADD tries again.
    done = node.invoke("ADD", conf, node.pod())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.any_kernel
def test_rules_that_give_way_do_not_hide_what_the_kernel_lacks(node, tmp_path):
    """Both are "No such file or directory": what is to be deleted and is gone, and an expression
    that the kernel doesn't have."""
    lacking = nftables.without(node, tmp_path, "fib saddr", "No such file or directory")
    pods, wider = [node.pod(), node.pod()], network(spoofCheck=True, ipam={
        "ranges": [[{"subnet": SUBNET4}], [{"subnet": V6}]]})
    assert node.invoke("ADD", network(spoofCheck=True), pods[0], **lacking).returncode == 0
    done = node.invoke("ADD", wider, pods[1], **lacking)
    assert done.returncode == 0, done
    assert "CONFIG_NFT_FIB_INET" in done.stderr
    assert rules(node) == SOURCES
    assert repair(node, wider) == ["nothing to mend"]


# -- isolated pods


def by_gateway(pod, result):
    """The pod goes to another one by its gateway."""
    for address in addresses_of(result):
        gateway = GATEWAY6 if ":" in address else GATEWAY4
        pod.ip(f"route replace {address} via {gateway} dev eth0")


def test_isolated_pods_do_not_reach_each_other_by_the_gateway(node):
    conf, open_conf = network("dual", portIsolation=True), network("dual")
    first, second, other = node.pod(), node.pod(), node.pod()
    node.add(first, conf)
    of_second, of_other = node.add(second, conf), node.add(other, open_conf)
    for result in (of_second, of_other):
        by_gateway(first, result)
    assert rules(node) == ISOLATION
    for address in addresses_of(of_second):
        assert not arrives(first, second, address, tries=FEW), address
        assert node.ping(address)
    for address in addresses_of(of_other):
        assert arrives(first, other, address), address
    for address in (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6):
        assert first.ping(address) and second.ping(address)


@pytest.mark.any_kernel
def test_also_pods_of_two_networks_on_one_bridge(node):
    def other(**keys):
        return network(name="other", ipam={"ranges": [[{"subnet": SUBNET4,
                                                        "rangeStart": "10.1.2.100"}]]}, **keys)

    first, second, third = node.pod(), node.pod(), node.pod()
    node.add(first, network(portIsolation=True))
    of_second, of_third = node.add(second, other(portIsolation=True)), node.add(third, other())
    for result in (of_second, of_third):
        by_gateway(first, result)
    assert not arrives(first, second, addresses_of(of_second)[0], tries=FEW)
    assert node.ping(addresses_of(of_second)[0])
    assert arrives(first, third, addresses_of(of_third)[0])


@pytest.mark.any_kernel
def test_pods_of_two_bridges_reach_each_other(node):
    first, second = node.pod(), node.pod()
    node.add(first, network("dual", portIsolation=True))
    address, = addresses_of(node.add(second, network(
        name="other", bridge="cni1", portIsolation=True,
        ipam={"ranges": [[{"subnet": "10.9.9.0/24"}]]})))
    assert arrives(first, second, address)


SERVICE = "10.96.0.10"


def service(node, target):
    """What kube-proxy does for a Service."""
    node.nft(f"""
        table ip proxy {{
            chain pre {{
                type nat hook prerouting priority dstnat;
                ip daddr {SERVICE} udp dport {PORT} dnat to {target}
            }}
        }}""")


@pytest.mark.parametrize("bridged", [0, 1], ids=["routed", "br_netfilter"])
@pytest.mark.parametrize("isolation", [True, False])
def test_a_Service_leads_to_an_isolated_pod_of_the_node_as_the_bridge_has_it(node, isolation,
                                                                            bridged):
    """What the node has translated was made known to others. Where frames are translated on the
    bridge, that keeps them from an isolated pod."""
    netfilter_on_the_bridge(node, bridged)
    first, second = node.pod(), node.pod()
    node.add(first, network(portIsolation=True))
    address, = addresses_of(node.add(second, network(portIsolation=isolation)))
    service(node, address)
    assert second.ping(GATEWAY4) and first.ping(GATEWAY4)
    wanted = not isolation or not bridged
    assert arrives(first, second, address, to=SERVICE, tries=MANY if wanted else FEW) == wanted


def test_a_Service_of_another_node_is_reached(node):
    pod = node.pod()
    node.add(pod, network(portIsolation=True))
    service(node, INTERNET4)
    assert arrives(pod, node.outside, INTERNET4, to=SERVICE)


# -- redirects of the node, with podLink routed

REDIRECT = {4: 5, 6: 137}  # its types


def told_of_a_shorter_way(pod, address):
    """Does the node send a redirect to a pod that goes by it to a neighbour?"""
    family = 6 if ":" in address else 4
    raw = (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) if family == 4 else \
        (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    with pod.socket(*raw) as sock:
        wait_for(lambda: pod.ping(address))
        # The kernel sends none for the first packets of a neighbour.
        pod.run("ping", "-n", "-c4", "-i0.5", address)
        sock.settimeout(0.2)
        kinds = set()
        with contextlib.suppress(TimeoutError):
            while True:
                packet = sock.recv(2048)
                kinds.add(packet[20] if family == 4 else packet[0])
    assert len(kinds) > 0
    return REDIRECT[family] in kinds


@pytest.mark.parametrize("link", ["bridged", "routed"])
def test_the_node_tells_no_routed_pod_of_a_shorter_way(node, link):
    """A bridged one may go it."""
    netfilter_on_the_bridge(node, False)
    conf = network("dual", podLink=link)
    first, second = node.pod(), node.pod()
    own = node.add(first, conf)
    result = node.add(second, conf)
    assert rules(node) == (["redirect4", "redirect6"] if link == "routed" else [])
    settled(node)  # the node's redirects of IPv6 are sent from its link-local address
    if link == "bridged":
        by_gateway(first, result)
        by_gateway(second, own)
    for address in addresses_of(result):
        assert told_of_a_shorter_way(first, address) == (link == "bridged"), address
    node.check(first, conf, own)
    if link == "routed":
        node.nft("flush chain inet bridge_cni redirects")
        for address in addresses_of(result):
            assert told_of_a_shorter_way(first, address), "the control"


@pytest.mark.any_kernel
def test_rules_of_routed_pods_come_back_and_go(node):
    netfilter_on_the_bridge(node, False)
    conf, pod = network("dual", podLink="routed"), node.pod()
    result = node.add(pod, conf)
    node.nft("flush chain inet bridge_cni redirects")
    with plugin.refusal(plugin.CHECK, "redirects"):
        node.check(pod, conf, result)
    assert repair(node, conf)
    node.check(pod, conf, result)
    node.delete(pod, conf)
    cleanup(node, conf)
    assert rules(node) == []


def test_isolated_pods_that_are_routed_do_not_reach_each_other_at_all(node):
    netfilter_on_the_bridge(node, False)
    conf = network("dual", podLink="routed", portIsolation=True)
    first, second, third = node.pod(), node.pod(), node.pod()
    node.add(first, conf)
    of_second = node.add(second, conf)
    of_third = node.add(third, network("dual", podLink="routed"))
    for address in addresses_of(of_second):
        assert not arrives(first, second, address, tries=FEW)
        assert node.ping(address)
    for address in addresses_of(of_third):
        assert arrives(first, third, address)
    assert first.ping(INTERNET4) and first.ping(INTERNET6)


def test_routed_pods_with_spoofCheck_reach_each_other_and_the_world(node):
    netfilter_on_the_bridge(node, False)
    conf = network("dual", podLink="routed", spoofCheck=True)
    first, second = node.pod(), node.pod()
    node.add(first, conf)
    for address in (*addresses_of(node.add(second, conf)), INTERNET4, INTERNET6):
        assert first.ping(address)
