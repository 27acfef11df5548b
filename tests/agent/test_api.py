# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent and the API server's protocol: whatever the server does, the agent ends up with
the cluster as it is, and never asks in a loop."""
import shutil

import pytest

from harness.apiserver import make_certificates
from harness.cluster import wait_for


@pytest.fixture
def node(cluster):
    return cluster.node()


def others(cluster, n, first=100):
    for i in range(first, first + n):
        cluster.api.put(f"other{i}", [f"10.245.{i}.0/24"], [f"192.0.2.{i}"])


def follows(cluster, node):
    """A change is seen: the watch works."""
    cluster.api.version += 10
    number = len(cluster.api.requests) % 100 + 1
    cluster.api.put("newcomer", [f"10.246.{number}.0/24"], ["192.0.2.77"])
    wait_for(lambda: f"10.246.{number}.0/24" in node.own_routes(), 5)


def test_a_list_comes_in_pages(cluster, node):
    cluster.api.page_limit = 7
    others(cluster, 30)
    node.start_agent()
    wait_for(lambda: len(node.own_routes()) == 30)
    pages = [q for _, _, q in cluster.api.requests if "watch" not in q]
    assert len(pages) == 5 and all(int(q["limit"]) == 500 for q in pages)
    follows(cluster, node)


def test_a_continue_token_that_has_expired_starts_the_list_again(cluster, node):
    cluster.api.page_limit, cluster.api.expire_continue = 7, 2
    others(cluster, 30)
    node.start_agent()
    wait_for(lambda: len(node.own_routes()) == 30)
    assert node.metrics()["bridge_cni_api_lists_total"] == 1
    assert len(cluster.api.lists()) == 3


def test_a_list_that_breaks_off_removes_nothing(cluster, node):
    others(cluster, 5)
    node.start_agent()
    wait_for(lambda: len(node.own_routes()) == 5)
    cluster.api.cut_lists = 2
    cluster.api.compact()
    cluster.api.remove("other100")
    cluster.api.compact()
    cluster.api.drop_connections()
    wait_for(lambda: len(node.own_routes()) == 4)
    assert len(cluster.api.lists()) == 4
    assert "0 added, 0 changed, 5 removed" not in node.log()


def test_a_resource_version_that_is_gone_leads_to_one_more_list(cluster, node):
    others(cluster, 2)
    node.start_agent()
    wait_for(lambda: node.metrics().get("bridge_cni_api_watching"))
    cluster.api.remove("other100")  # unseen by the watch, which is cut before
    cluster.api.drop_connections()
    cluster.api.compact()
    wait_for(lambda: [*node.own_routes()] == ["10.245.101.0/24"])
    follows(cluster, node)
    # The newest state is asked for, not a cached one that may be older.
    assert [q.get("resourceVersion") for q in cluster.api.lists()][1:] in ([], [None])


@pytest.mark.parametrize("status, lists", [(500, 2), (None, 2), (429, 1)])
def test_a_watch_that_ends_in_an_error_leads_to_a_list_unless_the_server_is_busy(
        cluster, node, status, lists):
    node.start_agent()
    wait_for(lambda: node.metrics().get("bridge_cni_api_watching"))
    cluster.api.fail_watch({"code": status, "message": "etcdserver"} if status else
                           {"code": "nonsense"})
    wait_for(lambda: len(cluster.api.watches()) == 2)
    follows(cluster, node)
    assert len(cluster.api.lists()) == lists
    assert node.metrics()["bridge_cni_api_failures_total"] == 1


def test_a_resource_version_of_another_etcd_leads_to_one_more_list(cluster, node):
    others(cluster, 1)
    node.start_agent()
    wait_for(lambda: node.metrics().get("bridge_cni_api_watching"))
    cluster.api.refuse_watch = 400
    cluster.api.drop_connections()
    wait_for(lambda: len(cluster.api.lists()) >= 2)
    cluster.api.refuse_watch = None
    follows(cluster, node)


def test_a_retry_after_beyond_all_measure_is_the_longest_pause(cluster, node):
    cluster.api.refuse = (429, {}, [("Retry-After", "9223372036854775807")])
    node.start_agent("--retry-max-seconds", "1")
    wait_for(lambda: len(cluster.api.requests) >= 3)
    times = [at for at, _, _ in cluster.api.requests]
    assert all(b - a > 0.9 for a, b in zip(times, times[1:]))


def test_bookmarks_save_the_list(cluster, node):
    cluster.api.bookmark_seconds = 0.3
    node.start_agent()
    wait_for(lambda: node.metrics().get("bridge_cni_api_watching"))
    with cluster.api.lock:  # something that isn't a Node changed, up to here
        cluster.api.version += 500
    wait_for(lambda: node.metrics()["bridge_cni_api_events_total"] >= 2)
    with cluster.api.lock:
        cluster.api.oldest = cluster.api.version
    cluster.api.drop_connections()
    wait_for(lambda: len(cluster.api.watches()) >= 2)
    assert int(cluster.api.watches()[-1]["resourceVersion"]) >= cluster.api.oldest
    follows(cluster, node)
    assert len(cluster.api.lists()) == 1


def test_dropped_connections_lose_no_event(cluster, node):
    node.start_agent()
    wait_for(lambda: node.metrics().get("bridge_cni_api_watching"))
    for i in range(100, 110):
        cluster.api.drop_connections()
        others(cluster, 1, i)
    wait_for(lambda: len(node.own_routes()) == 10)
    assert len(cluster.api.lists()) == 1


def test_a_watch_that_ends_is_followed_by_the_next(cluster, node):
    node.start_agent("--watch-seconds", "1")
    wait_for(lambda: len(cluster.api.watches()) >= 3, 15)
    follows(cluster, node)
    assert len(cluster.api.lists()) == 1
    assert node.metrics()["bridge_cni_api_failures_total"] <= len(cluster.api.watches())


def test_a_replaced_token_is_read_again(cluster, node):
    node.start_agent()
    wait_for(lambda: node.metrics().get("bridge_cni_api_watching"))
    cluster.api.token = "test-token-2"
    cluster.api.drop_connections()
    wait_for(lambda: "token isn't accepted" in node.log())
    node.token_file.write_text("test-token-2")
    follows(cluster, node)
    assert "test-token" not in node.log()


@pytest.mark.parametrize("answer, says", [
    ((403, {"message": "nodes is forbidden"}), "ClusterRole"),
    ((500, {"message": "etcdserver: no leader"}), "HTTP status 500"),
    ((429, {"message": "slow down"}, [("Retry-After", "1")]), "HTTP status 429"),
    ((200, b"<html>a login page</html>"), "no JSON object"),
    ((200, b'{"metadata": {}, "items": []}'), "resourceVersion"),
    ((200, b""), "cut off"),
])
def test_a_refusal_is_named_and_tried_again_with_pauses(cluster, node, answer, says):
    others(cluster, 1)
    cluster.api.refuse = answer
    node.start_agent("--retry-max-seconds", "2")
    wait_for(lambda: says in node.log())
    wait_for(lambda: len(cluster.api.requests) >= 3)
    times = [at for at, _, _ in cluster.api.requests]
    assert all(b - a > 0.2 for a, b in zip(times, times[1:]))
    assert node.own_routes() == {} and node.conflist() is None and not node.ready()
    cluster.api.refuse = None
    wait_for(lambda: len(node.own_routes()) == 1)
    wait_for(node.ready)


def test_a_server_that_isnt_the_clusters_is_not_listened_to(cluster, node, tmp_path):
    others(cluster, 1)
    (tmp_path / "other").mkdir()
    make_certificates(tmp_path / "other", cluster.api.address)
    right = tmp_path / "ca.crt"
    shutil.copy(cluster.api.ca_file, right)
    shutil.copy(tmp_path / "other/ca.crt", cluster.api.ca_file)
    node.start_agent()
    wait_for(lambda: "listing Nodes has failed" in node.log() and "ertificate" in node.log())
    assert not cluster.api.requests and not node.own_routes()
    shutil.copy(right, cluster.api.ca_file)
    wait_for(lambda: len(node.own_routes()) == 1)


def test_a_certificate_for_another_address_is_refused(cluster, node):
    cluster.api.stop()
    make_certificates(cluster.api.directory, "192.0.2.200")
    cluster.api.start()
    node.start_agent()
    wait_for(lambda: "listing Nodes has failed" in node.log())
    assert not cluster.api.requests


def test_a_node_that_cant_be_understood_keeps_nobody_else_waiting(cluster, node):
    others(cluster, 3)
    node.start_agent()
    wait_for(lambda: len(node.own_routes()) == 3)

    def spoil(item):
        item["spec"] = {"podCIDR": "nonsense", "podCIDRs": ["nonsense"]}

    def swell(item):
        item["status"]["addresses"] = [{"type": "InternalIP", "address": "1.2.3.4"}] * 3000

    cluster.api.change("other100", spoil)
    cluster.api.change("other101", swell)
    follows(cluster, node)
    assert node.metrics()["bridge_cni_api_skipped_total"] == 2
    assert "node=other100" in node.log() and "nonsense" in node.log()
    assert len(node.own_routes()) == 4  # what was known of them stays
    cluster.api.compact()
    cluster.api.drop_connections()
    wait_for(lambda: node.metrics()["bridge_cni_api_lists_total"] == 2)
    assert "10.245.100.0/24" in node.own_routes()
    # Once it is gone, it is gone, understood or not.
    cluster.api.remove("other100")
    wait_for(lambda: "10.245.100.0/24" not in node.own_routes(), 5)
    assert node.metrics()["bridge_cni_api_lists_total"] == 2
