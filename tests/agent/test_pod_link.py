# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods are bridged or routed, with the kernel parameters that each needs; a node changes
from one to the other only when it has no pod."""
import contextlib
import os

import pytest

from harness import plugin
from harness.portmap import ask, served, served_udp, settled, udp_answers
from harness.service import MODES, service
from harness.waiting import wait_for
from test_guards import edit

PARAMETERS = ("bridge.bridge-nf-call-iptables", "bridge.bridge-nf-call-ip6tables")
ABSENT = "mount -t tmpfs none /proc/sys/net/bridge"

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/sys/net/bridge"),
    reason="this kernel has not loaded br_netfilter")


def parameters(node):
    return [node.sysctl(name) for name in PARAMETERS]


def set_parameters(node, value):
    """Both before an agent looks: it tells of one that is wrong alone in other words."""
    with node.asleep() if node.agent else contextlib.nullcontext():
        for name in PARAMETERS:
            node.sysctl(name, value)


def started(node, *options, **more):
    node.start_agent(*options, **more)
    wait_for(node.ready)
    return node.conf()


def restarted(node, *options, **more):
    node.stop_agent()
    return started(node, *options, **more)


def lines(node, words):
    return [line for line in node.log().splitlines() if words in line]


@pytest.mark.parametrize("link, value", [("bridged", "1"), ("routed", "0")])
def test_the_kernel_parameters_are_what_the_link_needs_and_stay_so(cluster, link, value):
    node = cluster.node()
    other = "10"[int(value)]
    set_parameters(node, other)
    conf = started(node, "--pod-link", link)
    assert conf.get("podLink", "bridged") == link
    assert parameters(node) == [value, value]
    assert lines(node, "kernel parameters set") and not lines(node, "somebody has changed")
    for count in (1, 2):
        set_parameters(node, other)
        wait_for(lambda: parameters(node) == [value, value])
        wait_for(lambda: node.metrics()["bridge_cni_bridge_nf_mended_total"] >= count)
    line, = lines(node, "somebody has changed")
    assert "bridge-nf-call-" in line and f"value={value}" in line
    assert node.metrics()["bridge_cni_bridge_nf_wrong"] == 0


@pytest.mark.parametrize("link", ["bridged", "routed"])
def test_a_service_sees_clients_of_its_pods_own_node(cluster, link):
    node = cluster.node()
    set_parameters(node, int(link == "routed"))
    started(node, "--pod-link", link)
    client, server = node.attach(), node.attach()
    settled(node)
    for own, address, mode in ((client.address4, server.address4, "nftables"),
                               (client.address6, server.address6, "iptables")):
        vip = service(node, address, 53, mode)
        with served(server, 53), served_udp(server, 53):
            wait_for(lambda: ask(client, vip, 53) == ("pod", own))
            assert udp_answers(client, vip, 53)
            # This is what the parameters are for.
            node.stop_agent()
            set_parameters(node, int(link == "routed"))
            assert ask(client, vip, 53, 0.5 if link == "routed" else None) == (
                None if link == "routed" else ("pod", node.gateway(vip)))
            started(node)
            assert ask(client, vip, 53) == ("pod", own)


def test_a_node_of_an_earlier_version_gets_them_too(cluster):
    node = cluster.node()
    started(node)
    node.stop_agent()
    set_parameters(node, 0)
    started(node)
    assert parameters(node) == ["1", "1"]


@MODES
def test_without_the_module_a_service_sees_the_node_and_the_remedy_is_named(cluster, mode):
    node = cluster.node()
    set_parameters(node, 0)
    started(node, more=ABSENT)
    line, = lines(node, "br_netfilter")
    assert "level=error" in line and "modprobe br_netfilter" in line
    assert "sees the node's address" in line
    assert node.metrics()["bridge_cni_bridge_nf_wrong"] == 1
    assert node.page("/readyz") == (
        200, "ok\nbr_netfilter isn't loaded: run modprobe br_netfilter\n")
    client, server = node.attach(), node.attach()
    settled(node)
    for address in (server.address4, server.address6):
        vip = service(node, address, 53, mode)
        with served(server, 53), served_udp(server, 53):
            wait_for(lambda: ask(client, vip, 53) == ("pod", node.gateway(vip)))
            assert udp_answers(client, vip, 53)
    # The rule that asked the kernel for the module is gone.
    assert "bridge_cni_agent" not in node.run("nft", "list", "tables").stdout
    restarted(node)
    assert node.page("/readyz") == (200, "ok\n")
    assert parameters(node) == ["1", "1"]


def test_without_the_module_routed_pods_lack_nothing(cluster):
    node = cluster.node()
    started(node, "--pod-link", "routed", more=ABSENT)
    assert "br_netfilter" not in node.log()
    assert node.metrics()["bridge_cni_bridge_nf_wrong"] == 0
    assert node.page("/readyz") == (200, "ok\n")


def test_a_parameter_that_cannot_be_written_is_told_once(cluster):
    node = cluster.node()
    set_parameters(node, 0)
    started(node, more=f"mount -o remount,bind,ro {node.sysctl_dir}")
    assert wait_for(lambda: lines(node, "kernel parameters of the bridge are wrong"))
    assert node.metrics()["bridge_cni_bridge_nf_wrong"] == 1
    set_parameters(node, 1)
    wait_for(lambda: node.metrics()["bridge_cni_bridge_nf_wrong"] == 0)
    assert len(lines(node, "kernel parameters of the bridge are wrong")) == 1


def assert_reach_each_other(pods):
    for pod, other in (pods, pods[::-1]):
        assert pod.ping(other.address4) and pod.ping(other.address6)


def add_bridge(node, name, port_options):
    node.ip_batch(f"""
        link add {name} type bridge
        link add {name}p type veth peer name {name}q
        link set {name}p master {name}
        link set {name}p type bridge_slave {port_options}
        """)


@pytest.mark.parametrize("link, named", [("bridged", "isolated"), ("routed", "docker0")])
def test_other_bridges_that_may_need_the_other_value_are_named_once(cluster, link, named):
    node = cluster.node()
    add_bridge(node, "docker0", "isolated off")
    add_bridge(node, "isolated", "isolated on")
    node.ip("link add empty type bridge")
    started(node, "--pod-link", link, "--resync-seconds", "1")
    node.wait_for_resyncs()
    line, = lines(node, "holds for other bridges")
    assert line.endswith(f"bridges={named}")


def test_the_link_changes_when_the_last_pod_is_gone(cluster):
    node = cluster.node()
    started(node)
    node.stop_agent()
    pods = [node.attach() for _ in range(2)]
    conf = started(node, "--pod-link", "routed")
    assert "podLink" not in conf and parameters(node) == ["1", "1"]
    wait_for(lambda: node.metrics()["bridge_cni_pod_link_change_left"] == 2)
    status, text = node.page("/readyz")
    assert status == 200
    assert all(pod.id in text for pod in pods)
    for pod in pods:
        name = f'bridge_cni_pod_link_change_pod{{pod="{pod.id}"}}'
        assert node.metrics()[name] == 1
    line, = lines(node, "drain this node")
    assert "to=routed" in line and all(pod.id in line for pod in pods)
    # A pod that comes meanwhile is of the kind that there is.
    pods.append(node.attach())
    assert pods[0].ping(pods[2].address4)
    for pod in pods:
        assert "podLink" not in node.conf() and parameters(node) == ["1", "1"]
        node.detach(pod)
    wait_for(lambda: node.conf().get("podLink") == "routed")
    assert parameters(node) == ["0", "0"] and node.page("/readyz") == (200, "ok\n")
    metrics = node.metrics()
    assert metrics["bridge_cni_pod_link_routed"] == 1
    assert metrics["bridge_cni_pod_link_change_left"] == 0
    # Without the option it stays so.
    assert restarted(node)["podLink"] == "routed" and parameters(node) == ["0", "0"]
    pods = [node.attach() for _ in range(2)]
    assert_reach_each_other(pods)
    assert restarted(node, "--pod-link", "bridged")["podLink"] == "routed"
    assert parameters(node) == ["0", "0"]
    for pod in pods:
        node.detach(pod)
    wait_for(lambda: "podLink" not in node.conf())
    assert parameters(node) == ["1", "1"]
    assert_reach_each_other([node.attach() for _ in range(2)])


def test_the_link_does_not_change_while_the_pods_bridge_is_made_anew(cluster):
    """The pods are no ports of it yet, and run all the while."""
    node = cluster.node()
    started(node)
    pods = [node.attach() for _ in range(2)]
    restarted(node, "--pod-link", "routed", "--resync-seconds", "1")
    wait_for(lambda: node.metrics()["bridge_cni_pod_link_change_left"] == 2)
    with node.locked():
        for step in ("link del cni0", "link add cni0 type bridge"):
            node.ip(step)
            node.wait_for_resyncs()
            assert node.metrics()["bridge_cni_pod_link_change_left"] == 2
            assert "podLink" not in node.conf() and parameters(node) == ["1", "1"]
    assert len(lines(node, "drain this node")) == 1
    wait_for(lambda: pods[0].ping(pods[1].address4))


def test_a_pod_that_came_by_the_former_list_is_named(cluster):
    """The runtime had read the list before the link changed."""
    node = cluster.node()
    former = started(node)
    restarted(node, "--pod-link", "routed", "--resync-seconds", "1")
    wait_for(lambda: node.conf().get("podLink") == "routed")
    late = node.pod()
    late.result = node.add(late, former, executable=str(node.bin_dir / "bridge-cni"))
    node.refused(node.pod(), node.conf(), plugin.EXISTS, "podLink",
                 executable=str(node.bin_dir / "bridge-cni"))
    says = f"podLink refuses new pods until this one is deleted: {late.id}\n"
    wait_for(lambda: says in node.page("/readyz")[1])
    with node.locked():
        node.ip("link del cni0")
        node.wait_for_resyncs()
        assert says in node.page("/readyz")[1]
    node.detach(late)
    wait_for(lambda: node.page("/readyz") == (200, "ok\n"))
    node.attach()
    assert len(lines(node, "connected in another way")) == 1
    wait_for(lambda: node.metrics()["bridge_cni_route_syncs_total"] > 3)
    assert node.page("/readyz") == (200, "ok\n")


@pytest.mark.parametrize("lost", [[], ["link del cni0"]], ids=["", "and their bridge"])
def test_a_node_whose_pods_outlived_its_configuration_goes_on_with_their_link(cluster, lost):
    node = cluster.node()
    started(node, "--pod-link", "routed")
    pod = node.attach()
    node.stop_agent()
    (node.conf_dir / "10-bridge-cni.conflist").unlink()
    for step in lost:
        node.ip(step)
    assert started(node)["podLink"] == "routed" and parameters(node) == ["0", "0"]
    assert_reach_each_other([pod, node.attach()])


def test_pods_are_named_as_kubernetes_names_them(cluster):
    node = cluster.node()
    started(node)
    pod = node.pod()
    node.add(pod, node.conf(), executable=str(node.bin_dir / "bridge-cni"),
             args="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-7d")
    restarted(node, "--pod-link", "routed")
    wait_for(lambda: "shop/cart-7d" in node.page("/readyz")[1])


def test_a_pod_with_two_interfaces_is_one_series_of_metrics(cluster):
    """Prometheus takes no page that has a series twice."""
    node = cluster.node()
    started(node)
    pod = node.pod()
    for ifname in ("eth0", "eth1"):
        node.add(pod, node.conf(), executable=str(node.bin_dir / "bridge-cni"),
                 ifname=ifname)
    restarted(node, "--pod-link", "routed")
    wait_for(lambda: node.page("/metrics")[1].count("pod_link_change_pod{") == 1)
    assert node.metrics()["bridge_cni_pod_link_change_left"] == 2


def test_of_many_pods_a_few_are_named(cluster):
    node = cluster.node()
    started(node)
    for _ in range(11):
        node.attach()
    restarted(node, "--pod-link", "routed")
    wait_for(lambda: "and 3 more" in node.page("/readyz")[1])
    metrics = node.metrics()
    assert metrics["bridge_cni_pod_link_change_left"] == 11
    assert len([name for name in metrics if "pod_link_change_pod{" in name]) == 8


def test_without_the_api_server_a_node_with_a_configuration_waits(cluster):
    """The list and the parameters are those of one kind at any moment."""
    node = cluster.node()
    started(node)
    node.stop_agent()
    cluster.api.stop()
    node.start_agent("--pod-link", "routed")
    wait_for(lambda: "listing Nodes has failed" in node.log())
    assert "podLink" not in node.conf() and parameters(node) == ["1", "1"]
    cluster.api.start()
    wait_for(lambda: node.conf().get("podLink") == "routed")
    assert parameters(node) == ["0", "0"]


def test_the_list_that_an_administrator_edits_does_not_change_the_link(cluster):
    node = cluster.node()
    started(node)
    edit(node, lambda conflist: conflist["plugins"][0].update(podLink="routed"))
    line, = wait_for(lambda: lines(node, "key=plugins[0].podLink"))
    assert "BRIDGE_CNI_POD_LINK" in line and parameters(node) == ["1", "1"]
