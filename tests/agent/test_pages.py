# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent's pages tell of its state, from its start to its end."""
import re
import signal

import pytest

from harness.waiting import wait_for


def test_health_readiness_and_metrics(cluster):
    one, two = cluster.ready(2)
    pods = [one.attach() for _ in range(3)]
    assert one.page("/healthz") == (200, "ok\n")
    assert one.page("/readyz") == (200, "ok\n")
    assert one.page("/nothing")[0] == 404
    metrics = one.metrics()
    assert metrics['bridge_cni_addresses_used{family="4"}'] == 3
    assert metrics['bridge_cni_addresses_free{family="4"}'] == 253 - 3
    assert metrics['bridge_cni_addresses_used{family="6"}'] == 3
    assert metrics["bridge_cni_attachments"] == 3
    assert metrics["bridge_cni_routes"] == 2 and metrics["bridge_cni_nodes"] == 2
    assert metrics["bridge_cni_api_watching"] == 1
    one.detach(pods[0])
    assert one.metrics()['bridge_cni_addresses_used{family="4"}'] == 2
    assert two.metrics()["bridge_cni_attachments"] == 0


def test_metrics_are_prometheus_text(cluster):
    node, = cluster.ready(1)
    _, body = node.page("/metrics")
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? [0-9.e+]+')
    typed = set(re.findall(r"^# TYPE (\w+) (?:gauge|counter)$", body, re.M))
    for line in body.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP \w+ .+|TYPE \w+ (gauge|counter))", line)
        else:
            assert sample.fullmatch(line), line
            assert re.match(r"\w+", line)[0] in typed


def test_only_this_node_can_ask_and_only_read(cluster):
    one, two = cluster.ready(2)
    assert two.run("curl", "-s", "-m", "2", f"http://{one.address4}:9810/healthz",
                   check=False).returncode == 7  # connection refused
    done = one.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST",
                   "-d", "x", "http://127.0.0.1:9810/healthz")
    assert done.stdout == "405"


def test_every_log_line_is_structured(cluster):
    node, = cluster.ready(1)
    node.stop_agent()
    line = re.compile(r'time=\S+Z level=(debug|info|warn|error) msg=\S.*')
    lines = node.log().splitlines()
    assert len(lines) > 3 and all(line.fullmatch(text) for text in lines)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_and_leaves_everything_as_it_is(cluster, how):
    one, two = cluster.ready(2)
    pod = one.attach()
    before = one.own_routes(), one.conflist()
    assert one.stop_agent(how) == 0
    assert (one.own_routes(), one.conflist()) == before
    assert pod.ping(two.address4)


def test_it_ends_at_once_also_before_the_api_server_answers(cluster):
    cluster.api.stop()
    node = cluster.node()
    node.start_agent()
    wait_for(lambda: "listing Nodes has failed" in node.log())
    assert node.page("/healthz")[0] == 200 and node.page("/readyz")[0] == 503
    assert node.stop_agent() == 0


def test_two_agents_never_work_on_one_node_at_once(cluster):
    node, = cluster.ready(1)
    first, node.agent = node.agent, None
    node.start_agent("--port", "9811")
    wait_for(lambda: "another agent is at work" in node.log())
    requests = len(cluster.api.requests)
    first.terminate()
    assert first.wait(10) == 0
    wait_for(lambda: len(cluster.api.requests) > requests)
    node._processes.remove(first)
