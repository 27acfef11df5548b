# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods on several nodes: who reaches whom, and which source address is seen."""
from harness import plugin, wire
from harness.cluster import INTERNET4, INTERNET6
from harness.probes import ask_once, echo, echoing, nothing_lost
from harness.service import service
from harness.waiting import wait_for


def assert_reach_each_other(pods):
    """By their own addresses, both families, both ways."""
    for sender in pods:
        for receiver in pods:
            if sender is receiver:
                continue
            for family in ("address4", "address6"):
                target = getattr(receiver, family)
                # The kernel checks the link-local address of a bridge just made for a second.
                wait_for(lambda: sender.ping(target, wait=1))
                assert wire.source_seen(sender, receiver, target) == getattr(sender, family)


def assert_joined(nodes, pods):
    """The same where Nodes are new: the way to one is there before the repair that masquerades no more
    there."""
    nodes[0].wait_for_no_repair(*nodes[1:])
    assert_reach_each_other(pods)


def test_pods_on_three_nodes_see_each_others_own_addresses(cluster):
    nodes = cluster.ready(3)
    assert_joined(nodes, [node.attach() for node in nodes])


def test_what_leaves_the_cluster_has_the_nodes_address(cluster):
    for node in cluster.ready(2):
        pod = node.attach()
        wait_for(lambda: pod.ping(INTERNET4) and pod.ping(INTERNET6))
        assert wire.source_seen(pod, cluster.link, INTERNET4) == node.address4
        assert wire.source_seen(pod, cluster.link, INTERNET6) == node.address6


def sources_seen(pod, node):
    """Which addresses of a pod another node sees at its own."""
    return [wire.source_seen(pod, node, address) for address in (node.address4, node.address6)]


def test_other_nodes_see_the_pods_own_address_where_that_is_asked_for(cluster):
    one, two = cluster.ready(2, "--masquerade-nodes", "false", "--resync-seconds", "1")
    pod = one.attach()
    wait_for(lambda: pod.ping(INTERNET4) and pod.ping(INTERNET6))
    assert wire.source_seen(pod, cluster.link, INTERNET4) == one.address4
    assert sources_seen(pod, two) == [pod.address4, pod.address6]
    # A pod that runs shows its own address to a node that joins later, too.
    three = cluster.node()
    cluster.api.put("odd", ["10.244.200.0/24"], ["::ffff:192.0.2.77"])
    three.start_agent("--masquerade-nodes", "false")
    wait_for(lambda: sources_seen(pod, three) == [pod.address4, pod.address6])
    # 192.0.2.12 and 13 are the others'.
    assert {"192.0.2.12/31", "2001:db8:aaaa::12/127"} <= {*one.conf()["nonMasqueradeCIDRs"]}
    # One more than there is room for: podCIDRs go first, and it is told once.
    for i in range(130):
        cluster.api.put(f"many{i:03}", [f"10.245.{i}.0/24"], [f"198.51.100.{2 * i % 256}",
                                                          f"2001:db8:b::{2 * i:x}"])
    told = "too many addresses of nodes to list"
    wait_for(lambda: told in one.log())
    wait_for(lambda: "10.245.128.0/23" in one.conf()["nonMasqueradeCIDRs"])
    one.wait_for_resyncs()
    assert one.log().count(told) == 1 and "too many podCIDRs" not in one.log()
    assert len(one.conf()["nonMasqueradeCIDRs"]) == 256
    one.stop_agent()
    one.start_agent()
    wait_for(lambda: "192.0.2.12/31" not in one.conf()["nonMasqueradeCIDRs"])
    wait_for(lambda: sources_seen(pod, two) == [one.address4, one.address6])


def test_a_node_that_joins_is_reached_and_one_that_leaves_is_forgotten(cluster):
    one, two = cluster.ready(2)
    pods = [one.attach(), two.attach()]
    three = cluster.node()
    three.start_agent()
    wait_for(three.ready)
    pods.append(three.attach())
    for node in (one, two):
        wait_for(lambda: node.own_routes().get(three.cidrs[0]) == three.address4)
    assert_joined([one, two, three], pods)

    cluster.api.remove(three.name)
    for node in (one, two):
        wait_for(lambda: not {*three.cidrs} & {*node.own_routes()})
        assert len(node.own_routes()) == 2
    assert_reach_each_other(pods[:2])
    # The node that was thrown out still serves what runs on it.
    assert three.conflist() and pods[2].ping(three.address4)


def test_three_nodes_join_at_once_while_pods_are_made_and_lose_nobody_a_packet(cluster):
    hourly = "--resync-seconds", "3600"  # no look at everything helps a node
    one, two = cluster.ready(2, *hourly)
    client, server = one.attach(), two.attach()
    wait_for(lambda: client.ping(server.address6, wait=1))
    vip = service(one, server.address4)
    with echoing(server, 80, "server"), nothing_lost(
            connections=lambda: ask_once(client, vip, 80) == "server",
            packets=lambda: echo(client, server.address6),
            outside=lambda: echo(client, INTERNET4)):
        joining = [cluster.node() for _ in range(3)]
        for node in joining:
            node.start_agent(*hourly)
        pods = [node.attach() for _ in range(4) for node in (one, two)]
        for node in joining:
            wait_for(node.ready)
        pods += [node.attach() for node in joining]
        for node in cluster.nodes:
            wait_for(lambda: len(node.own_routes()) == 2 * 4)
        for pod in pods[-3:]:
            for target in (pods[0], client):
                wait_for(lambda: pod.ping(target.address4, wait=1) and
                         pod.ping(target.address6, wait=1))


def test_a_full_pod_cidr_is_told_by_ADD_STATUS_and_metrics_and_has_room_after_a_DEL(cluster):
    node = cluster.node(join=False)
    node.cidrs = ["10.244.9.0/29", node.cidrs[1]]
    cluster.join(node)
    node.start_agent("--cni-version", "1.1.0")
    wait_for(node.ready)
    pods = [node.attach() for _ in range(5)]  # six addresses, less the gateway's

    def asked_for_status(**keys):
        done = node.invoke("STATUS", {**node.conf(), **keys})
        return plugin.judge("STATUS", done, "1.1.0")

    def addresses():
        metrics = node.metrics()
        return [metrics[f'bridge_cni_addresses_{what}{{family="{family}"}}']
                for what, family in (("free", 4), ("used", 4), ("used", 6))]

    assert addresses() == [0, 5, 5]
    with plugin.refusal(plugin.EXHAUSTED, "10.244.9.1-10.244.9.6", "5 in use"):
        node.attach()
    assert addresses() == [0, 5, 5]  # the address of the other family has gone back
    with plugin.refusal(plugin.UNAVAILABLE, "10.244.9", "statusOnExhaustion"):
        asked_for_status()
    asked_for_status(statusOnExhaustion="ready")
    assert node.ready() and pods[1].ping(pods[3].address4)  # those that are there are well

    node.detach(pods[3])
    asked_for_status()
    assert addresses() == [1, 4, 4]
    new = node.attach()
    assert new.address4 == pods[3].address4 and addresses() == [0, 5, 5]
    # Nobody is misled by the MAC address of the one before.
    assert pods[1].ping(new.address4) and node.ping(new.address4)


def test_a_nodes_new_pod_cidr_is_used_everywhere(cluster):
    """test_former_podcidr.py has what becomes of the former one."""
    one, two, three = nodes = cluster.ready(3)
    old = three.attach()
    three.cidrs = ["10.244.77.0/24", "fd00:244:0:77::/64"]
    cluster.join(three)
    for node in (one, two):
        wait_for(lambda: node.own_routes().get("10.244.77.0/24") == three.address4)
    wait_for(lambda: three.conf()["ipam"]["ranges"] == [[{"subnet": c}]
                                                       for c in three.cidrs])
    three.detach(old)
    pods = [node.attach() for node in nodes]
    assert pods[2].address4.startswith("10.244.77.")
    assert_joined(nodes, pods)


def test_a_nodes_new_address_is_followed(cluster):
    one, two = cluster.ready(2)
    pods = [one.attach(), two.attach()]
    two.ip("addr add 192.0.2.99/24 dev eth0")
    cluster.api.put(two.name, two.cidrs, ["192.0.2.99", two.address6])
    wait_for(lambda: one.own_routes()[two.cidrs[0]] == "192.0.2.99")
    assert_joined([one, two], pods)


def test_a_node_without_a_pod_cidr_gets_its_configuration_when_it_has_one(cluster):
    node = cluster.node(join=False)
    cluster.api.put(node.name, [], [node.address4])
    node.start_agent()
    wait_for(lambda: "has no podCIDR yet" in node.log())
    assert node.conflist() is None and not node.ready()
    cluster.join(node)
    wait_for(node.ready)
    assert node.attach().ping(INTERNET4)


def test_a_node_that_has_lost_its_pod_cidr_keeps_its_configuration_and_is_told_once(cluster):
    node, = cluster.ready(1)
    node.stop_agent()
    cluster.api.put(node.name, [], [node.address4])
    node.start_agent("--resync-seconds", "1")
    wait_for(lambda: "has no podCIDR yet" in node.log())
    node.wait_for_resyncs()
    line, = (line for line in node.log().splitlines() if "has no podCIDR yet" in line)
    assert "level=warn" in line and node.conflist()


def test_more_pod_cidrs_than_the_configuration_lists_are_told_once(cluster):
    node = cluster.node()
    for i in range(260):
        cluster.api.put(f"other{i}", [f"10.{245 + i // 128}.{2 * (i % 128)}.0/24"],
                        ["192.0.2.50"])
    node.start_agent("--resync-seconds", "1")
    wait_for(node.ready)
    node.wait_for_resyncs()
    assert node.log().count("too many podCIDRs to list") == 1


def test_single_family_clusters(cluster):
    one, two = cluster.node("v4"), cluster.node("v6")
    for node in (one, two):
        node.start_agent()
    wait_for(one.ready)
    wait_for(two.ready)
    assert one.own_routes() == {two.cidrs[0]: two.address6}
    assert two.own_routes() == {one.cidrs[0]: one.address4}
    assert one.attach().ping(INTERNET4)


def test_a_node_behind_a_router_is_named_and_the_others_are_reached(cluster):
    one, two = nodes = cluster.ready(2)
    cluster.api.put("far", ["10.244.200.0/24"], ["198.51.100.7"])
    cluster.api.put("bare", ["10.244.201.0/24"], [])
    # The agent follows the first change at once, and may follow the second one a moment later.
    for name, reason in (("far", "not-on-link"), ("bare", "no-internal-ip")):
        key = f'bridge_cni_node_unrouted{{node="{name}",reason="{reason}"}}'
        wait_for(lambda: one.metrics().get(key) == 1)
    assert one.metrics()['bridge_cni_nodes_unrouted{reason="not-on-link"}'] == 1
    assert 'node=far reason=not-on-link' in one.log()
    assert "10.244.200.0/24" not in one.own_routes()
    assert_joined(nodes, [node.attach() for node in nodes])


def test_a_stale_node_with_this_nodes_address_is_named_and_in_nobodys_way(cluster):
    one, two = cluster.node(), cluster.node()
    cluster.api.put("former", ["10.244.202.0/24"], [one.address4])
    one.start_agent()
    wait_for(one.ready)
    assert one.own_routes().get(two.cidrs[0]) == two.address4
    assert "10.244.202.0/24" not in one.own_routes()
    key = 'bridge_cni_node_unrouted{node="former",reason="own-internal-ip"}'
    assert one.metrics()[key] == 1
    assert "level=error" not in one.log()


def test_other_peoples_routes_are_never_touched(cluster):
    one = cluster.node()
    one.ip("route add 10.244.2.0/24 via 192.0.2.1 proto static")
    one.ip("route add 10.9.0.0/16 via 192.0.2.1 proto static")
    one.ip("route add 10.244.50.0/24 via 192.0.2.1 proto 98 table 100")
    foreign = one.ip("route show proto static"), one.ip("route show table 100")
    two = cluster.node()
    one.start_agent()
    wait_for(one.ready)
    wait_for(lambda: two.cidrs[1] in one.own_routes())
    assert two.cidrs[0] not in one.own_routes()
    assert "reason=foreign-route" in one.log()
    cluster.api.remove(two.name)
    wait_for(lambda: not one.own_routes())
    assert (one.ip("route show proto static"), one.ip("route show table 100")) == foreign


def test_stale_routes_of_a_former_agent_go_once_the_list_is_complete(cluster):
    one, two = cluster.node(), cluster.node()
    one.ip("route add 10.244.99.0/24 via 192.0.2.1 proto 98")
    one.ip(f"route add {two.cidrs[0]} via 192.0.2.1 proto 98")
    cluster.api.stop()
    one.start_agent()
    wait_for(lambda: "listing Nodes has failed" in one.log())
    assert len(one.own_routes()) == 2
    cluster.api.start()
    wait_for(lambda: one.own_routes() == {two.cidrs[0]: two.address4,
                                          two.cidrs[1]: two.address6})


def test_ours_that_somebody_gave_several_next_hops_are_put_right(cluster):
    """In the route, as an object of which it tells the number alone, and by the other family."""
    one, two = cluster.node(), cluster.node()
    hops = " ".join(f"nexthop via 192.0.2.{i} dev eth0" for i in (201, 202))
    one.sysctl("ipv4.nexthop_compat_mode", 0)
    one.ip(f"nexthop add id 1 via 192.0.2.201 dev eth0")
    one.ip(f"route add {two.cidrs[0]} proto 98 {hops}")
    one.ip(f"route add 10.244.97.0/24 proto 98 {hops}")
    one.ip(f"route add 10.244.98.0/24 proto 98 via inet6 fe80::1 dev eth0")
    one.ip("route add 10.244.99.0/24 proto 98 nhid 1")
    one.start_agent()
    wait_for(one.ready)
    wait_for(lambda: one.own_routes() == {two.cidrs[0]: two.address4,
                                          two.cidrs[1]: two.address6})


def test_a_node_behind_several_routers_or_one_of_the_other_family_is_on_no_link(cluster):
    one = cluster.node()
    one.ip(f"route add 198.51.100.0/25 nexthop via 192.0.2.201 dev eth0 "
           f"nexthop via 192.0.2.202 dev eth0")
    one.ip(f"route add 198.51.100.128/25 via inet6 fe80::1 dev eth0")
    cluster.api.put("several", ["10.244.200.0/24"], ["198.51.100.7"])
    cluster.api.put("inet6", ["10.244.201.0/24"], ["198.51.100.207"])
    one.start_agent()
    wait_for(one.ready)
    for name in ("several", "inet6"):
        key = f'bridge_cni_node_unrouted{{node="{name}",reason="not-on-link"}}'
        wait_for(lambda: one.metrics().get(key) == 1)


def test_a_pod_cidr_that_would_lead_astray_is_refused(cluster):
    one, two = cluster.ready(2)
    cluster.api.put("own", [one.cidrs[0]], ["192.0.2.50"])
    cluster.api.put("wide", ["192.0.2.0/24"], ["192.0.2.51"])
    cluster.api.put("same", [two.cidrs[0]], ["192.0.2.52"])
    cluster.api.put("all", ["0.0.0.0/0"], ["192.0.2.53"])
    cluster.api.put("zzz", ["10.244.250.0/24"], ["192.0.2.54"])
    wait_for(lambda: "10.244.250.0/24" in one.own_routes())
    assert one.own_routes()[two.cidrs[0]] == two.address4
    assert len(one.own_routes()) == 3
    for name in ("own", "wide", "same", "all"):
        key = f'bridge_cni_node_unrouted{{node="{name}",reason="refused-pod-cidr"}}'
        assert one.metrics()[key] == 1
