# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent's pages tell of its state, from its start to its end."""
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from harness.asking import slowest
from harness.command import command
from harness.netns import TIMEOUT
from harness.shown import document
from harness.waiting import wait_for

SLOW_CLIENTS = str(pathlib.Path(__file__).with_name("slow_clients.py"))
HELD_SECONDS = 7  # longer than a connection has to be answered
PROBE_SECONDS = 5  # of deploy/bridge-cni.yaml


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


def test_show_tells_what_the_pages_and_the_kernel_tell(cluster):
    one, two = cluster.ready(2)
    pod = one.attach()
    found = document(command(one, "show", "--json", str(one.conf_dir)))
    agent, metrics = found["agent"], one.metrics()
    assert agent["answers"] and agent["ready"] and agent["says"] == "ok\n"
    assert {name: metrics[f"bridge_cni_{name}"] for name in ("nodes", "routes", "api_watching")} == {
        name: agent["metrics"][name] for name in ("nodes", "routes", "api_watching")}
    assert {route["to"] for route in agent["routes"]} == set(two.cidrs)
    [net] = found["networks"]
    assert [shown["containerID"] for shown in net["pods"]] == [pod.id]
    assert all(rules["present"] == rules["expected"] for rules in net["rules"])
    [shown] = document(command(one, "show", pod.id, "--json", str(one.conf_dir)))["attachments"]
    assert shown["check"]["outcome"] == "right", shown["check"]


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
    assert first.wait(TIMEOUT) == 0
    wait_for(lambda: len(cluster.api.requests) > requests)
    node._processes.remove(first)


@pytest.mark.parametrize("kind, number", [
    ("half-open", 16), ("half-open", 200), ("trickle", 200), ("reader", 200),
    ("pipeline", 200), ("huge", 50), ("flood", 100)])
def test_a_probe_is_answered_whoever_else_is_connected(cluster, kind, number):
    node, = cluster.ready(1)
    clients = node.popen([sys.executable, SLOW_CLIENTS, kind, str(number)],
                         stdout=subprocess.PIPE, text=True)
    assert clients.stdout.readline() == "connected\n"
    assert slowest(node, HELD_SECONDS, "/healthz", "/readyz") < PROBE_SECONDS
    assert clients.poll() is None
    assert node.stop_agent() == 0


@pytest.mark.parametrize("kind", ["half-open", "trickle"])
def test_bytes_that_keep_coming_do_not_keep_a_connection(cluster, kind):
    node, = cluster.ready(1)
    clients = node.popen([sys.executable, SLOW_CLIENTS, kind, "8"], stdout=subprocess.PIPE,
                         text=True)
    assert clients.stdout.readline() == "connected\n"
    first = connections(node)
    assert len(first) == 8
    wait_for(lambda: not first & connections(node), 10)


def connections(node):
    """The clients' ports of the connections that the agent has."""
    lines = node.run("ss", "-Htn", "state", "established",
                     "sport = :9810").stdout.splitlines()
    return {line.split()[3] for line in lines}
