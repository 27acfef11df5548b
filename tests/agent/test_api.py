# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent and the API server's protocol: whatever the server does, the agent ends up with
the cluster as it is, and never asks in a loop."""
import os
import re
import shutil
import threading
import time

import pytest

from harness.certificates import SERVER_NAME, make_certificates
from harness.waiting import wait_for


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
    wait_for(lambda: f"10.246.{number}.0/24" in node.own_routes())


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
    with cluster.api.lock:  # the server does all of it before it answers
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
    # The first one that comes may have been on its way already.
    events = node.metrics()["bridge_cni_api_events_total"]
    wait_for(lambda: node.metrics()["bridge_cni_api_events_total"] >= events + 2)
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
    wait_for(lambda: len(cluster.api.watches()) >= 3)
    follows(cluster, node)
    assert len(cluster.api.lists()) == 1
    assert node.metrics()["bridge_cni_api_failures_total"] <= len(cluster.api.watches())


def levels(node, words):
    """The levels of the log's lines that say this, in their order."""
    return [re.search(r"level=(\w+)", line)[1] for line in node.log().splitlines()
            if words in line]


def test_a_server_that_answers_nothing_is_noticed_and_asked_with_pauses(cluster):
    """One node's packets to it are lost, the other one is connected and gets no answer."""
    lost, unheard = nodes = cluster.ready(2, "--retry-max-seconds", "4")
    failed, back = "watching Nodes has failed", "the API server answers again"
    routes = [node.own_routes() for node in nodes]
    for node in nodes:
        wait_for(lambda: node.metrics()["bridge_cni_api_watching"])
    cluster.link.nft("add table inet lossy; add chain inet lossy input { type filter hook input "
                     "priority 0; }; add rule inet lossy input "
                     f"ip saddr {lost.address4} tcp dport 6443 drop")
    ended = threading.Event()
    cluster.api.raw = lambda handler: ended.wait(60)
    cluster.api.drop_connections()
    for node, seconds, says in (lost, 30, r"after \d+ ms"), (unheard, 45, "no answer"):
        # The watch breaks off, which may be of a moment; the next request shows that it isn't.
        wait_for(lambda: levels(node, failed)[:2] == ["info", "error"], seconds, step=0.1)
        assert re.search(f"level=error.*{cluster.api.url()}: .*{says}", node.log())
        metrics = node.metrics()
        assert metrics["bridge_cni_api_last_contact_seconds"] > 9
        assert metrics["bridge_cni_api_failures_total"] >= 2
        assert not metrics["bridge_cni_api_watching"]
    # Those who have pods lose nothing.
    assert [node.own_routes() for node in nodes] == routes
    assert all(node.ready() for node in nodes)
    cluster.api.raw = None
    ended.set()
    cluster.link.nft("delete table inet lossy")
    for node in nodes:
        wait_for(lambda: back in node.log())
        follows(cluster, node)
        assert node.log().count(back) == 1
    assert len(cluster.api.lists()) == len(nodes)


def test_what_a_new_nodes_first_moments_bring_is_no_error(cluster, node):
    """Neither in its own log nor in those of others: all of it goes away by itself."""
    node.start_agent()
    wait_for(node.ready)
    new = cluster.node(join=False)
    cluster.api.cut_lists = 1
    new.start_agent()
    wait_for(lambda: "lacks this node" in new.log())
    cluster.api.put(new.name, [], [])
    wait_for(lambda: "has no podCIDR yet" in new.log())
    wait_for(lambda: "no-pod-cidr" in node.log())
    cluster.join(new)
    wait_for(new.ready)
    wait_for(lambda: new.cidrs[0] in node.own_routes())
    assert levels(new, "listing Nodes has failed") == ["info"]
    for agent in (node, new):
        for words in ("has no podCIDR yet", "lacks this node", "no route to a node's pods"):
            assert {*levels(agent, words)} <= {"info"}
        assert not levels(agent, "level=error")
    assert "info" in levels(node, "no route to a node's pods")


def test_a_resource_version_that_is_too_old_is_no_error(cluster, node):
    node.start_agent()
    follows(cluster, node)
    for number in range(2):  # in the watch, and as its answer
        cluster.api.refuse_watch = 410 if number else None
        cluster.api.drop_connections()
        cluster.api.compact()
        wait_for(lambda: len(levels(node, "too old")) > number)
        cluster.api.refuse_watch = None
        follows(cluster, node)
    assert {*levels(node, "too old")} == {"info"}


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
    if answer[0] != 200:  # a refusal is no contact
        silent = node.metrics()["bridge_cni_api_last_contact_seconds"]
        assert silent >= times[-1] - times[0]
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


# -- what was believed once is not believed for longer than what it was believed by


def watching(cluster, node, *options):
    node.start_agent(*options)
    wait_for(lambda: node.metrics().get("bridge_cni_api_watching"))


def another_ca(tmp_path, address):
    """The file of a CA that has not signed the server's certificate."""
    (tmp_path / "other").mkdir()
    make_certificates(tmp_path / "other", address)
    return tmp_path / "other/ca.crt"


def replace(file, content):
    """As a kubelet does: a new file, at once."""
    aside = file.with_suffix(".new")
    aside.write_bytes(content)
    os.rename(aside, file)


def not_listened_to(cluster, node):
    """A certificate is refused, and no request is sent any more."""
    wait_for(lambda: "ertificate" in node.log())
    before = len(cluster.api.requests)
    cluster.api.put("unheard", ["10.247.0.0/24"], ["192.0.2.78"])
    time.sleep(1.5)
    assert len(cluster.api.requests) == before
    assert "10.247.0.0/24" not in node.own_routes()


def test_a_withdrawn_CA_ends_the_watch_that_it_vouched_for(cluster, node, tmp_path):
    watching(cluster, node)
    right = cluster.api.ca_file.read_bytes()
    replace(cluster.api.ca_file, another_ca(tmp_path, cluster.api.address).read_bytes())
    not_listened_to(cluster, node)
    replace(cluster.api.ca_file, right)
    wait_for(lambda: "10.247.0.0/24" in node.own_routes())
    # The next watch goes on from where the first one was.
    assert len(cluster.api.lists()) == 1


def test_a_withdrawn_CA_is_not_believed_by_the_connection_of_before(cluster, node, tmp_path):
    """Watches that end as they should leave a connection to be used again."""
    watching(cluster, node, "--watch-seconds", "1")
    replace(cluster.api.ca_file, another_ca(tmp_path, cluster.api.address).read_bytes())
    not_listened_to(cluster, node)


def test_a_CA_that_is_gone_is_withdrawn(cluster, node):
    watching(cluster, node, "--watch-seconds", "1")
    right = cluster.api.ca_file.read_bytes()
    cluster.api.ca_file.unlink()
    wait_for(lambda: "watching Nodes has failed" in node.log())
    before = len(cluster.api.requests)
    time.sleep(1.5)
    assert len(cluster.api.requests) == before
    replace(cluster.api.ca_file, right)
    follows(cluster, node)


def test_a_renewed_CA_is_read_and_the_server_that_it_vouches_for_is_believed(cluster, node):
    """First both are trusted, then the server is the new one's, then the new one alone is."""
    watching(cluster, node)
    old = cluster.api.ca_file.read_bytes()
    cluster.api.stop()
    make_certificates(cluster.api.directory, cluster.api.address)
    new = cluster.api.ca_file.read_bytes()
    replace(cluster.api.ca_file, old)
    cluster.api.start()
    wait_for(lambda: "ertificate" in node.log())
    replace(cluster.api.ca_file, old + new)
    follows(cluster, node)
    replace(cluster.api.ca_file, new)
    follows(cluster, node)


def test_a_CA_that_is_only_written_anew_disturbs_no_watch(cluster, node):
    """All files of a volume are, when the token is replaced."""
    watching(cluster, node)
    for _ in range(3):
        replace(cluster.api.ca_file, cluster.api.ca_file.read_bytes())
        time.sleep(1.2)
    follows(cluster, node)
    assert len(cluster.api.watches()) == 1


def test_a_server_that_has_moved_is_found_by_its_name(cluster, node):
    hosts = node.directory / "hosts"
    hosts.write_text(f"{cluster.api.address} {SERVER_NAME}\n")
    url = f"https://{SERVER_NAME}:{cluster.api.port}"
    node.start_agent("--api-server", url, more=f"mount --bind {hosts} /etc/hosts")
    wait_for(lambda: node.metrics().get("bridge_cni_api_watching"))
    cluster.api.stop()
    cluster.link.ip("addr add 192.0.2.3/24 dev br0")
    cluster.api.address = "192.0.2.3"
    cluster.api.start()
    wait_for(lambda: "watching Nodes has failed" in node.log())
    hosts.write_text(f"192.0.2.3 {SERVER_NAME}\n")
    follows(cluster, node)
    assert len(cluster.api.lists()) == 1


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
    wait_for(lambda: "10.245.100.0/24" not in node.own_routes())
    assert node.metrics()["bridge_cni_api_lists_total"] == 2


@pytest.mark.parametrize("spoil", [
    lambda n: n["spec"].update(podCIDR=5),
    lambda n: n["spec"].update(podCIDRs=[f"10.245.{i}.0/24" for i in range(100, 120)]),
    lambda n: n["status"].update(addresses=[{"type": "InternalIP"}]),
    lambda n: n["status"].update(addresses="192.0.2.9"),
], ids=["a number", "too many", "no address", "no list"])
def test_a_node_with_a_key_of_another_kind_is_named_and_stays(cluster, node, spoil):
    others(cluster, 2)
    node.start_agent()
    wait_for(lambda: len(node.own_routes()) == 2)
    cluster.api.change("other100", spoil)
    wait_for(lambda: "a Node can't be understood" in node.log())
    cluster.api.compact()
    cluster.api.drop_connections()
    wait_for(lambda: node.metrics()["bridge_cni_api_lists_total"] == 2)
    follows(cluster, node)
    assert "10.245.100.0/24" in node.own_routes() and len(node.own_routes()) == 3
    assert node.log().count("a Node can't be understood\" node=other100 ") == 2
    cluster.api.remove("other100")
    wait_for(lambda: "10.245.100.0/24" not in node.own_routes())
