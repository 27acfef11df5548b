# SPDX-License-Identifier: GPL-2.0-or-later
"""deploy/kustomization.yaml, and the document's overlay of it, as kubectl builds them."""
import os
import re
import shutil
import subprocess

import pytest
import yaml

import programs
from harness.pages import section
from harness.plugin import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
KUBECTL = shutil.which("kubectl", path=os.environ.get("KUBE_BIN", ""))
pytestmark = pytest.mark.skipif(not KUBECTL, reason=str(programs.missing_kubernetes()))


def objects(text):
    return sorted(yaml.safe_load_all(text), key=lambda o: (o["kind"], o["metadata"]["name"]))


def built(directory):
    done = subprocess.run([KUBECTL, "kustomize", directory], text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return objects(done.stdout)


def manifest(name="bridge-cni.yaml"):
    return objects((DEPLOY / name).read_text())


def test_the_kustomization_makes_the_manifest():
    assert built(DEPLOY) == manifest()


@pytest.mark.parametrize("name", ["wireguard.yaml", "flannel.yaml", "monitoring.yaml"])
def test_what_a_mode_needs_can_be_taken_in(tmp_path, name):
    tree = tmp_path / "deploy"
    shutil.copytree(DEPLOY, tree)
    file = tree / "kustomization.yaml"
    text, found = re.subn(rf"^  # (- {re.escape(name)})$", r"  \1", file.read_text(), flags=re.M)
    file.write_text(text)
    assert found == 1 and built(tree) == objects("\n---\n".join(
        (DEPLOY / one).read_text() for one in ("bridge-cni.yaml", name)))


def test_an_overlay_beside_the_tree_changes_the_image_and_what_it_patches(tmp_path):
    text, = re.findall(r"```yaml\n(.*?)```", section("With kustomize"), re.S)
    (tmp_path / "kustomization.yaml").write_text(text)
    shutil.copytree(DEPLOY, tmp_path / "bridge-cni/deploy")
    patch = yaml.safe_load(yaml.safe_load(text)["patches"][0]["patch"])
    expected = manifest()
    for one in expected:
        if one["kind"] == "ConfigMap":
            one["data"].update(patch["data"])
        if one["kind"] == "DaemonSet":
            container, = one["spec"]["template"]["spec"]["containers"]
            name, version = container["image"].split(":")
            assert name == "localhost/bridge-cni"
            container["image"] = f"registry.example/bridge-cni:{version}"
    assert built(tmp_path) == expected
