# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts, dashboard and kustomization of deploy/, and what Prometheus' own promtool says of them."""
import json
import re
import shutil
import subprocess

import pytest

from harness.plugin import REPOSITORY
from harness.waiting import wait_for

yaml = pytest.importorskip("yaml")
DEPLOY = REPOSITORY / "deploy"
UNPACKED = REPOSITORY / "build/promtool/promtool"
PROMTOOL = UNPACKED if UNPACKED.exists() else shutil.which("promtool")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool: make build/promtool/promtool")
GROUPS, = [document["spec"]["groups"] for document in
           yaml.safe_load_all((DEPLOY / "monitoring.yaml").read_text())
           if document["kind"] == "PrometheusRule"]
DASHBOARD = json.loads((DEPLOY / "dashboard.json").read_text())


def promtool(*argv, input=None, cwd=None):
    done = subprocess.run([PROMTOOL, *map(str, argv)], input=input, cwd=cwd, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# Where an alert fires: the series, and after how many minutes. A minute earlier it doesn't.
FIRES = [
    ("BridgeCniAgentDown", {'up{job="bridge-cni-agent"}': "0x99"}, 10),
    ("BridgeCniNoList", {"bridge_cni_api_listed": "0x99"}, 10),
    ("BridgeCniNotWatching", {"bridge_cni_api_watching": "0x99", "bridge_cni_api_listed": "1x99"}, 15),
    ("BridgeCniNodeUnrouted", {'bridge_cni_node_unrouted{reason="no-address"}': "1x99"}, 10),
    ("BridgeCniTunnelPeerSilent", {'bridge_cni_tunnel_peer_silent{node="a"}': "1x99"}, 15),
    ("BridgeCniPodCIDRRefused", {'bridge_cni_pod_range_refused{node="a"}': "1x99"}, 10),
    ("BridgeCniPodsOutsidePodCIDR", {"bridge_cni_pods_outside_podcidr": "3x99"}, 10),
    ("BridgeCniPodsCutOff", {"bridge_cni_pods_cut_off": "0 0 0 2x99"}, 3),
    ("BridgeCniNodesLeftOut", {"bridge_cni_nodes_left_out": "1x99"}, 10),
    ("BridgeCniFewAddresses", {'bridge_cni_addresses_free{family="4"}': "4x99",
                               'bridge_cni_addresses_used{family="4"}': "100x99"}, 10),
    ("BridgeCniBridgeNearlyFull", {"bridge_cni_attachments": "980x99"}, 10),
    ("BridgeCniRepairsFail", {"bridge_cni_repair_failures_total": "0x20 0+1x99"}, 24),
    ("BridgeCniKeepsRepairing", {"bridge_cni_healings_total": "0x60 0+10x99"}, 64),
    ("BridgeCniDeadAttachmentsStay", {"bridge_cni_reclaim_refused": "1x99"}, 15),
    ("BridgeCniTemplateWrong", {"bridge_cni_template_wrong": "1x99"}, 5),
    ("BridgeCniConflistShadowed", {'bridge_cni_conflist_shadowed_by{file="05-other.conf"}': "1x99"}, 10),
    ("BridgeCniBridgeNfWrong", {"bridge_cni_bridge_nf_wrong": "1x99"}, 5),
    ("BridgeCniFramesDropped", {'bridge_cni_dropped_frames_total{kind="arp"}': "0+1200x99"}, 11),
]
# Series of nodes on which all is well.
QUIET = {'up{job="bridge-cni-agent"}': "1x99", "bridge_cni_api_listed": "1x99",
         "bridge_cni_api_watching": "1x99", "bridge_cni_pods_outside_podcidr": "0x99",
         "bridge_cni_pods_cut_off": "0x99", "bridge_cni_nodes_left_out": "0x99",
         'bridge_cni_addresses_free{family="4"}': "200x99",
         'bridge_cni_addresses_used{family="4"}': "50x99",
         "bridge_cni_attachments": "250x99",
         "bridge_cni_repair_failures_total": "7x99", "bridge_cni_healings_total": "5x99",
         "bridge_cni_reclaim_failures_total": "3x99", "bridge_cni_reclaim_refused": "0x99",
         "bridge_cni_template_wrong": "0x99", "bridge_cni_bridge_nf_wrong": "0x99",
         'bridge_cni_conflist_shadowed_by{file="00-multus.conf"}': "1x99",
         'bridge_cni_dropped_frames_total{kind="arp"}': "0+1x99"}


def firing(series, minutes, names):
    """A test of promtool's: exactly these alerts fire then."""
    return {"interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [{
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names]}]}


@needs_promtool
def test_each_alert_fires_when_its_time_has_come_and_not_before(tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": GROUPS}))
    assert "SUCCESS" in promtool("check", "rules", tmp_path / "rules.yaml")
    assert [name for name, _, _ in FIRES] == [rule["alert"] for group in GROUPS
                                              for rule in group["rules"]]
    tests = [firing(QUIET, 90, [])]
    for name, series, minutes in FIRES:
        tests += [firing(series, minutes - 1, []), firing(series, minutes, [name])]
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({
        "rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}))
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def expressions():
    """(title, expression) of each target of the dashboard, without Grafana's variables."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"].replace("$__rate_interval", "5m").replace("$node", ".*")
            assert "$" not in text, text
            yield panel["title"], text


@needs_promtool
def test_Prometheus_reads_each_expression_of_the_dashboard(tmp_path):
    found = list(expressions())
    assert len(found) > 20
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{number}", "expr": text} for number, (_, text) in enumerate(found)]}]}))
    assert f"SUCCESS: {len(found)} rules" in promtool("check", "rules", tmp_path / "rules.yaml")


@pytest.fixture
def scrape(cluster):
    """The metrics of an agent with a pod, a tunnel, and another's configuration before its own."""
    one, other = cluster.ready(2, "--tunnel", "vxlan", "--tunnel-always", "true")
    one.attach()
    (one.conf_dir / "00-others.conflist").write_text("{}")
    wait_for(lambda: "conflist_shadowed_by" in one.page("/metrics")[1])
    status, text = one.page("/metrics")
    assert status == 200
    return text


@needs_promtool
def test_Prometheus_finds_no_fault_in_the_metrics_of_an_agent(scrape):
    assert promtool("check", "metrics", input=scrape) == ""


def scraped_series(text):
    """As Prometheus stores them; the values stay as they are."""
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            label = ",".join(filter(None, [labels, 'instance="one"']))
            yield {"series": f"{name}{{{label}}}", "values": f"{value}x10"}


@needs_promtool
def test_each_expression_of_the_dashboard_finds_series_of_an_agent(tmp_path, scrape):
    """Comparisons that leave nothing where all is well, and what stands in for nothing, are taken off."""
    tests = [{"expr": "clamp(count(" + re.sub(r" (== [01]|> 0|or vector\(0\))", "", text) + "), 1, 1)",
              "eval_time": "6m", "exp_samples": [{"labels": "{}", "value": 1}]}
             for _, text in expressions()]
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"tests": [{
        "interval": "1m", "input_series": list(scraped_series(scrape)), "promql_expr_test": tests}]}))
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def test_each_alert_asks_for_metrics_of_an_agent(scrape):
    asked = {name for group in GROUPS for rule in group["rules"]
             for name in re.findall(r"bridge_cni_\w+", rule["expr"])}
    assert len(asked) > 15 and asked <= set(re.findall(r"^# TYPE (\w+)", scrape, re.M))


def test_the_dashboard_s_panels_lie_beside_each_other_and_name_their_data():
    taken, identifiers = set(), set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        assert panel["id"] not in identifiers
        identifiers.add(panel["id"])
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}" and target["legendFormat"]


def test_the_kustomization_has_the_manifest_and_names_files_that_are_there():
    text = (DEPLOY / "kustomization.yaml").read_text()
    document = yaml.safe_load(text)
    assert document["resources"] == ["bridge-cni.yaml"]
    offered = re.findall(r"^  # - (\S+)$", text, re.M)
    assert sorted(offered) == ["flannel.yaml", "monitoring.yaml", "wireguard.yaml"]
    assert all((DEPLOY / name).exists() for name in offered + document["resources"])
