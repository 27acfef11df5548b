# SPDX-License-Identifier: GPL-2.0-or-later
"""--metrics-address: the metrics, and nothing else, for other machines."""
import pathlib
import re
import subprocess
import sys
import time

import pytest

from harness import agent_pages
from harness.asking import slowest
from harness.cluster import AGENT
from harness.plugin import REPOSITORY
from harness.waiting import wait_for, within

SLOW_CLIENTS = str(pathlib.Path(__file__).with_name("slow_clients.py"))
LISTENER = """
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 9811))
s.listen()
print("up", flush=True)
sys.stdin.read()
"""


def ask(node, host, path="/metrics", *options):
    """Status (0: nobody listens) and body."""
    done = node.run("curl", "-s", "-m", "5", "-w", "\n%{http_code}", *options,
                    f"http://{host}:9811{path}", check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def listening(node):
    """Where the agent listens."""
    return {line.split()[3] for line in node.run("ss", "-Hltnp").stdout.splitlines()
            if f"pid={node.agent_pid()}," in line}


def pair(cluster, *options):
    """A node whose agent has the options, and another one, without an agent."""
    one, other = cluster.node(), cluster.node()
    one.start_agent(*options)
    wait_for(one.ready)
    return one, other


def test_without_it_nothing_listens_but_the_local_port(cluster):
    node, = cluster.ready(1)
    assert listening(node) == {"127.0.0.1:9810"}


def test_another_machine_reads_the_metrics_and_no_other_page(cluster):
    one, other = pair(cluster, "--metrics-address", "0.0.0.0:9811")
    assert listening(one) == {"127.0.0.1:9810", "0.0.0.0:9811"}
    status, body = ask(other, one.address4)
    assert status == 200 and "\nbridge_cni_nodes 2\n" in body
    for path in ("/healthz", "/readyz", "/"):
        assert ask(other, one.address4, path) == (404, "/metrics\n")
    assert ask(other, one.address4, "/metrics", "-d", "x")[0] == 405
    assert one.page("/healthz") == (200, "ok\n")
    assert one.page("/nothing") == (404, "/healthz, /readyz or /metrics\n")


def test_the_unspecified_address_of_ipv6_serves_both_families(cluster):
    one, other = pair(cluster, "--metrics-address", "[::]:9811")
    assert ask(other, one.address4)[0] == 200
    assert ask(other, f"[{one.address6}]")[0] == 200


@pytest.mark.parametrize("family", [4, 6])
def test_an_address_is_the_only_one(cluster, family):
    one, other = cluster.node(), cluster.node()
    hosts = {4: one.address4, 6: f"[{one.address6}]"}
    one.start_agent(BRIDGE_CNI_METRICS_ADDRESS=f"{hosts[family]}:9811")
    wait_for(one.ready)
    assert ask(other, hosts[family])[0] == 200
    assert ask(other, hosts[10 - family])[0] == 0
    assert ask(one, "127.0.0.1")[0] == 0


def test_a_taken_port_keeps_the_agent_from_nothing(cluster):
    one, other = cluster.node(), cluster.node()
    taker = one.popen([sys.executable, "-c", LISTENER], stdin=subprocess.PIPE,
                      stdout=subprocess.PIPE, text=True)
    assert taker.stdout.readline() == "up\n"
    one.start_agent("--metrics-address", "0.0.0.0:9811", "--resync-seconds", "1")
    wait_for(one.ready)
    one.wait_for_resyncs()
    said = re.findall(r"level=error msg=\"metrics can't be had.*", one.log())
    assert len(said) == 1
    assert "listening on 0.0.0.0:9811; --metrics-address takes another" in said[0]
    taker.stdin.close()
    taker.wait(10)
    wait_for(lambda: ask(other, one.address4)[0] == 200)
    assert one.log().count("metrics can be had from other machines now") == 1


def test_the_port_of_the_probes_is_taken(cluster):
    """The kubelet would end an agent whose probes came to the other pages."""
    one, _ = pair(cluster, "--metrics-address", "127.0.0.1:9810")
    assert "listening on 127.0.0.1:9810; --metrics-address takes another" in one.log()
    assert {one.page("/healthz") for _ in range(20)} == {(200, "ok\n")}


def test_they_are_made_once_a_second_however_often_others_ask(cluster):
    one, other = pair(cluster, "--metrics-address", "0.0.0.0:9811")
    one.attach()
    used = 'bridge_cni_addresses_used{family="4"}'

    def seen():
        return agent_pages.metrics(other, one.address4, 9811)[used]

    # One second may be over where the machine is busy: then it is tried again.
    for number in range(50, 100):
        begin, before = time.monotonic(), seen()
        (one.store / "pods" / f"10.244.1.{number}").write_text("somebody\r\neth0")
        at_once, took = seen(), time.monotonic() - begin
        if at_once == before or took < 0.9:
            break
        time.sleep(1.1)
    assert at_once == before and one.metrics()[used] == before + 1
    within(one, 3, lambda: seen() == before + 1)


@pytest.mark.parametrize("value", [
    "9811", ":9811", "0.0.0.0", "0.0.0.0:", "0.0.0.0:0", "0.0.0.0:65536", "0.0.0.0:9811x",
    "0.0.0.0:+9811", "localhost:9811", "::1:9811", "[::]", "[::1]9811", "[::1:9811", "[]:9811",
    "[192.0.2.1]:9811", "[::ffff:192.0.2.1]:9811"])
def test_what_is_no_address_with_a_port_is_refused(value):
    done = subprocess.run([AGENT, "--metrics-address", value], capture_output=True, text=True)
    assert done.returncode == 1
    assert "--metrics-address" in done.stderr and "ADDRESS:PORT" in done.stderr


@pytest.mark.parametrize("kind, number", [("half-open", 200), ("flood", 100)])
def test_probes_are_answered_whoever_is_at_the_metrics(cluster, kind, number):
    node, _ = pair(cluster, "--metrics-address", "0.0.0.0:9811")
    clients = node.popen([sys.executable, SLOW_CLIENTS, kind, str(number), "9811"],
                         stdout=subprocess.PIPE, text=True)
    assert clients.stdout.readline() == "connected\n"
    assert slowest(node, 3, "/healthz") < 5  # the kubelet waits so long
    assert clients.poll() is None
    assert node.stop_agent() == 0


# -- deploy/monitoring.yaml

yaml = pytest.importorskip("yaml")
MONITORING = {d["kind"]: d for d in yaml.safe_load_all(
    (REPOSITORY / "deploy/monitoring.yaml").read_text())}
MANIFEST = {d["kind"]: d for d in yaml.safe_load_all(
    (REPOSITORY / "deploy/bridge-cni.yaml").read_text())}
RULES = [rule for group in MONITORING["PrometheusRule"]["spec"]["groups"]
         for rule in group["rules"]]


def test_the_manifest_asks_for_no_port_that_others_reach():
    assert MANIFEST["ConfigMap"]["data"]["BRIDGE_CNI_METRICS_ADDRESS"] == ""


def test_the_service_has_the_agents_and_the_monitor_has_the_service():
    service, monitor = MONITORING["Service"], MONITORING["ServiceMonitor"]
    labels = MANIFEST["DaemonSet"]["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert service["spec"]["clusterIP"] == "None"  # it makes no variables, and spreads nothing
    chosen = monitor["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= service["metadata"]["labels"].items()
    port, = service["spec"]["ports"]
    endpoint, = monitor["spec"]["endpoints"]
    assert endpoint["port"] == port["name"] and endpoint["path"] == "/metrics"
    assert {d["metadata"]["namespace"] for d in MONITORING.values()} == {"kube-system"}
    readme = (REPOSITORY / "deploy/README.md").read_text()
    for address in re.findall(r'"(?:0\.0\.0\.0|\[::\]):(\d+)"', readme):
        assert int(address) == port["port"] == port["targetPort"]
    job = re.search(r'job="([^"]+)"', RULES[0]["expr"])[1]
    assert job == service["metadata"]["name"]  # the operator names a job after its Service


def test_every_alert_is_about_what_the_agent_has(cluster):
    """Metrics by their names, and the labels that are shown by those that samples have."""
    one, _ = cluster.ready(2, "--spoof-check", "true", "--resync-seconds", "1")
    one.attach()
    # A Node whose InternalIP isn't on the link, and one whose podCIDR isn't used.
    cluster.api.put("far", ["10.244.200.0/24"], ["198.51.100.7"])
    cluster.api.put("all", ["0.0.0.0/0"], ["192.0.2.53"])
    (one.conf_dir / "05-other.conf").write_text("{}")
    for name in ("dropped_frames_total", "pod_range_refused", "node_unrouted",
                 "conflist_shadowed_by"):
        wait_for(lambda: f"\nbridge_cni_{name}{{" in one.page("/metrics")[1])
    # This one takes a peer that doesn't answer: test_tunnel_silent.py.
    labels = {"bridge_cni_tunnel_peer_silent": {"instance", "job", "node"}}
    for name, found in re.findall(r"^(\w+)(?:\{(.*)\})? [\d.]+$", one.page("/metrics")[1], re.M):
        labels.setdefault(name, {"instance", "job"}).update(re.findall(r'(\w+)="', found))
    assert len(RULES) > 5
    for rule in RULES:
        names = set(re.findall(r"\bbridge_cni_\w+", rule["expr"])) or {"up"}
        assert names - {"up"} <= set(labels), rule["alert"]
        shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        for name in names - {"up"}:
            assert shown <= labels[name], rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["annotations"]["summary"] and rule["labels"]["severity"] in (
            "info", "warning", "critical")
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
