# SPDX-License-Identifier: GPL-2.0-or-later
"""The ConfigMap, registries and Prometheus, as deploy/README.md has them."""
import re
import urllib.error
import urllib.request

import pytest
import yaml
from installation import documents
from traffic import TCP, ask

from harness.pages import README, section
from harness.plugin import REPOSITORY
from harness.waiting import wait_for


@pytest.fixture
def configured(cluster, installation):
    """A function that changes the ConfigMap, which is as in the manifest afterwards."""
    changed = {}

    def change(**data):
        changed.update(data)
        installation.configure(**data)

    yield change
    manifest = documents()["ConfigMap"]["data"]
    installation.configure(**{key: manifest.get(key) for key in changed})


def test_a_template_is_taken_from_a_ConfigMap_and_its_deletion_too(cluster, installation, tmp_path):
    """Nothing is restarted: the kubelet brings what changes."""
    text = section("A configuration of your own")
    template = re.search(r"^```json\n(.*?)^```", text, re.M | re.S)[1]
    create = re.search(r"^kubectl .* create configmap .*", text, re.M)[0]
    (tmp_path / "conflist.json").write_text(template)
    (tmp_path / "wrong.json").write_text(template.replace('"ready"', '"often"'))

    def status(node):
        return {**node.conflist()["plugins"][0]}.get("statusOnExhaustion")

    def create_of(name):
        return create.replace("conflist.json", f"conflist.json={tmp_path / name}")

    installation.run(create_of("conflist.json"))
    try:
        for node in cluster.nodes:
            wait_for(lambda: status(node) == "ready", 120)
        pods = cluster.pods(*(cluster.pod_object(node) for node in cluster.nodes))
        for pod in pods:  # it has gone through the template's other plugin, too
            assert pod.sysctl("core.somaxconn") == "500"
            assert "192.168.0.0/16" in [route["dst"] for route in pod.routes()]
        cluster.delete(*pods)
        installation.run(create_of("wrong.json") + " --dry-run=client -o yaml | "
                         "kubectl replace -f -")
        for node in cluster.nodes:
            wait_for(lambda: node.agent_says("the template is wrong"), 120)
            assert status(node) == "ready"
    finally:
        installation.run("kubectl -n kube-system delete configmap bridge-cni-template")
    for node in cluster.nodes:
        wait_for(lambda: status(node) is None, 120)


def fetched(ns, url):
    return ns.call(lambda: urllib.request.urlopen(url, timeout=5).read().decode())


def test_metrics_are_had_from_other_machines_where_the_ConfigMap_says_so(cluster, configured):
    setting = "[::]:9811"
    assert f'`"{setting}"`: IPv6 as well' in README.read_text()
    configured(BRIDGE_CNI_METRICS_ADDRESS=setting, BRIDGE_CNI_SPOFCHECK="false")
    outside = cluster.plane.node
    for node in cluster.nodes:
        for host in (node.address4, f"[{node.address6}]"):
            assert "\nbridge_cni_api_watching 1\n" in fetched(
                outside, f"http://{host}:9811/metrics")
            with pytest.raises(urllib.error.HTTPError):
                fetched(outside, f"http://{host}:9811/readyz")
        with pytest.raises(OSError):
            ask(outside, node.address4, 9810, TCP)
        # The same ConfigMap has an option that is misspelt.
        assert node.agent_says("BRIDGE_CNI_SPOFCHECK")


def resource(group, kind):
    """A CustomResourceDefinition as the Prometheus operator's, which takes anything."""
    name = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{name}.{group}"},
            "spec": {"group": group, "scope": "Namespaced",
                     "names": {"kind": kind, "plural": name, "singular": kind.lower()},
                     "versions": [{"name": "v1", "served": True, "storage": True,
                                   "schema": {"openAPIV3Schema": schema}}]}}


def test_monitoring_yaml_leads_Prometheus_to_each_node(cluster, installation):
    objects = list(yaml.safe_load_all((REPOSITORY / "deploy/monitoring.yaml").read_text()))
    kinds = {o["kind"] for o in objects if o["apiVersion"].startswith("monitoring")}
    resources = [resource("monitoring.coreos.com", kind) for kind in kinds]
    cluster.apply(*resources)
    for made in resources:
        installation.run("kubectl wait --for condition=established crd/" +
                         made["metadata"]["name"])
    line = re.search(r"^kubectl apply -f deploy/monitoring.yaml", README.read_text(), re.M)[0]
    installation.run(line)
    try:
        def addresses():
            slices = cluster.get("endpointslices", "-l",
                                 "kubernetes.io/service-name=bridge-cni-agent",
                                 namespace="kube-system")["items"]
            return {(a, e["nodeName"], p["port"]) for s in slices for p in s["ports"]
                    for e in s["endpoints"] for a in e["addresses"]}

        wait_for(lambda: addresses() == {(node.address4, node.name, 9811)
                                         for node in cluster.nodes})
    finally:
        installation.run(line.replace("apply", "delete"))


def test_the_manifest_is_taken_with_a_registrys_name_by_READMEs_command(cluster, installation):
    line = re.search(r"^sed .*deploy/bridge-cni.yaml \| kubectl apply -f -$",
                     README.read_text(), re.M)[0]
    taken = installation.run(f"{line} --dry-run=server -o yaml")
    image = documents()["DaemonSet"]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image not in taken.replace(f"registry.example/{image.split('/')[1]}", "")
    assert f"image: registry.example/{image.split('/')[1]}\n" in taken
