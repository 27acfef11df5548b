# SPDX-License-Identifier: GPL-2.0-or-later
"""The tools of the tunnels' tests: nodes as flannel sets them up, what is on the wire, data that must
arrive whole, and packets of an attacker on the underlay."""
import errno
import socket

import pytest

from harness import crafted, flannel, transfer
from harness.cluster import INTERNET4, INTERNET6
from harness.portmap import ask, served, settled
from harness.sniffer import sniffing
from harness.waiting import wait_for
from harness.wire import source_seen

VNI = flannel.VNI


def flannel_nodes(cluster, **kw):
    """Two on different links, which know of each other, and a pod on each."""
    cluster.network("b", **kw)
    nodes = [cluster.node(kind=flannel.FlannelNode),
             cluster.node(kind=flannel.FlannelNode, network="b")]
    for node in nodes:
        node.run_flannel()
    nodes[0].read()  # the second one wasn't there when the first one started
    return [node.attach() for node in nodes]


@pytest.fixture
def pods(cluster):
    return flannel_nodes(cluster)


def ends(one, other):
    """(a pod's address, its node's) of both, for each family."""
    return [tuple((getattr(pod, f"address{family}"), getattr(pod.node, f"address{family}"))
                  for pod in (one, other)) for family in (4, 6)]


def test_pods_of_flannels_nodes_reach_each_other_over_routers_that_know_no_pod(cluster, pods):
    cluster.check_sources(routers=True, links=True)
    one, other = pods
    for (inner, outer), (inner2, outer2) in ends(one, other):
        with sniffing(cluster.fabric.router, "leg") as sniffer:
            wait_for(lambda: one.ping(inner2, wait=1))
        frame = next(f for f in sniffer.frames if f.inner and f.inner.ends() == (inner, inner2))
        assert frame.ends() == (outer, outer2) and frame.vni == VNI and not frame.outgoing
        assert (inner2, inner) in [f.ends() for f in sniffer.inside()]
        assert frame.inner.size == (84 if ":" not in inner else 104)
        assert frame.size == frame.inner.size + (50 if ":" not in inner else 70)
    assert cluster.fabric.dropped() == 0


def test_flannels_device_is_as_flannel_makes_it(pods):
    node = pods[0].node
    data = node.links()["flannel.1"]["linkinfo"]["info_data"]
    wanted = {"id": 1, "port": 8472, "link": "eth0", "local": node.address4, "learning": False}
    assert {key: data.get(key) for key in wanted} == wanted
    assert node.addresses("flannel.1") == ["10.244.1.0/32"]
    # flannel asks for 1450 in both; the kernel makes room for IPv6's longer header.
    assert [node.links()[name]["mtu"] for name in ("flannel.1", "flannel-v6.1")] == [1450, 1430]
    route, = (r for r in node.routes() if r["dst"] == "10.244.2.0/24")
    assert (route["gateway"], route["dev"], route["flags"]) == ("10.244.2.0", "flannel.1", ["onlink"])


def test_flannels_nodes_follow_annotations(cluster, pods):
    """Also those of a node that isn't flannel's, and of one that has gone."""
    one, other = pods[0].node, pods[1].node
    notes = cluster.api.annotations(other.name)
    assert notes[flannel.PREFIX + "backend-data"] == '{"VNI":1,"VtepMAC":"%s"}' % other.macs[4]
    assert notes[flannel.PREFIX + "public-ip"] == other.address4
    cluster.api.put("ours", ["10.244.9.0/24", "fd00:244:0:9::/64"], ["192.0.2.9"], annotations={
        flannel.MANAGED: "true", flannel.TYPE: "vxlan",
        flannel.DATA[4]: '{"VNI":1,"VtepMAC":"02:00:00:00:00:09"}', flannel.PUBLIC[4]: "192.0.2.9"})
    one.read()
    assert "10.244.9.0" not in one.ip("route"), "a dual-stack flannel wants both families"
    cluster.api.annotate("ours", {
        flannel.DATA[6]: '{"VNI":1,"VtepMAC":"02:00:00:00:00:06"}',
        flannel.PUBLIC[6]: "2001:db8:aaaa::9"})
    one.read()
    assert "10.244.9.0 lladdr 02:00:00:00:00:09 PERMANENT" in one.ip("neigh show dev flannel.1")
    assert "02:00:00:00:00:06 dst 2001:db8:aaaa::9 self permanent" in one.run(
        "bridge", "fdb", "show", "dev", "flannel-v6.1").stdout
    cluster.api.remove("ours")
    one.read()
    assert "10.244.9.0" not in one.ip("route") + one.ip("neigh show dev flannel.1")


def test_TCP_that_arrives_whole_is_told_and_TCP_that_does_not_is_an_error(pods):
    one, other = pods
    for address in (other.address4, other.address6):
        wait_for(lambda: one.ping(address, wait=1))
        mss = transfer.transfer(one, other, address, 3_000_001)
        assert mss <= 1450 - (40 if "." in address else 60)
    transfer.transfer(one, other, other.address4, 0)
    with pytest.raises(OSError):
        transfer.transfer(one, pods[0], other.address4, 10)  # the receiver hasn't that address


def test_the_largest_datagram_passes_both_ways_and_one_byte_more_does_not(pods):
    one, other = pods
    wait_for(lambda: one.ping(other.address6, wait=1))
    for address, size in ((other.address4, 1450), (other.address6, 1430)):
        assert transfer.datagrams_pass(one, other, address, size)
        with pytest.raises(OSError) as error:
            transfer.datagrams_pass(one, other, address, size + 1, attempts=3, wait=0.3)
        assert error.value.errno == errno.EMSGSIZE
    one.node.nft("add table inet t; add chain inet t c { type filter hook forward priority 0; }\n"
                 "add rule inet t c meta l4proto udp drop")
    assert not transfer.datagrams_pass(one, other, other.address4, 100, wait=0.3)


def test_a_server_on_the_node_itself_answers_a_pod_of_another_node(pods):
    one, other = pods
    with served(other.node, 8080, word=b"node"):
        address = flannel.network_of(other.node.cidrs[0])[0]
        assert ask(one, str(address), 8080) == ("node", one.address4)


def test_a_crafted_packet_arrives_with_any_outer_source_and_inner_frame(cluster, pods):
    """flannel has no guard: what an attacker on the underlay sends as anybody reaches a pod."""
    attacker = cluster.node()
    victim = pods[0]
    settled(victim.node)
    for (inner, outer), (inner2, outer2) in ends(*pods):
        mac = victim.node.macs[4 if "." in inner else 6]
        with sniffing(victim, "eth0") as sniffer:
            frame = crafted.inner_udp(inner2, inner, mac, b"forged", 7777)
            for vni in (VNI + 1, VNI):
                crafted.send_vxlan(attacker, outer2, outer, frame, vni)
            wait_for(lambda: any(f.ends() == (inner2, inner) for f in sniffer.frames))
        arrived = [f for f in sniffer.frames if f.ends() == (inner2, inner) and not f.outgoing]
        assert [(f.protocol, f.ports) for f in arrived] == [(socket.IPPROTO_UDP, (9, 7777))]


def test_what_a_flannel_node_and_its_pods_send_has_the_source_that_flannel_gives_it(cluster, pods):
    """Pods see each other's addresses and that of a node's device; outside is seen the node's."""
    one, other = pods
    for family, outside in ((4, INTERNET4), (6, INTERNET6)):
        target, pod = getattr(other, f"address{family}"), getattr(one, f"address{family}")
        wait_for(lambda: one.node.ping(target, wait=1))
        device = str(flannel.network_of(one.node.cidrs[family == 6]).network_address)
        assert source_seen(one, other, target) == pod
        assert source_seen(one.node, other, target) == device
        assert source_seen(one, cluster.link, outside) == getattr(one.node, f"address{family}")
