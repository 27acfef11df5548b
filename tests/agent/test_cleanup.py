# SPDX-License-Identifier: GPL-2.0-or-later
"""bridge-cni-agent --cleanup."""
import time

from harness.cluster import INTERNET4
from harness.waiting import wait_for


def clean_up(node):
    return node.run(*node.agent_argv("--cleanup"))


def test_it_removes_configuration_and_routes_and_leaves_pods_connected(cluster):
    one, two = cluster.ready(2)
    pods = [one.attach(), one.attach()]
    one.ip("route add 10.9.0.0/16 via 192.0.2.1 proto static")
    conf = one.conf()
    clean_up(one)
    assert one.conflist() is None and one.own_routes() == {}
    assert "10.9.0.0/16" in one.ip("route")
    assert pods[0].ping(pods[1].address4) and pods[0].ping(INTERNET4)
    # The runtime's DEL still finds its executable.
    for pod in pods:
        one.delete(pod, conf, pod.result, executable=str(one.bin_dir / "bridge-cni"))
    assert one.reservations("pods") == {}


def test_a_running_agent_puts_nothing_back_behind_it(cluster):
    node, = cluster.ready(1)
    clean_up(node)
    wait_for(lambda: node.page("/readyz")[0] == 503)
    assert "standing by" in node.log()
    cluster.api.put("later", ["10.244.90.0/24"], ["192.0.2.90"])
    time.sleep(2.5)
    assert node.conflist() is None and node.own_routes() == {}
    assert node.page("/healthz")[0] == 200
    assert node.stop_agent() == 0


def test_where_no_pod_is_left_nothing_shared_is_left(cluster):
    node, = cluster.ready(1)
    pod = node.attach()
    node.detach(pod)
    pod.remove()
    node.stop_agent()
    clean_up(node)
    assert "cni0" not in node.links()
    assert "bridge_cni" not in node.run("nft", "list", "ruleset").stdout


def test_a_later_one_removes_what_pods_needed_at_the_first(cluster):
    node, = cluster.ready(1)
    pod, conf = node.attach(), node.conf()
    node.stop_agent()
    clean_up(node)
    assert "cni0" in node.links()
    node.delete(pod, conf, pod.result, executable=str(node.bin_dir / "bridge-cni"))
    pod.remove()
    clean_up(node)
    assert "cni0" not in node.links()
    assert "bridge_cni" not in node.run("nft", "list", "ruleset").stdout
    assert not node.run("ls", "/run/bridge-cni/cleanup.conflist", check=False).stdout


def test_it_can_be_repeated_and_be_the_first(cluster):
    node = cluster.node()
    clean_up(node)
    node.start_agent()
    wait_for(node.ready)
    node.stop_agent()
    clean_up(node)
    clean_up(node)
    assert node.conflist() is None
    node.start_agent()
    wait_for(node.ready)
    node.attach()
