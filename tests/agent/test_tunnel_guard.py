# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard of the tunnels as an agent keeps it: test_guard_packets.py has what it lets in."""
import time

import pytest

from harness.guarded import HEARD, PORT, REASONS, TABLE, VNI, around, inner
from harness.tunnels import assert_own_addresses_are_seen, let_in, network_address, start
from harness.waiting import wait_for


@pytest.fixture
def two_nodes(cluster):
    """On two links; all that is of the tunnel goes by a router."""
    cluster.network("b")
    cluster.fabric.check_sources(routers=True)
    nodes = [cluster.node(), cluster.node(network="b")]
    start(*nodes)
    return nodes


def dropped(node):
    return {reason: node.metrics()[f'bridge_cni_tunnel_dropped_total{{reason="{reason}"}}']
            for reason in REASONS}


def test_an_agent_lets_in_its_peers_pods_and_counts_the_others(two_nodes):
    one, two = two_nodes
    assert_own_addresses_are_seen([node.attach() for node in two_nodes])
    assert set(dropped(one).values()) == {0}
    assert {outer for outer, _ in let_in(one)} == {two.address4, two.address6}
    assert len(let_in(one)) == 4
    mac = one.links()["bcni-vxlan"]["address"]
    target = network_address(one, 4)
    packet = around(inner(4, network_address(one, 4), target, "no", mac=mac))
    with two.udp(two.address4) as sock:
        sock.sendto(bytes(packet)[8:], (one.address4, PORT))
        wait_for(lambda: dropped(one)["source"] == 1)
        packet = around(inner(4, network_address(two, 4), one.address4, "no", mac=mac))
        sock.sendto(bytes(packet)[8:], (one.address4, PORT))
        wait_for(lambda: dropped(one)["destination"] == 1)


def test_a_pod_does_not_send_by_vxlan_as_its_node_does(two_nodes):
    """What it sends to a node leaves with its own node's address, whose pods are let in. Pods have
    the port for themselves."""
    one, two = two_nodes
    victim, pod = one.attach(), two.attach()
    wait_for(lambda: pod.ping(victim.address4, wait=1))
    mac = one.links()["bcni-vxlan"]["address"]
    forged = inner(4, network_address(two, 4), victim.address4, "forged", mac=mac)
    with victim.udp("0.0.0.0", HEARD) as heard, victim.udp(victim.address4, PORT) as same_port, \
            pod.udp(pod.address4) as sock4, pod.udp(pod.address6) as sock6:
        heard.settimeout(5)
        for vni in (VNI, 77):
            payload = bytes(around(forged, vni=vni))[8:]
            sock4.sendto(payload, (one.address4, PORT))
            sock6.sendto(payload, (one.address6, PORT))
        sock4.sendto(b"last", (victim.address4, HEARD))
        assert heard.recv(2000) == b"last"
        assert dropped(two) == {**dict.fromkeys(REASONS, 0), "pod": 4}
        sock4.sendto(b"of pods", (victim.address4, PORT))
        same_port.settimeout(5)
        assert same_port.recv(2000) == b"of pods"
    assert set(dropped(one).values()) == {0}


def test_pods_of_a_former_podcidr_are_let_in_still(two_nodes):
    one, two = two_nodes
    old, asker = two.attach(), one.attach()
    wait_for(lambda: asker.ping(old.address4, wait=1))
    two.cidrs = ["10.244.77.0/24", "fd00:244:0:77::/64"]
    one.cluster.api.put(two.name, two.cidrs, [two.address4, two.address6])
    wait_for(lambda: two.cidrs[0] in one.own_routes())
    wait_for(lambda: two.addresses("bcni-vxlan")[0].startswith("10.244.77."))
    for address in (old.address4, old.address6):
        wait_for(lambda: asker.ping(address, wait=1))
        assert old.ping(asker.address4 if "." in address else asker.address6)
    assert set(dropped(one).values()) == {0}


def test_pods_of_a_former_podcidr_make_no_guard_without_a_tunnel(cluster):
    """A guard would be told of them. The agent is stopped for a while, so that it looks for them
    before it makes the routes."""
    node, = cluster.ready(1)
    olds = [node.attach() for _ in range(3)]
    node.cidrs = ["10.244.77.0/24", "fd00:244:0:77::/64"]
    cluster.api.put(node.name, node.cidrs, [node.address4, node.address6])
    for left in (3, 2, 1):
        wait_for(lambda: node.metrics()["bridge_cni_pods_outside_podcidr"] == left)
        wait_for(node.ready)
        with node.asleep():
            node.detach(olds.pop())
            time.sleep(1.2)
    wait_for(lambda: node.metrics()["bridge_cni_pods_outside_podcidr"] == 0)
    assert node.metrics()["bridge_cni_tunnel_guard_changes_total"] == 0
    assert "bridge_cni_tunnel" not in node.run("nft", "list", "tables").stdout


def test_a_node_that_only_receives_has_the_guard_and_one_without_tunnel_has_none(two_nodes):
    one, two = two_nodes
    right = let_in(one)
    one.stop_agent()
    one.nft(f"delete table {TABLE}")
    one.start_agent("--tunnel-receive", "vxlan")
    wait_for(one.ready)
    assert let_in(one) == right
    one.stop_agent()
    one.start_agent()
    wait_for(one.ready)
    wait_for(lambda: "bridge_cni_tunnel" not in one.run("nft", "list", "tables").stdout)
    two.stop_agent()
    two.run(*two.agent_argv("--cleanup"))
    assert "bridge_cni_tunnel" not in two.run("nft", "list", "tables").stdout


def test_without_a_guard_there_is_no_tunnel(cluster, tmp_path):
    """Where libnftables can't be loaded, for example."""
    (tmp_path / "libnftables.so.1").write_text("no library")
    node = cluster.node()
    node.start_agent("--tunnel", "vxlan", LD_LIBRARY_PATH=str(tmp_path))
    wait_for(lambda: "the guard of the tunnels isn't right" in node.log())
    assert "libnftables" in node.log()
    assert node.metrics()["bridge_cni_tunnel_wrong"] == 1
    assert "bcni-vxlan" not in node.links()
    node.stop_agent()
    start(node)
    assert "bcni-vxlan" in node.links()
    # An agent that comes after it finds device and routes, and can't make the guard anew.
    node.stop_agent()
    node.nft(f"delete table {TABLE}")
    node.start_agent("--tunnel", "vxlan", LD_LIBRARY_PATH=str(tmp_path))
    wait_for(lambda: "UP" not in node.links()["bcni-vxlan"]["flags"])
    assert "bridge_cni_tunnel" not in node.run("nft", "list", "tables").stdout
    node.stop_agent()
    start(node)
    assert "UP" in node.links()["bcni-vxlan"]["flags"]
