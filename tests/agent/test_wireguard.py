# SPDX-License-Identifier: GPL-2.0-or-later
"""WireGuard between nodes in different subnets. `wg` tells what the kernel has. Where this kernel
has no WireGuard, one test runs, and the others in the virtual machine (make check-vm)."""
import contextlib
import functools
import os
import re
import subprocess
import time

import pytest

from harness import plugin, wire
from harness.waiting import wait_for

KEYS = "bridge-cni/wireguard-keys"
DEVICE = "bcni-wg"
SLOW = 120  # seconds, in a virtual machine without KVM


@functools.cache
def kernel_has_it():
    """A device is made in a namespace that ends at once."""
    return subprocess.run(["unshare", "-n", "ip", "link", "add", "wg", "type", "wireguard"],
                          capture_output=True).returncode == 0


needs_wireguard = pytest.mark.skipif(not kernel_has_it(), reason="this kernel has no WireGuard")


@contextlib.contextmanager
def capture(node, *expression):
    """Afterwards the list has what crosses the node's uplink, a line a packet."""
    lines = []
    dump = node.popen(["tcpdump", "-lnni", "eth0", *expression], stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)
    for line in dump.stderr:
        if "listening on" in line:
            break
    yield lines
    time.sleep(0.2)
    dump.terminate()
    lines += filter(None, dump.communicate()[0].splitlines())
    node._processes.remove(dump)


IN_THE_CLEAR = "net 10.244.0.0/16 or net fd00:244::/32 or ip proto 4 or ip6 proto 41 or udp port 8472"


@pytest.mark.skipif(kernel_has_it(), reason="this kernel has WireGuard")
def test_a_kernel_without_it_is_named_and_nothing_is_sent_in_the_clear(cluster):
    one, two = cluster.ready(2)
    pod = one.attach()
    two.stop_agent()  # which would remove what the next line says of its node
    cluster.api.annotate(two.name, {KEYS: f"51820:{'A' * 42}E="})
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard")
    wait_for(lambda: "modprobe wireguard" in one.page("/readyz")[1])
    assert "making the WireGuard device bcni-wg: Operation not supported" in one.log()
    assert DEVICE not in one.links()
    wait_for(lambda: one.metrics()['bridge_cni_nodes_unrouted{reason="no-tunnel"}'] == 2)
    assert not one.own_routes()
    assert one.sealed() == {"10.244.1.0/24", "10.244.2.0/24", "fd00:244:0:1::/64",
                            "fd00:244:0:2::/64"}
    with capture(one, IN_THE_CLEAR) as clear:
        for address in "10.244.2.9", "fd00:244:0:2::9":
            assert not pod.ping(address, wait=1) and not one.ping(address, wait=1)
    closed = one.sealed()
    with capture(one, IN_THE_CLEAR) as clear_then:
        # Its pods may run on.
        cluster.api.remove(two.name)
        wait_for(lambda: not one.metrics().get('bridge_cni_nodes_unrouted{reason="no-tunnel"}'))
        assert not pod.ping("10.244.2.9", wait=1)
        assert one.sealed() == closed
        cluster.join(two)
        wait_for(lambda: one.metrics().get('bridge_cni_nodes_unrouted{reason="no-tunnel"}') or
                         one.metrics().get('bridge_cni_nodes_unrouted{reason="no-wireguard-key"}'))
        assert one.sealed() == closed
    assert not clear and not clear_then
    one.stop_agent()
    one.start_agent()
    wait_for(lambda: set(two.cidrs) <= {*one.own_routes()} and not one.sealed())


def test_after_a_boot_no_pod_starts_before_the_default_route_is_closed(cluster):
    """The configuration is there before the agent, and would let pods send in the clear."""
    one, two = cluster.ready(2)
    assert "waitForAgent" not in one.conf()
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard")
    wait_for(lambda: one.conf().get("waitForAgent") and one.sealed() >= {*two.cidrs}, SLOW)
    former = one.attach()
    one.stop_agent()
    for family in "-4", "-6":
        one.ip(f"{family} route flush proto 98")
    (one.run_dir / "bridge-cni/ready").unlink()
    with plugin.refusal(plugin.UNAVAILABLE, "waitForAgent"):
        one.attach()
    one.detach(former)
    cluster.api.stop()
    one.start_agent("--tunnel", "wireguard")
    with pytest.raises(AssertionError):
        wait_for(lambda: one.sealed() or (one.run_dir / "bridge-cni/ready").exists(), 3)
    with plugin.refusal(plugin.UNAVAILABLE, "waitForAgent"):
        one.attach()
    cluster.api.start()
    wait_for((one.run_dir / "bridge-cni/ready").exists, SLOW)
    assert one.sealed() >= {*two.cidrs}
    with capture(one, IN_THE_CLEAR) as clear:
        assert not one.attach().ping("10.244.2.9", wait=1)
    assert not clear
    one.stop_agent()
    one.start_agent()
    wait_for(lambda: "waitForAgent" not in one.conf(), SLOW)


def test_with_cluster_cidr_what_no_Node_has_yet_is_closed_too(cluster):
    """A Node that is new is known a moment later than its pods, or not before the API server answers.
    An InternalIP among the pods' addresses is reached as before."""
    one = cluster.ready(1)[0]
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard", "--cluster-cidr", "10.244.0.0/16,fd00:244::/32")
    wait_for(lambda: one.sealed() == {"10.244.0.0/16", "fd00:244::/32", *one.cidrs}, SLOW)
    pod = one.attach()
    with capture(one, IN_THE_CLEAR) as clear:
        for address in "10.244.77.9", "fd00:244:0:77::9":
            assert not pod.ping(address, wait=1) and not one.ping(address, wait=1)
    assert not clear
    cluster.api.put("inside", [], ["10.244.200.1"])
    wait_for(lambda: one.sealed() == {"fd00:244::/32", *one.cidrs}, SLOW)
    cluster.api.remove("inside")
    wait_for(lambda: one.sealed() == {"10.244.0.0/16", "fd00:244::/32", *one.cidrs}, SLOW)
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard")
    wait_for(lambda: one.sealed() == {*one.cidrs}, SLOW)
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard", "--cluster-cidr", "10.244.0.0/16,fd00:244::/32")
    wait_for(lambda: "10.244.0.0/16" in one.sealed(), SLOW)
    one.stop_agent()
    one.start_agent()
    wait_for(lambda: not one.sealed(), SLOW)


def group_of_memory(node, *options):
    """Whose /proc files that show it are, of an agent with the group 1."""
    node.agent = node.popen(["setpriv", "--regid", "1", "--clear-groups",
                             *node.agent_argv(*options)], stderr=open(node.log_path, "ab"))
    wait_for(lambda: node.page("/healthz")[0] == 200, SLOW)
    group = os.stat(f"/proc/{node.agent.pid}/environ").st_gid
    node.stop_agent()
    return group


def test_an_agent_that_has_private_keys_shows_its_memory_to_nobody(cluster):
    """The kernel gives such files to root when it writes no core dump (prctl(2),
    PR_SET_DUMPABLE)."""
    node = cluster.node()
    assert group_of_memory(node, "--tunnel", "none") == 1
    assert group_of_memory(node, "--tunnel", "wireguard") == 0
    assert group_of_memory(node, "--tunnel-receive", "wireguard") == 0


# -- nodes with WireGuard


class Peer:
    def __init__(self, line):
        key, _, endpoint, allowed, handshake, rx, tx, _ = line.split("\t")
        self.key, self.endpoint, self.handshake = key, endpoint, int(handshake)
        self.allowed = set() if allowed == "(none)" else set(allowed.split(","))


def shown(node):
    """The device's private key, public key, port; and its peers by key."""
    first, *others = node.run("wg", "show", DEVICE, "dump").stdout.splitlines()
    private, public, port, mark = first.split("\t")
    assert mark == "off"
    return (private, public, int(port)), {peer.key: peer for peer in map(Peer, others)}


def public_key(node):
    return shown(node)[0][1]


def note(node):
    return node.cluster.api.annotations(node.name).get(KEYS)


def start(*nodes, options=()):
    for node in nodes:
        node.start_agent("--tunnel", "wireguard", "--resync-seconds", "3600", *options)
    for node in nodes:
        wait_for(node.ready, SLOW)
        others = {cidr for other in nodes if other is not node for cidr in other.cidrs}
        wait_for(lambda: others <= {*node.own_routes()}, SLOW)


def reaches(one, address):
    """The first packets may wait for a handshake."""
    wait_for(lambda: one.ping(address, wait=3), SLOW)


@pytest.fixture(scope="module")
def trio(shared):
    """Three nodes on two links; the third one's InternalIP is of IPv6 alone."""
    shared.network("b")
    shared.fabric.check_sources(routers=True)
    nodes = [shared.node(), shared.node(network="b", underlay="v6 v4"),
             shared.node(network="b", underlay="v6")]
    start(*nodes)
    return nodes


@pytest.fixture(scope="module")
def pods(trio):
    return [node.attach() for node in trio]


@needs_wireguard
def test_pods_see_each_others_own_addresses_and_the_underlay_sees_wireguard_alone(trio, pods):
    with capture(trio[0], IN_THE_CLEAR) as clear, capture(trio[0], "udp port 51820") as tunnel:
        for one in pods:
            for other in pods:
                if one is not other:
                    reaches(one, other.address4)
                    reaches(one, other.address6)
                    assert wire.source_seen(one, other, other.address4) == one.address4
                    assert wire.source_seen(one, other, other.address6) == one.address6
    assert not clear
    assert len(tunnel) > 20
    assert trio[0].cluster.fabric.dropped() == 0


@needs_wireguard
def test_a_node_reaches_remote_pods_from_its_devices_address(trio, pods):
    for node, pod, in ((trio[0], pods[1]), (trio[2], pods[0])):
        for address, own in ((pod.address4, f"10.244.{node.number}.0"),
                             (pod.address6, f"fd00:244:0:{node.number}::")):
            reaches(node, address)
            assert wire.source_seen(node, pod, address) == own


@needs_wireguard
def test_the_device_has_what_its_nodes_say_and_no_link_local_address(trio):
    for node in trio:
        (_, public, port), peers = shown(node)
        assert note(node) == f"{port}:{public}" and port == 51820
        others = [other for other in trio if other is not node]
        assert set(peers) == {public_key(other) for other in others}
        for other in others:
            peer = peers[public_key(other)]
            assert peer.allowed == set(other.cidrs)
            # The kernel sends to where the last packet came from: another node's choice of the
            # family may be another one.
            assert peer.endpoint in {f"[{a}]:51820" if ":" in a else f"{a}:51820"
                                     for a in other.internal_ips}
        device, = node.ip_json("addr", "show", "dev", DEVICE)
        assert {f"{a['local']}/{a['prefixlen']}" for a in device["addr_info"]} == {
            f"10.244.{node.number}.0/32", f"fd00:244:0:{node.number}::/128"}
        assert device["mtu"] == 1500 - 80
        assert node.sysctl(f"ipv4.conf.{DEVICE}.rp_filter") == "2"
        key, = (node.run_dir / "bridge-cni").glob("*.key")
        assert key.stat().st_mode & 0o7777 == 0o600 and key.stat().st_size == 32


@needs_wireguard
def test_what_somebody_changes_is_right_again(trio, pods):
    one, two, three = trio
    before = shown(one)
    key = public_key(two)
    one.run("wg", "set", DEVICE, "peer", key, "remove")
    wait_for(lambda: key in shown(one)[1], SLOW)
    one.run("wg", "set", DEVICE, "peer", key, "endpoint", "192.0.2.99:1", "allowed-ips", "10.9.9.0/24")
    wait_for(lambda: shown(one)[1][key].allowed == set(two.cidrs), SLOW)
    (one.directory / "key").write_text(one.run("wg", "genkey").stdout)
    one.run("wg", "set", DEVICE, "private-key", one.directory / "key", "listen-port", "4000",
            "fwmark", "7")
    wait_for(lambda: one.run("wg", "show", DEVICE, "dump").stdout.splitlines()[0].split("\t") ==
             [*map(str, before[0]), "off"], SLOW)
    one.ip(f"link set {DEVICE} down")
    reaches(pods[0], pods[1].address4)
    one.ip(f"link del {DEVICE}")
    reaches(pods[0], pods[1].address4)
    assert shown(one)[0] == before[0]


@needs_wireguard
def test_an_agent_that_is_killed_and_comes_again_disturbs_no_session(trio, pods):
    one = trio[0]
    reaches(pods[0], pods[1].address4)
    handshake = shown(one)[1][public_key(trio[1])].handshake
    one.stop_agent(9)
    pings = pods[0].popen(["ping", "-n", "-i", "0.2", "-c", "50", "-W", "10", pods[1].address4],
                          stdout=subprocess.PIPE, text=True)
    start(one)
    assert " 0% packet loss" in pings.communicate()[0]
    assert shown(one)[1][public_key(trio[1])].handshake == handshake


@needs_wireguard
def test_nodes_without_a_key_of_their_own_are_named_and_not_served(trio, pods):
    """One says no key, one no right one, and one that of another node, which loses nothing; nor does
    it when the agent starts anew."""
    cluster, one, two = trio[0].cluster, trio[0], trio[1]
    mute, wrong, copier = [cluster.node() for _ in range(3)]
    cluster.api.annotate(wrong.name, {KEYS: "51820:abc"})
    cluster.api.annotate(copier.name, {KEYS: note(two)})
    reasons = {mute: "no-wireguard-key", wrong: "bad-wireguard-key", copier: "shared-wireguard-key"}

    def all_are_named():
        for node, reason in reasons.items():
            wait_for(lambda: f'bridge_cni_node_unrouted{{node="{node.name}",reason="{reason}"}}'
                             in one.page("/metrics")[1], SLOW)

    with capture(one, IN_THE_CLEAR) as clear:
        all_are_named()
        for node in reasons:
            assert not pods[0].ping(f"10.244.{node.number}.9", wait=1)
        assert f"node={copier.name} owner={two.name}" in one.log()
        one.stop_agent(9)
        start(one)
        all_are_named()
        assert shown(one)[1].keys() == {public_key(two), public_key(trio[2])}
        assert shown(one)[1][public_key(two)].allowed == set(two.cidrs)
        reaches(pods[0], pods[1].address4)
    cluster.api.annotate(mute.name, {KEYS: note(one)})
    wait_for(lambda: one.metrics()[
        'bridge_cni_nodes_unrouted{reason="shared-wireguard-key"}'] == 4, SLOW)
    for node in reasons:
        cluster.api.remove(node.name)
    assert not clear


@needs_wireguard
def test_a_node_whose_InternalIP_changes_is_reached_at_the_new_one(trio, pods):
    cluster, two = trio[0].cluster, trio[1]
    address = two.address6.replace("::", "::7:")
    two.ip_batch(f"addr add {address}/64 dev eth0 nodad\naddr del {two.address6}/64 dev eth0\n")
    two.address6, two.internal_ips = address, [address, two.address4]
    cluster.join(two)
    wait_for(lambda: shown(trio[2])[1][public_key(two)].endpoint == f"[{address}]:51820", SLOW)
    reaches(pods[2], pods[1].address4)


@needs_wireguard
def test_a_port_that_is_taken_is_named(cluster):
    node = cluster.node()
    with node.udp("0.0.0.0", 51820):
        node.start_agent("--tunnel", "wireguard")
        wait_for(lambda: "UDP port 51820, which bcni-wg needs, is taken" in node.log(), SLOW)
        assert not node.ready()
    wait_for(node.ready, SLOW)


@needs_wireguard
def test_cleanup_removes_device_key_and_annotation(cluster):
    one, two = cluster.node(), cluster.node()
    start(one, two)
    assert note(one)
    one.stop_agent()
    one.run(*one.agent_argv("--cleanup"))
    assert one.left() == []
    assert note(one) is None and note(two)


# -- rotation: --rotate-key-days counts days, so that the tests make the keys' files old

SECOND = "bcni-wg2"
ROTATION = 300  # seconds: a minute's wait for peers is part of it


def since_boot():
    """Keys' files have times by this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def make_keys_old(*nodes, days=3):
    for node in nodes:
        for device in DEVICE, SECOND:
            then = since_boot() - days * 86400
            os.utime(node.run_dir / f"bridge-cni/{device}.key", (then, then))


def generation(node):
    """-1: its Node says one key."""
    return int(note(node).partition(";generation=")[2] or -1)


def leads_by(node, other):
    return {node.ip_json("route", "show", cidr)[0]["dev"] for cidr in other.cidrs if ":" not in cidr}


def have_shaken_hands(node, device):
    peers = node.run("wg", "show", device, "latest-handshakes").stdout.split()[1::2]
    return peers and "0" not in peers


def restart(*nodes, options=("--rotate-key-days", "1")):
    """What an agent that was killed has done is gone on with."""
    for node in nodes:
        node.stop_agent(9)
        node.start_agent("--tunnel", "wireguard", "--resync-seconds", "3600", *options)


@contextlib.contextmanager
def no_ping_lost(*ways):
    """A hundred a second, by each way from a pod to a pod."""
    pings = [(pod, pod.popen(["ping", "-q", "-n", "-i", "0.01", other.address4],
                             stdout=subprocess.PIPE, text=True)) for pod, other in ways]
    yield
    for _, ping in pings:
        ping.send_signal(2)
        said = ping.communicate()[0]
        sent, got = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", said).groups())
        assert sent > 1000 and sent - got <= 1, said  # the last one may be under way


@pytest.fixture
def rotating(cluster):
    cluster.network("b")
    nodes = [cluster.node(), cluster.node(network="b")]
    start(*nodes, options=("--rotate-key-days", "1"))
    for node in nodes:
        wait_for(lambda: have_shaken_hands(node, DEVICE) and have_shaken_hands(node, SECOND), SLOW)
    return nodes


@needs_wireguard
def test_keys_rotate_without_a_lost_ping(rotating):
    """One node first, then the other one, then both at once, and one without the other."""
    one, two = rotating
    pods = [node.attach() for node in rotating]
    reaches(pods[0], pods[1].address4)
    with no_ping_lost(pods, pods[::-1]):
        first = note(one)
        make_keys_old(one)
        wait_for(lambda: generation(one) == 1, ROTATION)
        assert note(one).split(",")[0] == first.split(",")[0]
        assert note(one).split(",")[1].split(";")[0] != first.split(",")[1].split(";")[0]
        wait_for(lambda: have_shaken_hands(one, SECOND) and have_shaken_hands(two, SECOND), SLOW)
        assert leads_by(one, two) == leads_by(two, one) == {DEVICE}

        make_keys_old(two)
        restart(one)
        wait_for(lambda: generation(two) == 1, ROTATION)
        wait_for(lambda: leads_by(one, two) == leads_by(two, one) == {SECOND}, SLOW)

        make_keys_old(one, two)
        restart(one, two)
        wait_for(lambda: generation(one) == generation(two) == 2, ROTATION)
        wait_for(lambda: leads_by(one, two) == leads_by(two, one) == {DEVICE}, SLOW)

        two.stop_agent(9)
        make_keys_old(one)
        restart(one)
        wait_for(lambda: generation(one) == 3, ROTATION)
        assert one.metrics()["bridge_cni_wireguard_rotation_waiting"] == 0
        make_keys_old(one)
        restart(one)
        wait_for(lambda: one.metrics()["bridge_cni_wireguard_rotation_waiting"] == 1, ROTATION)
        assert f"nodes={two.name}" in one.log()
        time.sleep(10)
        assert generation(one) == 3 and leads_by(one, two) == {DEVICE}


@needs_wireguard
@pytest.mark.skipif(os.environ.get("FULL", "") in ("", "0"),
                    reason="it takes minutes in a virtual machine: FULL=1")
def test_a_node_that_rotates_no_more_goes_back_to_one_key_without_a_lost_ping(rotating):
    one, two = rotating
    pods = [node.attach() for node in rotating]
    reaches(pods[0], pods[1].address4)
    key = one.run_dir / f"bridge-cni/{SECOND}.key"
    make_keys_old(one, days=-9)
    wait_for(lambda: key.stat().st_mtime <= since_boot(), SLOW)
    assert generation(one) == 0
    with no_ping_lost(pods, pods[::-1]):
        make_keys_old(one, two)
        wait_for(lambda: leads_by(one, two) == leads_by(two, one) == {SECOND}, ROTATION)
        restart(one, options=())
        wait_for(lambda: leads_by(one, two) == leads_by(two, one) == {DEVICE}, SLOW)
        wait_for(lambda: generation(one) == -1, ROTATION)
        wait_for(lambda: SECOND not in one.links(), SLOW)
        wait_for(lambda: not two.run("wg", "show", SECOND, "peers").stdout, SLOW)
    assert generation(two) == 1 and not key.exists()
