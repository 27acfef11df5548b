# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody changes, removes or takes what the VXLAN tunnel needs."""
import signal
import socket
import time

import pytest

from harness.probes import echo, nothing_lost
from harness.tunnels import DEVICES, gateway6, start, state
from harness.waiting import wait_for, within

DEVICE, TABLE = DEVICES[4], "inet bridge_cni_tunnel"
HOURLY = "--resync-seconds", "3600"
SECONDS = 5  # in which everything is right again


@pytest.fixture(scope="module")
def nodes(shared):
    """One here and two behind a router. Their agents look at everything once an hour: what is right again
    before that they have noticed."""
    shared.network("b")
    shared.fabric.check_sources(routers=True)
    nodes = [shared.node(), shared.node(network="b"), shared.node(network="b")]
    start(*nodes, options=HOURLY)
    return nodes


def mac(node):
    return node.ip_json("addr", "show", "dev", DEVICE)[0]["address"]


MINE, OTHER = "10.244.1.0", "10.244.2.0"  # the network addresses of node1 and node2
DAMAGE = {
    "deleted": "link del {device}",
    "set-down": "link set {device} down",
    "MTU": "link set {device} mtu 1400",
    # The kernel takes IPv6 off a device whose packets are that short.
    "MTU-without-IPv6": "link set {device} mtu 1200",
    "MAC": "link set {device} address 02:99:99:99:99:99",
    "address-removed": f"addr del {MINE}/32 dev {{device}}",
    "address-added": "addr add 192.168.99.1/24 dev {device}",
    "IPv6-address-removed": "addr del fd00:244:0:1::/128 dev {device}",
    "neighbour-removed": f"neigh del {OTHER} dev {{device}}",
    "neighbour-changed": f"neigh replace {OTHER} lladdr 02:99:99:99:99:99 dev {{device}} nud "
                         "permanent",
    "neighbour-not-permanent": f"neigh replace {OTHER} lladdr {{peer}} dev {{device}} nud reachable",
    "neighbour-added": "neigh add 10.99.0.0 lladdr 02:99:99:99:99:99 dev {device} nud permanent",
    "IPv6-neighbour-removed": "neigh del {gateway} dev {device}",
    "neighbours-flushed": "neigh flush dev {device} nud all",
    "route-removed": f"route del {OTHER}/24",
    "other-VNI": "link del {device}\nlink add {device} type vxlan id 77 dstport 8472 "
                 "local {local} nolearning",
    "other-port": "link del {device}\nlink add {device} type vxlan id 4096 dstport 4789 "
                  "local {local} nolearning\nlink set {device} up",
    "other-local": "link del {device}\nlink add {device} type vxlan id 4096 dstport 8472 "
                   "local 192.0.2.77 nolearning",
    "learning": "link del {device}\nlink add {device} type vxlan id 4096 dstport 8472 "
                "local {local}\nlink set {device} up",
}
ENTRIES = {
    "entry-removed": "del {peer} dst {remote} dev {device} self",
    "entry-changed": "replace {peer} dst 192.0.2.99 dev {device} self permanent",
    "entry-with-port": "replace {peer} dst {remote} port 99 dev {device} self permanent",
    "entry-added": "append 02:99:99:99:99:99 dst 192.0.2.99 dev {device} self permanent",
    "flooding": "append 00:00:00:00:00:00 dst 192.0.2.99 dev {device} self permanent",
}


@pytest.mark.parametrize("damage", [*DAMAGE, *ENTRIES])
def test_what_somebody_has_changed_is_right_again_within_seconds(nodes, damage):
    one, two, _ = nodes
    right = state(one)
    assert right and mac(two) in right and two.address4 in right
    words = {"device": DEVICE, "local": one.address4, "peer": mac(two), "remote": two.address4,
             "gateway": gateway6(two)}
    with one.asleep():  # it would make the device again before another one is there
        if damage in DAMAGE:
            one.ip_batch(DAMAGE[damage].format(**words))
        else:
            one.run("bridge", "fdb", *ENTRIES[damage].format(**words).split())
    within(one, SECONDS, lambda: state(one) == right)


def test_the_other_familys_device_is_mended_as_well(nodes):
    right = state(nodes[0], DEVICES[6])
    nodes[0].ip(f"link del {DEVICES[6]}")
    within(nodes[0], SECONDS, lambda: state(nodes[0], DEVICES[6]) == right)


def guard(node):
    """Its chains and sets, without what counters say. One that was made anew may stand elsewhere."""
    text = node.run("nft", "-s", "list", "table", *TABLE.split(), check=False).stdout
    return sorted(part.rstrip("}\n\t") for part in text.split("\n\n"))


@pytest.mark.parametrize("damage", [
    "flush ruleset", f"delete table {TABLE}", f"flush table {TABLE}", f"flush chain {TABLE} outer",
    f"insert rule {TABLE} outer accept", f"add table {TABLE} {{ flags dormant; }}",
    f"flush set {TABLE} own_4_24"], ids=lambda damage: damage.replace(TABLE, "").split("{")[0])
def test_the_guard_is_there_again_within_seconds(nodes, damage):
    right, before = guard(nodes[0]), len(nodes[0].log())
    assert any(nodes[1].address4 in part for part in right)
    nodes[0].nft(damage)
    within(nodes[0], SECONDS, lambda: guard(nodes[0]) == right)
    within(nodes[0], SECONDS, lambda: "guard of the tunnels" in nodes[0].log()[before:])


def test_what_the_guard_drops_is_counted(nodes):
    """A peer that sends from an address that isn't its pods'."""
    one, two, _ = nodes
    one.attach()
    key = 'bridge_cni_tunnel_dropped_total{reason="source"}'
    before = one.metrics()[key]
    two.ip("addr add 10.244.77.7/32 dev lo")
    assert not two.ping(MINE, wait=0.1, source="10.244.77.7")
    wait_for(lambda: one.metrics()[key] == before + 1)
    two.ip("addr del 10.244.77.7/32 dev lo")


def test_neighbours_of_pods_dont_wake_the_agent(nodes):
    one = nodes[0]
    one.attach()
    wait_for(one.ready)

    def syncs():
        return one.metrics()["bridge_cni_route_syncs_total"]

    def at_rest():
        """How often it has looked at the tunnel, after a second in which it did not."""
        before = syncs()
        time.sleep(1)
        return syncs() == before and before

    before = wait_for(at_rest)
    one.ip_batch("".join(f"neigh replace 10.244.1.{i} lladdr 02:00:00:00:00:{i:02x} dev cni0\n"
                         for i in range(100, 200)))
    one.ip(f"neigh add 10.99.0.0 lladdr 02:99:99:99:99:99 dev {DEVICE} nud permanent")
    within(one, SECONDS, lambda: "10.99.0.0" not in one.ip(f"neigh show dev {DEVICE}"))
    assert syncs() - before <= 3
    one.ip("neigh flush dev cni0")


def test_an_agent_that_starts_again_changes_nothing_and_loses_no_packet(nodes):
    one, two, _ = nodes
    here, there = one.attach(), two.attach()
    wait_for(lambda: here.ping(there.address6, wait=1) and here.ping(there.address4, wait=1))
    right = [state(one, device) for device in DEVICES.values()]
    index = one.ip_json("addr", "show", "dev", DEVICE)[0]["ifindex"]
    with nothing_lost(ipv4=lambda: echo(here, there.address4),
                      ipv6=lambda: echo(here, there.address6)):
        for how in (signal.SIGKILL, signal.SIGTERM):
            one.stop_agent(how)
            log = len(one.log())
            one.start_agent("--tunnel", "vxlan", *HOURLY)
            wait_for(one.ready)
            assert "tunnel device" not in one.log()[log:] and "entries" not in one.log()[log:]
            assert "routes what" not in one.log()[log:]
    assert [state(one, device) for device in DEVICES.values()] == right
    assert one.ip_json("addr", "show", "dev", DEVICE)[0]["ifindex"] == index


# -- what is taken


def alone(cluster, before):
    """A node that had that before its agent came."""
    node, far = cluster.node(), cluster.node(network="b")
    node.ip_batch(before.format(local=node.address4))
    node.start_agent("--tunnel", "vxlan")
    return node, far


@pytest.mark.parametrize("before, words", [
    ("link add bcni-vxlan type veth peer name other", ["bcni-vxlan is no VXLAN device"]),
    ("link add other.1 type vxlan id 4096 dstport 8472 local {local} dev eth0",
     ["other.1 has VNI 4096 on UDP port 8472", "--vxlan-id"]),
    ("link add flannel.1 type vxlan id 4096 dstport 8472 local {local} dev eth0",
     ["flannel.1 has VNI 4096 on UDP port 8472", "keep flannel's DaemonSet off this node"]),
    ("link add cilium_vxlan type vxlan external dstport 8472\nlink set cilium_vxlan up",
     ["cilium_vxlan has UDP port 8472", "--vxlan-port"]),
], ids=["name", "VNI", "flannel", "port"])
def test_who_has_what_the_device_needs_is_named(cluster, before, words):
    cluster.network("b")
    node, far = alone(cluster, before)
    wait_for(lambda: all(word in node.page("/readyz")[1] for word in words))
    assert all(word in node.log() for word in words) and not node.ready()
    metrics = node.metrics()
    assert metrics["bridge_cni_tunnel_wrong"] == 1
    assert metrics['bridge_cni_nodes_unrouted{reason="no-tunnel"}'] == 2
    # The other family's device serves all the same.
    assert "bcni-vxlan6" in node.links()
    name = before.split()[2]
    kept = node.ip(f"-d link show dev {name}")
    node.wait_for_resyncs()
    assert node.ip(f"-d link show dev {name}") == kept
    node.ip(f"link del {name}")
    wait_for(node.ready)
    wait_for(lambda: {*far.cidrs} == {*node.own_routes()})


def test_a_process_that_has_the_port_is_hinted_at(cluster):
    node = cluster.node()
    cluster.node(network=cluster.network("b").name)
    with node.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 8472))
        node.start_agent("--tunnel", "vxlan")
        wait_for(lambda: "UDP port 8472" in node.page("/readyz")[1])
        assert "ss -lunp" in node.log() and "--vxlan-port" in node.log()
    wait_for(node.ready)


def test_a_podcidr_that_the_tunnel_leads_to_stays_its_nodes_at_a_restart(cluster):
    """An older Node claims it while the agent is away."""
    one, two = cluster.node(), cluster.node(network=cluster.network("b").name)
    start(one, two)
    one.stop_agent()
    cluster.api.put("claimer", two.cidrs, ["192.0.2.200"])
    cluster.api.change("claimer", lambda n: n["metadata"].update(
        creationTimestamp="2020-01-01T00:00:00Z"))
    one.start_agent("--tunnel", "vxlan")
    wait_for(lambda: "overlapping-pod-cidr" in one.log())
    assert 'pod_range_refused{node="claimer"' in one.page("/metrics")[1]
    assert {*two.cidrs} == {*one.own_routes()}
