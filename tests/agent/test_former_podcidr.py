# SPDX-License-Identifier: GPL-2.0-or-later
"""A Node comes again with another podCIDR, while pods with addresses of the former one run."""
import ipaddress
import json
import socket

import pytest

from harness import wire
from harness.cluster import INTERNET4, INTERNET6
from harness.waiting import wait_for

NEW = ["10.244.77.0/24", "fd00:244:0:77::/64"]
OUTSIDE = "pods have addresses outside of this node's podCIDR"
CUT_OFF = "pods are cut off until they are started again"
GONE = "no pod has an address outside"


def gateways(cidrs):
    return [str(ipaddress.ip_network(cidr)[1]) for cidr in cidrs]


def with_subnet(cidrs):
    return [f"{gateway}/{cidr.split('/')[1]}" for gateway, cidr in zip(gateways(cidrs), cidrs)]


WHOLE = with_subnet(NEW)


def local(node):
    """The bridge's addresses for which the node takes packets. The kernel lists an IPv6 address a moment
    before it is one of these."""
    return {route["dst"] for family in ("-4", "-6")
            for route in node.ip_json(family, "route", "show", "table", "local", "dev", "cni0")}


def attached(node, name, **more):
    """A pod with a name of Kubernetes."""
    pod = node.pod()
    pod.shown = f"shop/{name}"
    pod.result = node.add(pod, {**node.conf(), **more},
                          executable=str(node.bin_dir / "bridge-cni"),
                          args=f"IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME={name}")
    pod.addresses = [ip["address"].split("/")[0] for ip in pod.result["ips"]]
    return pod


def come_again(cluster, node, cidrs):
    """A podCIDR can't be changed: the Node is deleted and made anew."""
    gone = {*with_subnet(node.cidrs)} - {*with_subnet(cidrs)}
    cluster.api.remove(node.name)
    node.cidrs = cidrs
    cluster.join(node)
    if not node.agent:
        return
    wait_for(lambda: node.conf()["ipam"]["ranges"] == [[{"subnet": c}] for c in cidrs])
    # A repair that has begun by the former list puts those gateways back for a moment.
    wait_for(lambda: not node.processes_at_work() and not gone & {*node.addresses("cni0")})


def assert_reach(pods):
    """Each other, by their own addresses."""
    for sender in pods:
        for receiver in pods:
            for source, target in zip(sender.addresses, receiver.addresses):
                if sender is not receiver:
                    wait_for(lambda: sender.ping(target, wait=1))
                    # A changed configuration's rules follow by a repair.
                    wait_for(lambda: wire.source_seen(sender, receiver, target) == source)


def pods_routes(node):
    """The agent's routes to pods of its own node."""
    return {dst for dst, gateway in node.own_routes().items() if gateway is None}


def lines(node, words):
    return [line for line in node.log().splitlines() if words in line]


def answers(client, target, port, server, server_port):
    """A connection to @target comes to @server."""
    with server.socket(socket.AF_INET, socket.SOCK_STREAM) as here, \
            client.socket(socket.AF_INET, socket.SOCK_STREAM) as there:
        here.bind(("", server_port))
        here.listen()
        there.connect((target, port))
        return True


def outside(node):
    return node.metrics()["bridge_cni_pods_outside_podcidr"]


@pytest.mark.parametrize("link", ["bridged", "routed"])
def test_pods_of_the_former_podCIDR_stay_connected_until_they_are_gone(cluster, link):
    node, = cluster.ready(1, "--pod-link", link)
    former = gateways(node.cidrs)
    mapping = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}
    olds = [attached(node, "old-0", runtimeConfig={"portMappings": [mapping]}),
            attached(node, "old-1")]
    come_again(cluster, node, NEW)
    new = attached(node, "new")
    whole = sorted([*WHOLE, f"{former[0]}/32", f"{former[1]}/128"])

    def assert_connected(left):
        wait_for(lambda: sorted(node.addresses("cni0")) == whole)
        wait_for(lambda: pods_routes(node) == {a for pod in left for a in pod.addresses})
        wait_for(lambda: {*former} <= local(node))
        assert_reach([*left, new])
        for pod in left:
            assert wire.source_seen(pod, cluster.link, INTERNET4) == node.address4
            assert wire.source_seen(pod, cluster.link, INTERNET6) == node.address6
            assert node.ping(pod.addresses[0]) and node.ping(pod.addresses[1])

    assert_connected(olds)
    assert answers(cluster.link, node.address4, 8080, olds[0], 80)
    assert outside(node) == 2 and node.metrics()["bridge_cni_pods_cut_off"] == 0
    key = 'bridge_cni_pod_outside_podcidr{pod="shop/old-0",cut_off="false"}'
    assert node.metrics()[key] == 1
    line, = lines(node, OUTSIDE)
    assert 'n=2 pods="shop/old-0 shop/old-1"' in line and "level=warn" in line
    assert "shop/old-0 shop/old-1" in node.page("/readyz")[1]
    assert "level=error" not in node.log()

    for harm in ("link del cni0", "route flush proto 98", "-6 route flush proto 98",
                 "addr flush dev cni0 scope global"):
        node.ip(harm)
        assert_connected(olds)
    # A bridge that was made anew has no pods at first, and none of them is gone for that.
    assert not lines(node, GONE)
    node.stop_agent()
    node.detach(olds[0])
    node.start_agent("--pod-link", link)
    wait_for(node.ready)
    assert_connected(olds[1:])
    assert outside(node) == 1
    node.detach(olds[1])
    wait_for(lambda: sorted(node.addresses("cni0")) == sorted(WHOLE))
    assert not pods_routes(node) and outside(node) == 0
    assert node.page("/readyz") == (200, "ok\n")
    assert len(lines(node, GONE)) == 1


def test_of_one_family_alone_until_another_Node_has_the_former_podCIDR(cluster):
    node, = cluster.ready(1, "--resync-seconds", "1")
    former4, both6 = node.cidrs
    gateway4, gateway6 = gateways(node.cidrs)
    olds = [attached(node, f"old-{i}") for i in range(2)]
    come_again(cluster, node, [NEW[0], both6])
    kept = sorted([f"{gateway4}/32", f"{gateway6}/64"])
    wait_for(lambda: sorted(node.addresses("cni0")) == kept)
    assert pods_routes(node) == {pod.addresses[0] for pod in olds}
    # The gateway of the family that has not changed comes back where somebody takes it away.
    node.ip(f"addr del {gateway6}/64 dev cni0")
    wait_for(lambda: sorted(node.addresses("cni0")) == kept)
    assert_reach(olds)

    cluster.api.put("taker", ["10.244.0.0/22"], ["192.0.2.50"])
    wait_for(lambda: node.own_routes().get("10.244.0.0/22") == "192.0.2.50")
    assert node.addresses("cni0") == [f"{gateway6}/64"] and not pods_routes(node)
    metrics = node.metrics()
    assert metrics["bridge_cni_pods_outside_podcidr"] == 2
    assert metrics["bridge_cni_pods_cut_off"] == 2
    assert metrics['bridge_cni_pod_outside_podcidr{pod="shop/old-1",cut_off="true"}'] == 1
    line, = lines(node, CUT_OFF)
    assert "level=error" in line and "node=taker podCIDR=10.244.0.0/22" in line
    assert 'pods="shop/old-0 shop/old-1"' in line
    assert "cut off" in node.page("/readyz")[1]
    # Nobody puts it back, whoever else harms the bridge.
    node.ip("link del cni0")
    wait_for(lambda: node.addresses("cni0") == [f"{gateway6}/64"] if "cni0" in node.links()
             else False)
    node.wait_for_resyncs()
    assert node.addresses("cni0") == [f"{gateway6}/64"] and not pods_routes(node)

    cluster.api.remove("taker")
    wait_for(lambda: sorted(node.addresses("cni0")) == kept)
    wait_for(lambda: node.metrics()["bridge_cni_pods_cut_off"] == 0)
    assert_reach(olds)
    assert len(lines(node, OUTSIDE)) == 1


@pytest.mark.parametrize("cut_off", [False, True], ids=["connected", "cut off"])
def test_a_pod_is_not_gone_while_the_bridge_is_made_anew(cluster, cut_off):
    """A repair makes the bridge first, and then the pods its ports, one after the other."""
    node, = cluster.ready(1, "--resync-seconds", "1")
    former = node.cidrs
    olds = [attached(node, f"old-{i}") for i in range(3)]
    come_again(cluster, node, NEW)
    new = attached(node, "new")
    wait_for(lambda: outside(node) == 3)
    if cut_off:
        cluster.api.put("taker", former, ["192.0.2.50"])
        wait_for(lambda: node.metrics()["bridge_cni_pods_cut_off"] == 3)
    alone = [] if cut_off else [f"{address}/{bits}" for address, bits in zip(gateways(former), (32, 128))]

    def assert_counted(left):
        node.wait_for_resyncs()
        metrics = node.metrics()
        assert metrics["bridge_cni_pods_outside_podcidr"] == len(left)
        assert metrics["bridge_cni_pods_cut_off"] == (len(left) if cut_off else 0)
        assert (len(lines(node, OUTSIDE)), len(lines(node, CUT_OFF)), len(lines(node, GONE))) == (1, cut_off, 0)

    def assert_settled(addresses, left):
        """The agent needs no port for it."""
        wait_for(lambda: sorted(node.addresses("cni0")) == sorted(addresses))
        assert_counted(left)
        assert sorted(node.addresses("cni0")) == sorted(addresses)
        assert pods_routes(node) == (set() if cut_off else {a for pod in left for a in pod.addresses})

    mac, = {item["mac"] for item in new.result["interfaces"] if item["name"] == "cni0"}
    ports = [pod.result["interfaces"][1]["name"] for pod in olds]
    with node.locked():
        node.ip("link del cni0")
        assert_counted(olds)
        node.ip(f"link add cni0 address {mac} type bridge")
        assert_counted(olds)
        node.ip("link set cni0 up")
        assert_settled(alone, olds)
        node.ip(f"link set {ports[0]} master cni0")
        assert_settled(alone, olds)
        # This one is gone indeed.
        node.ip(f"link del {ports[2]}")
        wait_for(lambda: outside(node) == 2)
        assert_settled(alone, olds[:2])
    assert_settled([*WHOLE, *alone], olds[:2])
    assert_reach([new] if cut_off else [*olds[:2], new])


def test_other_nodes_keep_their_routes_until_another_Node_has_the_former_podCIDR(cluster):
    one, two = cluster.ready(2)
    former4, former6 = former = list(two.cidrs)
    pods = [attached(one, "far"), attached(two, "old")]
    come_again(cluster, two, NEW)
    pods.append(attached(two, "new"))
    via = dict(zip([*former, *NEW], [two.address4, two.address6] * 2))
    wait_for(lambda: one.own_routes() == via)
    assert_reach(pods)
    assert {*former, *NEW} <= {*one.conf()["nonMasqueradeCIDRs"]}
    assert one.metrics()["bridge_cni_routes_former"] == 2
    assert len(lines(one, "that a Node had before stays routed")) == 2

    for node in (one, two):
        node.stop_agent()
        node.start_agent("--resync-seconds", "1")
        wait_for(node.ready)
        node.wait_for_resyncs()
    assert one.own_routes() == via and outside(two) == 1
    assert_reach(pods)

    cluster.api.put("taker", [former4], ["192.0.2.50"])
    wait_for(lambda: one.own_routes() == {**via, former4: "192.0.2.50"})
    wait_for(lambda: two.own_routes().get(former4) == "192.0.2.50")
    line, = lines(two, CUT_OFF)
    assert f"node=taker podCIDR={former4}" in line and "pods=shop/old" in line
    cluster.api.remove("taker")
    wait_for(lambda: one.own_routes() == via and pods[0].ping(pods[1].addresses[0]))

    # Another Node has the InternalIP: it may be another machine.
    cluster.api.remove(two.name)
    cluster.api.put("other", NEW, [two.address4, two.address6])
    wait_for(lambda: one.own_routes() == {cidr: via[cidr] for cidr in NEW})
    one.wait_for_resyncs()
    assert one.own_routes() == {cidr: via[cidr] for cidr in NEW}


def test_a_gateway_that_is_no_port_of_the_bridge_goes_with_its_subnet(cluster, tmp_path):
    """The gateway of a VLAN may be a veth, which stays with its addresses when the bridge goes."""
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"plugins": [{"type": "bridge-cni", "vlan": 7}]}))
    node, = cluster.ready(1, "--conflist-template", template, "--resync-seconds", "3600")
    former = node.cidrs

    def put(cidrs):
        node.ip_batch("".join(f"addr add {address} dev cni0.7 {'nodad' * (':' in address)}\n"
                              for address in with_subnet(cidrs)))

    node.ip("link add cni0.7 type veth peer name port0")
    node.ip_batch("link set cni0.7 up\nlink set port0 up\n")
    put(former)
    come_again(cluster, node, NEW)
    wait_for(lambda: not {*with_subnet(former)} & {*node.addresses("cni0.7")})
    # Without the interface the agent doesn't forget which gateways it had.
    put(NEW)
    node.ip_batch("link set cni0.7 down\nlink set cni0.7 name lost0\n")
    come_again(cluster, node, former)
    assert WHOLE[0] in node.addresses("lost0")
    node.ip_batch("link set lost0 name cni0.7\nlink set cni0.7 up\nlink add cni0 type bridge\n")
    wait_for(lambda: WHOLE[0] not in node.addresses("cni0.7"))
