# SPDX-License-Identifier: GPL-2.0-or-later
"""WireGuard between nodes in different subnets. Where this kernel has none, these tests run in the
virtual machine (make check-vm)."""
import socket
import struct

import pytest

from harness import wire
from harness.crafted import SOURCE_MAC, inner_udp, send_packet
from harness.pinging import pinging
from harness.tunnels import (assert_a_node_reaches_a_pod_of_another, network_address,
                             set_rp_filter)
from harness.waiting import wait_for
from harness.wireguard import (DEVICE, IN_THE_CLEAR, KEYS, capture, needs_wireguard, note,
                               public_key, reaches, shown, start)

pytestmark = needs_wireguard

REKEY = 120  # seconds behind a handshake: no sooner the kernel begins another one by itself


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


def test_a_node_reaches_remote_pods_from_its_devices_address(trio, pods):
    node, pod = trio[2], pods[0]
    for address, own in ((pod.address4, network_address(node, 4)),
                         (pod.address6, network_address(node, 6))):
        reaches(node, address)
        assert wire.source_seen(node, pod, address) == own


@pytest.mark.parametrize("rp_filter", [0, 1, 2])
def test_a_node_reaches_pods_of_others_and_sends_to_them_for_clients(trio, pods, rp_filter):
    for node in trio:
        set_rp_filter(node, rp_filter)
    assert_a_node_reaches_a_pod_of_another(trio[0], pods[1], trio[0].cluster.link)
    assert trio[0].cluster.fabric.dropped() == 0


def test_the_guard_drops_what_a_peer_may_not_send(trio, pods):
    """A redirect to a pod; and what is for a network that isn't the receiver's."""
    one, two, _ = trio

    def dropped(reason):
        return one.metrics()[f'bridge_cni_tunnel_dropped_total{{reason="{reason}"}}']

    redirects, elsewhere = dropped("neighbour"), dropped("destination")
    with two.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        redirect = b"\5\1\0\0" + bytes(32)
        redirect = redirect[:2] + struct.pack("!H", wire.checksum(redirect)) + redirect[4:]
        sock.sendto(redirect, (pods[0].address4, 0))
    wait_for(lambda: dropped("neighbour") == redirects + 1)

    def sent_elsewhere():
        """Its agent takes the allowed IPs back."""
        two.run("wg", "set", DEVICE, "peer", public_key(one), "allowed-ips",
                ",".join([*one.cidrs, "10.99.0.1/32"]))
        with two.udp(network_address(two, 4)) as sock:
            sock.sendto(b"?", ("10.99.0.1", 4712))
        return dropped("destination") > elsewhere

    two.ip(f"route add 10.99.0.1 dev {DEVICE}")
    wait_for(sent_elsewhere)
    two.ip("route del 10.99.0.1")


def dropped_by_allowed_ips(node):
    """How many packets the device has dropped as their source isn't in the peer's allowed IPs."""
    link, = node.ip_json("-s", "link", "show", "dev", DEVICE)
    return link["stats64"]["rx"]["errors"]


def test_a_source_that_is_not_the_peers_is_dropped(trio, pods):
    """A node sends as a pod of a third node, as one of the receiver's own node, and as itself: these
    packets arrive in the order in which they were sent."""
    one, two, _ = trio
    before = dropped_by_allowed_ips(one)
    for address, forged in ((pods[0].address4, ("10.244.3.77", "10.244.1.77")),
                            (pods[0].address6, ("fd00:244:0:3::77", "fd00:244:0:1::77"))):
        reaches(two, address)
        with pods[0].udp(address, 4712) as here:
            for source in (*forged, network_address(two, 6 if ":" in address else 4)):
                send_packet(two, inner_udp(source, address, SOURCE_MAC, source, 4712).payload)
            assert here.recv(100).decode() == source
    assert dropped_by_allowed_ips(one) == before + 4


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


def test_what_somebody_changes_is_right_again(trio, pods):
    one, two, three = trio
    before = shown(one)
    key = public_key(two)
    one.run("wg", "set", DEVICE, "peer", key, "remove")
    wait_for(lambda: key in shown(one)[1])
    one.run("wg", "set", DEVICE, "peer", key, "endpoint", "192.0.2.99:1", "allowed-ips", "10.9.9.0/24")
    wait_for(lambda: shown(one)[1][key].allowed == set(two.cidrs))
    (one.directory / "key").write_text(one.run("wg", "genkey").stdout)
    one.run("wg", "set", DEVICE, "private-key", one.directory / "key", "listen-port", "4000",
            "fwmark", "7")
    wait_for(lambda: one.run("wg", "show", DEVICE, "dump").stdout.splitlines()[0].split("\t") ==
             [*map(str, before[0]), "off"])
    one.ip(f"link set {DEVICE} down")
    reaches(pods[0], pods[1].address4)
    one.ip(f"link del {DEVICE}")
    reaches(pods[0], pods[1].address4)
    assert shown(one)[0] == before[0]


def test_an_agent_that_is_killed_and_comes_again_disturbs_no_session(trio, pods):
    one, two, _ = trio
    ways = [(pods[0], pods[1].address4), (pods[1], pods[0].address6)]
    for way in ways:
        reaches(*way)
    device, before = one.ip_json("addr", "show", "dev", DEVICE), shown(one)
    with pinging(ways) as pinger:
        one.stop_agent(9)
        log = len(one.log())
        start(one)
        one.wait_for_no_repair()
    assert pinger.lost() == {}
    assert one.ip_json("addr", "show", "dev", DEVICE) == device
    after = shown(one)
    assert after[0] == before[0] and after[1].keys() == before[1].keys()
    for key, peer in after[1].items():
        was = before[1][key]
        # A peer that is made anew begins to count anew.
        assert peer.received >= was.received and peer.sent >= was.sent and peer.allowed == was.allowed
    then, now = (peers[public_key(two)].handshake for _, peers in (before, after))
    assert now == then or now - then >= REKEY
    told = one.log()[log:]
    assert not [what for what in ("tunnel device", "peers changed", "routes what", "guard of the tunnels")
                if what in told], told


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
                             in one.page("/metrics")[1])

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
        'bridge_cni_nodes_unrouted{reason="shared-wireguard-key"}'] == 4)
    # The log has told of keys a moment ago, and tells again when a minute is over.
    wait_for(lambda: f"node={mute.name} owner={one.name}" in one.log(), 75)
    for node in reasons:
        cluster.api.remove(node.name)
    assert not clear


def test_a_node_whose_InternalIP_changes_is_reached_at_the_new_one(trio, pods):
    cluster, two = trio[0].cluster, trio[1]
    address = two.address6.replace("::", "::7:")
    two.ip_batch(f"addr add {address}/64 dev eth0 nodad\naddr del {two.address6}/64 dev eth0\n")
    two.address6, two.internal_ips = address, [address, two.address4]
    cluster.join(two)
    wait_for(lambda: shown(trio[2])[1][public_key(two)].endpoint == f"[{address}]:51820")
    reaches(pods[2], pods[1].address4)


def test_a_key_is_replaced_when_its_file_is_gone_and_the_agent_starts_anew(trio, pods):
    """As deploy/README.md says of a key that others may have read."""
    one, others = trio[0], trio[1:]
    former = public_key(one)
    one.stop_agent()
    (one.run_dir / f"bridge-cni/{DEVICE}.key").unlink()
    start(one)
    wait_for(lambda: public_key(one) != former)
    for other in others:
        wait_for(lambda: public_key(one) in shown(other)[1] and former not in shown(other)[1])
    for pod in pods[1:]:
        wait_for(lambda: pod.ping(pods[0].address4, wait=1))
        reaches(pods[0], pod.address6)


@pytest.fixture(scope="module")
def fourth(trio):
    """A node without pods."""
    return trio[0].cluster.node()


def test_a_port_that_is_taken_is_named(fourth):
    with fourth.udp("0.0.0.0", 51820):
        fourth.start_agent("--tunnel", "wireguard")
        wait_for(lambda: "UDP port 51820, which bcni-wg needs, is taken" in fourth.log())
        assert not fourth.ready()
    wait_for(fourth.ready)


def test_cleanup_removes_device_key_and_annotation(trio, fourth):
    if not fourth.agent:
        start(fourth)
    wait_for(lambda: note(fourth))  # an agent without peers is ready before it has told its key
    fourth.stop_agent()
    fourth.run(*fourth.agent_argv("--cleanup"))
    assert fourth.left() == []
    assert note(fourth) is None and note(trio[0])


@needs_wireguard
def test_pods_of_a_former_podCIDR_are_reached_when_the_agent_starts_anew(cluster):
    """Routes by the device have no gateway that tells whose they are."""
    one, two = nodes = [cluster.node(), cluster.node()]
    start(*nodes)
    former = [*two.cidrs]
    pods = [node.attach() for node in nodes]
    new = ["10.244.102.0/24", "fd00:244:0:102::/64"]
    cluster.api.put(two.name, new, two.internal_ips, annotations={KEYS: note(two)})
    wait_for(lambda: {*new, *former} <= {*one.own_routes()})
    for _ in range(2):
        one.stop_agent(9)
        one.start_agent("--tunnel", "wireguard", "--resync-seconds", "1")
        wait_for(one.ready)
        one.wait_for_resyncs()
        assert {*new, *former} <= {*one.own_routes()}
        assert shown(one)[1][public_key(two)].allowed == {*new, *former}
    reaches(pods[0], pods[1].address4)
