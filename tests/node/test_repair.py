# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni repair`: what somebody flushed or deleted under running pods comes back."""
import fcntl
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin, snapshot
from harness.command import begin, command, conflist, lines_of, refused, repair, written
from harness.delegates import Delegate
from harness.portmap import ports, settled
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, LOG, NODE4, NODE6,
                          addresses_of, named, network)
from harness.reboot import crash
from harness.waiting import is_locked, wait_for
from harness.wire import BROADCAST, listening, send_frame, source_seen


NOTHING = ["nothing to mend"]


def state(node):
    """The state that a repair brings back as it was; only ports come back in another order."""
    found = node.state()
    for link in found["node"]["links"].values():
        for key in ("id", "no", "designated_port"):
            link.get("linkinfo", {}).get("info_slave_data", {}).pop(key, None)
    return found


def attached(node, conf, n=2):
    pods = [node.pod() for _ in range(n)]
    return pods, [node.add(pod, conf) for pod in pods]


def host_of(result):
    return named(result, sandbox=False)[1]["name"]


def assert_connected(pods, results):
    """Each pod reaches the others, the gateway and, masqueraded, the world."""
    for pod in pods:
        for result in results:
            for address in addresses_of(result):
                assert pod.ping(address), f"{pod.name} doesn't reach {address}"
        assert pod.ping(GATEWAY4) and pod.ping(GATEWAY6)
        assert source_seen(pod, pod.node.outside, INTERNET4) == NODE4
        assert source_seen(pod, pod.node.outside, INTERNET6) == NODE6


HARM = {
    "ruleset flushed": lambda node: node.nft("flush ruleset"),
    "table deleted": lambda node: node.nft("delete table inet bridge_cni"),
    "bridge deleted": lambda node: node.ip("link del cni0"),
    "bridge down": lambda node: node.ip("link set cni0 down"),
    "ports taken off": lambda node: [node.ip(f"link set {veth} nomaster")
                                     for veth in node.host_veths()],
    "ports down": lambda node: [node.ip(f"link set {veth} down")
                                for veth in node.host_veths()],
    "addresses flushed": lambda node: node.ip("addr flush dev cni0 scope global"),
    "connected routes deleted": lambda node: (node.ip("route del 10.1.2.0/24 dev cni0"),
                                              node.ip("-6 route del fd00:1:2::/64 dev cni0")),
    "forwarding off": lambda node: (node.sysctl("ipv4.ip_forward", 0),
                                    node.sysctl("ipv6.conf.all.forwarding", 0)),
}


@pytest.mark.parametrize("harm", HARM)
def test_pods_are_connected_again(node, harm):
    conf = network("dual", hairpinMode=True)
    pods, results = attached(node, conf)
    assert_connected(pods, results)
    before = state(node)
    HARM[harm](node)
    assert not (pods[0].ping(INTERNET4, wait=0.3) and pods[0].ping(INTERNET6, wait=0.3))
    lines = repair(node, conf)
    assert lines and lines != NOTHING
    node.uses(GATEWAY6)
    assert_connected(pods, results)
    snapshot.assert_same(before, state(node))
    assert repair(node, conf) == NOTHING


def test_a_bridge_that_is_made_anew_keeps_its_MAC_address_so_that_neighbours_find_it(node):
    conf = network("dual")
    pods, results = attached(node, conf)
    assert pods[0].ping(GATEWAY4) and pods[0].ping(GATEWAY6)
    mac = node.links()["cni0"]["address"]
    node.ip("link del cni0")
    repair(node, conf)
    assert node.links()["cni0"]["address"] == mac
    # With another MAC address no answer would come in this time, as neighbours go on
    # sending to the former one.
    settled(node)
    assert pods[0].ping(GATEWAY4, wait=2.5) and pods[0].ping(GATEWAY6, wait=2.5)


@pytest.mark.parametrize("hairpin", [True, False])
def test_hairpin_mode_is_as_configured(node, hairpin):
    conf = network(hairpinMode=hairpin)
    [pod], _ = attached(node, conf, 1)
    node.ip("link del cni0")
    repair(node, conf)
    with listening(pod, "eth0") as found:
        send_frame(pod, "eth0", BROADCAST, b"to all")
    assert found == [b"to all"] * hairpin


def test_isolated_pods_are_isolated_again(node):
    conf = network("dual", portIsolation=True)
    pods, results = attached(node, conf)
    node.ip("link del cni0")
    repair(node, conf)
    for address in addresses_of(results[1]):
        assert not pods[0].ping(address, wait=0.3)
    node.uses(GATEWAY6)
    assert all(pods[0].ping(address) for address in (GATEWAY4, GATEWAY6, INTERNET4))
    node.run("bridge", "link", "set", "dev", host_of(results[0]), "isolated", "off")
    assert pods[0].ping(GATEWAY4)
    assert repair(node, conf) != NOTHING
    assert node.links()[host_of(results[0])]["linkinfo"]["info_slave_data"]["isolated"]


def test_promiscuous_mode_and_MTU_come_back(node):
    conf = network(promiscMode=True, mtu=1400)
    pods, results = attached(node, conf)
    node.ip("link del cni0")
    repair(node, conf)
    bridge = node.links()["cni0"]
    assert bridge["mtu"] == 1400 and "PROMISC" in bridge["flags"]
    assert pods[0].ping(addresses_of(results[1])[0])


def test_the_bridge_gets_the_uplinks_MTU(node):
    node.ip("link set uplink0 mtu 1450")
    conf = network("dual")
    pods, _ = attached(node, conf)
    node.ip("link del cni0")
    repair(node, conf)
    assert node.links()["cni0"]["mtu"] == 1450
    assert pods[0].ping(INTERNET4) and pods[0].ping(INTERNET6)


def test_a_network_without_addresses_has_its_ports_again(node):
    conf = network(ipam=None, isDefaultGateway=None, ipMasq=None)
    pods, _ = attached(node, conf)
    for number, pod in enumerate(pods):
        pod.ip(f"addr add 10.44.0.{number + 1}/24 dev eth0")
    assert pods[0].ping("10.44.0.2")
    node.ip("link del cni0")
    repair(node, conf)
    assert pods[0].ping("10.44.0.2")
    assert node.addresses("cni0") == []


# -- rules and their elements


def bridge_table(node):
    return node.run("nft", "list", "table", "bridge", "bridge_cni", check=False).stdout


FALSE = "10.1.2.77"


def spoofs(pod):
    """Does what has a false source address arrive at the gateway?"""
    pod.ip(f"addr replace {FALSE}/32 dev eth0")
    assert pod.ping(GATEWAY4)  # its neighbour is known
    try:
        with pod.node.udp(GATEWAY4) as here, pod.udp(FALSE) as there:
            here.settimeout(0.5)
            there.sendto(b"?", here.getsockname())
            return here.recvfrom(16)[1][0] == FALSE
    except TimeoutError:
        return False
    finally:
        pod.ip(f"addr del {FALSE}/32 dev eth0")


def spoof_sets(node):
    return re.findall(r"set (\S+) {", bridge_table(node))


SPOOF_HARM = {
    "ruleset flushed": lambda node, host: node.nft("flush ruleset"),
    "sets flushed": lambda node, host: [node.nft(f"flush set bridge bridge_cni {name}")
                                        for name in spoof_sets(node)],
    "the pod's ports deleted": lambda node, host: [
        node.nft(f'delete element bridge bridge_cni {name} {{ "{host}" }}')
        for name in spoof_sets(node) if "_ports_" in name],
}


@pytest.mark.parametrize("harm", SPOOF_HARM)
def test_who_was_kept_from_spoofing_is_again(node, harm):
    conf = network("dual", spoofCheck=True)
    pods, results = attached(node, conf)
    before = state(node)
    assert not spoofs(pods[0])
    SPOOF_HARM[harm](node, host_of(results[0]))
    assert spoofs(pods[0])
    assert repair(node, conf) != NOTHING
    assert not spoofs(pods[0])
    assert_connected(pods, results)
    snapshot.assert_same(before, state(node))
    assert repair(node, conf) == NOTHING


def test_who_was_cut_off_by_a_deleted_element_is_connected_again(node):
    conf = network("dual", spoofCheck=True)
    pods, results = attached(node, conf)
    [src4] = [name for name in spoof_sets(node) if name.startswith("src4")]
    address, mac = addresses_of(results[0])[0], results[0]["interfaces"][2]["mac"]
    node.nft(f'delete element bridge bridge_cni {src4} '
             f'{{ "{host_of(results[0])}" . {mac} . {address} }}')
    assert not pods[0].ping(GATEWAY4, wait=0.3)
    [line] = repair(node, conf)
    assert pods[0].id in line and "spoofcheck" in line
    assert_connected(pods, results)


@pytest.mark.parametrize("fixed", [True, False], ids=["and ranges for all", "alone"])
def test_who_asked_for_ranges_is_masqueraded_again(node, fixed):
    """runtimeConfig.ipRanges stand in no file: the record has them."""
    conf = network() if fixed else network(ipam={"ranges": None})
    asked = [dict(conf, runtimeConfig={"ipRanges": ranges}) for ranges in (
        [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd00:5::/64"}]],
        [[{"subnet": "10.6.0.0/24"}, {"subnet": "10.7.0.0/24"}]])]
    pods = [node.pod(), node.pod()]
    node.add(pods[0], asked[0])
    assert node.invoke("ADD", dict(asked[1], forceAddress=True), pods[1]).returncode == 0
    def comments():
        listing = node.run("nft", "list", "table", "inet", "bridge_cni").stdout
        return sorted(re.findall('comment "(.*)"', listing))

    before = comments()
    assert repair(node, conf) == NOTHING
    node.nft("flush ruleset")
    assert repair(node, conf) != NOTHING
    assert comments() == before
    assert source_seen(pods[1], node.outside, INTERNET4) == NODE4
    assert repair(node, conf) == NOTHING


def by_pod(node):
    """A delegate that gives the nth container the nth address."""
    return Delegate(node, '''
        n = int(os.environ["CNI_CONTAINERID"].split("-")[0][3:]) + 5
        if verb == "ADD":
            answer(ips=[{"address": "10.77.0.%d/16" % n, "gateway": "10.77.0.1"}])''')


def inet_sets(node):
    listing = node.run("nft", "list", "table", "inet", "bridge_cni").stdout
    return re.findall(r"set (\S+) {", listing)


DELEGATE_HARM = {
    "ruleset flushed": lambda node: node.nft("flush ruleset"),
    "sets flushed": lambda node: [node.nft(f"flush set inet bridge_cni {name}")
                                  for name in inet_sets(node)],
    "an element deleted": lambda node: [
        node.nft(f"delete element inet bridge_cni {name} {{ 10.77.0.5 }}")
        for name in inet_sets(node) if name.startswith("pods4")],
    "bridge deleted": lambda node: node.ip("link del cni0"),
}


@pytest.mark.parametrize("harm", DELEGATE_HARM)
def test_pods_of_another_IPAM_plugin_are_masqueraded_again(node, harm):
    fake, pods = by_pod(node), [node.pod(), node.pod()]
    for pod in pods:
        fake.add(pod)
    before, calls = state(node), fake.verbs()
    DELEGATE_HARM[harm](node)
    assert not pods[0].ping(INTERNET4, wait=0.3)
    assert repair(node, fake.conf(), env=fake.env) != NOTHING
    for pod in pods:
        assert source_seen(pod, node.outside, INTERNET4) == NODE4
        assert pod.ping("10.77.0.1")
    assert pods[0].ping("10.77.0.6")
    snapshot.assert_same(before, state(node))
    assert fake.verbs() == calls
    assert repair(node, fake.conf(), env=fake.env) == NOTHING


# -- what is as it should be


# The first message of a socket strace doesn't know by name.
BY_NUMBER = {"0x12": "RTM_GETLINK", "0xa07": "NFT_MSG_GETRULE", "0xa0d": "NFT_MSG_GETSETELEM"}


@pytest.mark.parametrize("changes", [
    {"spoofCheck": True, "hairpinMode": True}, {"portIsolation": True, "mtu": 1400}])
def test_on_a_healthy_node_it_asks_and_changes_nothing(node, changes):
    conf = network("dual", **changes)
    attached(node, conf, 3)
    before, trace = node.state(), node.directory / "trace"
    assert repair(node, conf, env=plugin.TRACED, wrapper=plugin.strace(
        trace, "sendto,sendmsg,openat,rename,renameat,unlinkat")) == NOTHING
    snapshot.assert_same(before, node.state())
    text = trace.read_text()
    asked = {BY_NUMBER.get(name, name.split("|")[-1])
             for name in re.findall(r"nlmsg_type=([\w|<]+)", text)}
    assert asked >= {"RTM_GETLINK", "NFT_MSG_GETRULE"}  # it has looked
    assert all("_GET" in name for name in asked), asked
    assert "libnftables" not in text
    assert not re.search(r"/proc/sys.*O_WRONLY|rename|unlink", text)


def test_where_no_pod_is_connected_nothing_is_made(node):
    conf, pod = network("dual"), node.pod()
    before = node.state()
    assert repair(node, conf) == NOTHING
    snapshot.assert_same(before, node.state())
    node.add(pod, conf)
    node.delete(pod, conf)
    node.nft("flush ruleset")
    node.ip("link del cni0")
    before = node.state()
    assert repair(node, conf) == NOTHING
    snapshot.assert_same(before, node.state())


def test_a_pod_stays_on_the_bridge_that_it_was_put_on(node):
    """With another bridge it is another owner's: that of the former configuration."""
    conf = network("dual")
    pods, results = attached(node, conf)
    moved = network("dual", bridge="cni1")
    assert repair(node, moved) == NOTHING
    node.ip("link del cni0")
    assert repair(node, moved) == NOTHING
    repair(node, conf)
    assert_connected(pods, results)
    assert "cni1" not in node.links()


def test_a_gateway_that_gave_way_to_another_does_not_come_back(node):
    old, pods = network(), [node.pod(), node.pod()]
    new = network(forceAddress=True, ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    node.add(pods[0], old)
    assert node.invoke("ADD", new, pods[1]).returncode == 0
    assert node.addresses("cni0") == ["10.9.0.1/24"]
    assert repair(node, new) == NOTHING
    node.ip("link del cni0")
    repair(node, new)
    assert node.addresses("cni0") == ["10.9.0.1/24"]
    assert pods[1].ping(INTERNET4)


def test_a_bridge_that_was_set_down_is_not_called_made(node):
    conf = network()
    attached(node, conf, 1)
    node.ip("link set cni0 down")
    assert [line.split(": ", 1)[1] for line in repair(node, conf)] == [
        "bridge cni0: up, and set as configured"]


@pytest.mark.parametrize("families, stranger", [("v4", "10.99.0.1/24"),
                                                ("v6", "fd00:1:2::77/64")])
def test_a_gateway_that_cannot_come_back_is_an_error(node, families, stranger):
    """The configuration still has it; it is no earlier one's."""
    pod, conf = node.pod(), network(families)
    gateway = f"{GATEWAY4}/24" if families == "v4" else f"{GATEWAY6}/64"
    result = node.add(pod, conf)
    node.ip(f"addr del {gateway} dev cni0")
    node.ip(f"addr add {stranger} dev cni0 nodad")
    refused(command(node, "repair", *written(node, conf)), "cni0", gateway, stranger, "forceAddress")
    assert node.addresses("cni0") == [stranger]
    node.ip(f"addr del {stranger} dev cni0")
    assert repair(node, conf) != NOTHING
    node.check(pod, conf, result)


def test_with_forceAddress_a_strangers_address_gives_way_to_it_again(node):
    pod, conf = node.pod(), network(forceAddress=True)
    result = node.add(pod, conf)
    node.ip(f"addr del {GATEWAY4}/24 dev cni0")
    node.ip("addr add 10.99.0.1/24 dev cni0")
    assert [line.split(": ", 1)[1] for line in repair(node, conf)] == [
        "forceAddress: removed 10.99.0.1/24 from cni0", f"gateway address {GATEWAY4}/24 on cni0"]
    assert node.addresses("cni0") == [f"{GATEWAY4}/24"]
    node.check(pod, conf, result)


def test_two_networks_do_not_take_the_gateway_from_each_others_pods_in_turn(node):
    first = network(forceAddress=True)
    second = network(forceAddress=True, name="second",
                     ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    pods = [node.pod(), node.pod()]
    node.invoke("ADD", first, pods[0])
    node.invoke("ADD", second, pods[1])
    assert node.addresses("cni0") == ["10.9.0.1/24"]
    refused(command(node, "repair", *written(node, first)), "10.1.2.1/24", "10.9.0.1/24", "another network's pods")
    assert repair(node, second) == NOTHING
    assert node.addresses("cni0") == ["10.9.0.1/24"]
    assert pods[1].ping(INTERNET4)


def test_the_gateways_of_a_pods_own_ranges_come_back_beside_the_configurations(node):
    conf, pods = network(), [node.pod(), node.pod()]
    node.add(pods[0], conf)
    node.add(pods[1], {**conf, "runtimeConfig": {"ipRanges": [[{"subnet": "10.7.0.0/24"}]]}})
    assert node.addresses("cni0") == [f"{GATEWAY4}/24", "10.7.0.1/24"]
    node.ip("addr del 10.7.0.1/24 dev cni0")
    assert repair(node, conf) != NOTHING
    assert node.addresses("cni0") == [f"{GATEWAY4}/24", "10.7.0.1/24"]


# -- those that are dead, come or go


def test_nothing_of_a_dead_pod_comes_back(node):
    conf = network("dual", spoofCheck=True)
    pods, results = attached(node, conf, 3)
    veth, dead, *pods = host_of(results[0]), *pods
    crash(dead)
    node.nft("flush ruleset")
    node.ip("link del cni0")
    lines = repair(node, conf)
    assert not any(dead.id in line for line in lines)
    assert veth not in bridge_table(node) and veth not in node.links()
    assert addresses_of(results[0])[0] not in bridge_table(node)
    assert pods[0].ping(GATEWAY4) and pods[1].ping(GATEWAY6)


def test_a_pod_whose_DEL_has_begun_is_left_alone(node):
    """No lock is held while the delegate's DEL runs; the pod's interface is still there."""
    slow = Delegate(node, '''
        n = int(os.environ["CNI_CONTAINERID"].split("-")[0][3:])
        if verb == "ADD": answer(ips=[{"address": "10.77.0.%d/16" % (n + 5)}])
        if verb == "DEL" and n == 0: hold()''')
    pods, conf = [node.pod(), node.pod()], slow.conf(spoofCheck=True)
    for pod in pods:
        slow.add(pod, conf)
    [path] = written(node, conf)
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(slow.delete, pods[0], conf)
        with slow.held():
            node.nft("flush ruleset")
            lines = lines_of(command(node, "repair", path))
        pending.result()
    assert lines and not any(pods[0].id in line for line in lines)
    listing = node.run("nft", "list", "ruleset").stdout
    assert "10.77.0.5" not in listing and "10.77.0.6" in listing


def test_an_ADD_that_waits_for_the_exclusive_lock_is_left_alone(node):
    """For its host port: it then lets in who has waited before, and has no rates yet, nor
    hairpin mode by its record."""
    rates = {"ingressRate": 10 ** 7, "ingressBurst": 10 ** 6,
             "egressRate": 10 ** 7, "egressBurst": 10 ** 6}
    conf, pod = ports((8080, 80), **rates), node.pod()
    node.add(node.pod(), ports((9090, 90), **rates))
    [lock] = (node.run_dir / "bridge-cni").glob("*.lock")
    with open(node.var_lib / "cni/networks/testnet/lock") as store:
        fcntl.flock(store, fcntl.LOCK_EX)
        add = node.start("ADD", conf, pod)
        wait_for(lambda: is_locked(lock, fcntl.LOCK_EX))
        mend = begin(node, "repair", *written(node, conf))
        wait_for(lambda: is_locked(lock.with_suffix(".gate"), fcntl.LOCK_SH))
    result = plugin.judge("ADD", add(), plugin.NEWEST)
    done = mend()
    assert lines_of(done) == NOTHING
    node.check(pod, conf, result)
    node.delete(pod, conf)
    node.assert_nothing_left(pod, others=1)


def test_racing_with_ADD_and_DEL_it_leaves_what_each_pod_is_to_have(node):
    """Meanwhile the bridge is deleted and the rules are flushed, again and again."""
    conf = network("dual", spoofCheck=True)
    [path] = written(node, conf)
    fixed, going = node.pod(), [node.pod() for _ in range(4)]
    result = node.add(fixed, conf)
    before = state(node)

    def come_and_go(pod):
        for _ in range(5):
            node.add(pod, conf)
            node.delete(pod, conf)

    def harm():
        while not done:
            node.nft("flush ruleset")
            node.run("ip", "link", "del", "cni0", check=False)
            assert command(node, "repair", path).returncode == 0

    done = []
    with ThreadPoolExecutor() as pool:
        neighbour = pool.submit(harm)
        try:
            failures = [job.exception() for job in
                        [pool.submit(come_and_go, pod) for pod in going]]
        finally:
            done.append(True)
        neighbour.result()
    # An ADD may fail because of the neighbour who deletes, but it leaves nothing.
    for pod in going:
        node.delete(pod, conf)
    repair(node, conf)
    assert_connected([fixed], [result])
    after = state(node)
    for found in (before, after):
        found["disk"] = {name: text for name, text in found["disk"].items()
                         if not re.search("index|last_reserved|lock", name)}
    snapshot.assert_same(before, after)
    assert not [f for f in failures if f and not isinstance(f, plugin.CniError)]


# -- files


def test_all_networks_of_the_runtimes_directory_are_looked_after(node):
    confs = [network("dual"), network(name="second", bridge="cni1",
                                      ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})]
    pods = [node.pod(), node.pod()]
    for pod, conf in zip(pods, confs):
        node.add(pod, conf)
    directory = node.directory / "net.d"
    directory.mkdir()
    loopback = {"cniVersion": "1.0.0", "name": "lo", "type": "loopback"}
    for name, content in {"10-a.conflist": conflist(confs[0], {"type": "portmap"}),
                          "20-b.conf": confs[1], "30-lo.json": loopback,
                          "40.conflist.bak": {"broken": 1}}.items():
        (directory / name).write_text(json.dumps(content))
    (directory / "50-no.txt").write_text("{")
    node.ip("link del cni0")
    node.ip("link del cni1")
    lines = lines_of(command(node, "repair", str(directory)))
    assert any(line.startswith("testnet: ") or line.startswith("testnet ") for line in lines)
    assert any(line.startswith("second") for line in lines)
    assert pods[0].ping(INTERNET4) and pods[1].ping(INTERNET4)
    assert lines_of(command(node, "repair", str(directory))) == NOTHING


def test_without_a_file_it_is_etc_cni_net_d(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    directory = node.directory / "net.d"
    directory.mkdir()
    (directory / "10-pods.conflist").write_text(json.dumps(conflist(conf)))
    node.nft("flush ruleset")
    bound = ["unshare", "-m", "sh", "-c",
             'mount -t tmpfs none /etc && mkdir -p /etc/cni/net.d && '
             f'mount --bind {directory} /etc/cni/net.d && exec "$@"', "sh"]
    lines = lines_of(command(node, "repair", wrapper=bound))
    assert lines == ["testnet: masquerade: the rules in table inet bridge_cni"]
    assert pod.ping(INTERNET4)
    (directory / "10-pods.conflist").unlink()
    line, more = lines_of(command(node, "repair", wrapper=bound))
    assert line == ('no plugin of type "bridge-cni" is in the files (*.conflist, *.conf, '
                    '*.json) of /etc/cni/net.d')
    assert more.startswith("network testnet has 1 pod and no configuration")
    told = command(node, "doctor", wrapper=bound).stdout.splitlines()
    assert sum("warning: configuration: network testnet has 1 pod" in line for line in told) == 1
    shown = command(node, "show", wrapper=bound).stdout
    assert "masquerade   yes, by the pods' records" in shown and "none needed" not in shown
    for word in ("bridge-cni show testnet", "bridge-cni cleanup", "/etc/cni/net.d"):
        assert word in more
    # So it is beside a network that is configured; nothing is said of one without a pod.
    other = network(name="other", bridge="cni1", ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    (directory / "20-other.conflist").write_text(json.dumps(conflist(other)))
    assert lines_of(command(node, "repair", wrapper=bound)) == ["nothing to mend", more]
    told = command(node, "doctor", wrapper=bound).stdout
    assert "network testnet has 1 pod" in told and "network other has" not in told
    (directory / "10-pods.conflist").write_text(json.dumps(conflist(conf)))
    assert "network testnet has" not in command(node, "doctor", wrapper=bound).stdout
    (directory / "10-pods.conflist").unlink()
    node.delete(pod, conf)
    assert lines_of(command(node, "repair", wrapper=bound)) == ["nothing to mend"]
    assert "network testnet has" not in command(node, "doctor", wrapper=bound).stdout


@pytest.mark.parametrize("verb", ["repair", "cleanup"])
def test_a_node_without_that_directory_has_nothing_to_look_after(node, verb):
    bound = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /etc && exec "$@"', "sh"]
    line, *more = lines_of(command(node, verb, wrapper=bound))
    assert line == ('no plugin of type "bridge-cni": there is no /etc/cni/net.d; name a FILE '
                    'to look elsewhere')
    assert ["--data-dir" in words for words in more] == [True] * (verb == "cleanup")


@pytest.mark.parametrize("verb", ["repair", "cleanup"])
@pytest.mark.parametrize("names", [[], ["10-lo.conf"], ["10-pods.conflist.bak"]])
def test_a_directory_that_is_named_and_has_none_of_ours_is_an_error(node, verb, names):
    """One beside it that has some doesn't make up for it."""
    good, bad = node.directory / "good", node.directory / "bad"
    for directory in (good, bad):
        directory.mkdir()
    (good / "10-pods.conf").write_text(json.dumps(network()))
    for name in names:
        (bad / name).write_text(json.dumps({"name": "lo", "type": "loopback"}))
    for arguments in ([bad], [good, bad], [bad, good]):
        done = command(node, verb, *map(str, arguments))
        assert done.returncode == 1
        assert done.stderr == (f'bridge-cni: {bad}: no plugin of type "bridge-cni" is in its '
                               'files (*.conflist, *.conf, *.json)\n')


def test_called_by_another_name_it_knows_plugins_of_that_name(node):
    path = node.directory / "bridge"
    path.symlink_to(plugin.BRIDGE_CNI)
    conf, pod = network(type="bridge"), node.pod()
    node.add(pod, conf)
    node.nft("flush ruleset")
    assert repair(node, conf, executable=str(path)) != NOTHING
    assert pod.ping(INTERNET4)


WRONG = {
    "missing": (None, ["opening it", "No such file"]),
    "broken": ("{", ["line 1"]),
    "not JSON at all": ("plugins:", ["line 1"]),
    "empty": ("", []),
    "a list of nothing": ({"name": "x", "plugins": []}, ["bridge-cni"]),
    "somebody else's": ({"name": "x", "plugins": [{"type": "bridge"}]}, ["bridge-cni"]),
    "plugins are no list": ({"name": "x", "plugins": {}}, ["plugins", "a list"]),
    "a type that is none": ({"name": "x", "plugins": [{"type": 5}]}, ["plugins[0].type", "5"]),
    "without a name": ({"plugins": [{"type": "bridge-cni"}]}, ["plugins[0]", "name"]),
    "a wrong key": ({"cniVersion": "1.0.0", "name": "x", "plugins": [
        {"type": "portmap"}, {"type": "bridge-cni", "mtu": 7}]}, ["plugins[1]: mtu", "7"]),
    "a wrong key of a single one": ({"name": "x", "type": "bridge-cni", "mtu": 7},
                                    [": mtu", "7"]),
    "a version of the future": ({"cniVersion": "9.0.0", "name": "x", "plugins": [
        {"type": "bridge-cni"}]}, ["9.0.0"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_is_wrong_is_named_with_what_is_wrong_and_keeps_none_from_its_repair(
        node, case):
    content, words = WRONG[case]
    path = node.directory / "wrong.conflist"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.nft("flush ruleset")
    done = command(node, "repair", str(path), *written(node, conf))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "testnet: masquerade: the rules in table inet bridge_cni"]
    assert len(done.stderr.splitlines()) == 1
    for word in ("wrong.conflist", *words):
        assert word in done.stderr, done.stderr
    assert pod.ping(INTERNET4)


def test_one_network_that_can_not_be_mended_keeps_no_other_from_it(node):
    confs = [network(name="first"), network(name="second", bridge="cni1", ipam={
        "ranges": [[{"subnet": "10.9.0.0/24"}]]})]
    pods = [node.pod() for _ in range(4)]
    for pod, conf in zip(pods, (*confs, *confs)):
        node.add(pod, conf)
    node.nft("flush ruleset")
    node.ip("link del cni0")
    node.ip("link del cni1")
    node.ip("link add cni0 type veth peer name peer1")
    done = command(node, "repair", *written(node, *confs))
    assert done.returncode == 1
    [line] = done.stderr.splitlines()  # once, not for each pod
    assert "first" in line and "cni0" in line and "no bridge" in line
    assert "first: masquerade" in done.stdout and "made the bridge cni1" in done.stdout
    assert pods[1].ping(INTERNET4) and pods[3].ping("10.9.0.2")


@pytest.mark.parametrize("arguments", [["repair", "--all"], ["repair", "-"], ["mend"],
                                       ["--help", "me"]])
def test_arguments_it_does_not_know_are_refused(node, arguments):
    done = command(node, *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert arguments[-1] in done.stderr and "repair" in done.stderr


def test_what_was_mended_must_be_told(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.nft("flush ruleset")
    done = command(node, "repair", *written(node, conf),
                   wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode == 1 and "standard output" in done.stderr
    assert pod.ping(INTERNET4)


def test_it_writes_a_line_to_the_log(node):
    log = node.run_dir / "log"
    conf = network(logFile=LOG)
    attached(node, conf, 1)
    node.nft("flush ruleset")
    repair(node, conf)
    assert "verb=repair network=testnet" in log.read_text().splitlines()[-1]
    assert "outcome=ok" in log.read_text().splitlines()[-1]
    node.ip("link del cni0")
    node.ip("link add cni0 type veth peer name peer1")
    assert command(node, "repair", *written(node, conf)).returncode == 1
    assert "outcome=error code=103" in log.read_text().splitlines()[-1]


def test_it_waits_for_operations_that_are_under_way(node):
    """The repair sees the changes that happen until then."""
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    [path] = written(node, conf)
    [lock] = node.run_dir.glob("bridge-cni/node-*.lock")
    with open(lock) as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # as an ADD holds it
        finish = begin(node, "repair", path)
        wait_for(lambda: is_locked(lock.with_suffix(".gate"), fcntl.LOCK_SH))
        node.nft("flush ruleset")
    assert lines_of(finish()) == ["testnet: masquerade: the rules in table inet bridge_cni"]
    assert pod.ping(INTERNET4)
