# SPDX-License-Identifier: GPL-2.0-or-later
"""bridge-cni on the cluster, by the commands that deploy/README.md has."""
import json
import os
import pathlib

import yaml

from harness.pages import commands, of_node
from harness.plugin import REPOSITORY

MANIFEST = REPOSITORY / "deploy/bridge-cni.yaml"


def documents():
    """The manifest's objects, by kind."""
    return {d["kind"]: d for d in yaml.safe_load_all(MANIFEST.read_text())}


class Installation:
    def __init__(self, cluster):
        self.cluster = cluster
        self.archive = pathlib.Path(os.environ["IMAGE_ARCHIVE"])
        self.installed = False
        self.first_output = None  # the agents' logs of the first installation, when all is well
        # As on a node whose administrator has set it so: the agent has to see to it.
        for node in cluster.nodes:
            for key in ("iptables", "ip6tables"):
                node.node.sysctl(f"bridge.bridge-nf-call-{key}", 0)

    def ensure(self):
        if not self.installed:
            self.install()
            self.installed = True
            if self.first_output is None:
                self.first_output = [node.agent_lines() for node in self.cluster.nodes]

    def install(self):
        """All of README's commands but those that make a copy of the manifest, and but the first,
        which has made the archive."""
        _, (make, load, *kubectl), *_ = commands("Installing it")
        assert make == "make image-archive" and load.startswith("ctr ")
        assert load.split()[-1] == self.archive.name
        for node in self.cluster.nodes:
            node.run("sh", "-c", f"cd {self.archive.parent} && {load}")
        for line in kubectl:
            self.run(line)
        for node in self.cluster.nodes:
            node.wait_for(lambda: self.cluster.is_ready(node))

    def run(self, line, node=None, directory=REPOSITORY):
        """A line of README's, in the tree; node: whose name it has."""
        line = of_node(line, node.name) if node else line
        return self.cluster.plane.run("sh", "-c", f"cd {directory} && {line}", timeout=300, env={
            "KUBECONFIG": str(self.cluster.plane.kubeconfig)}).stdout

    def configure(self, **data):
        """Changes the ConfigMap, and starts all agents anew."""
        self.cluster.kubectl("-n", "kube-system", "patch", "configmap", "bridge-cni", "--patch",
                             json.dumps({"data": data}))
        self.run("kubectl -n kube-system rollout restart daemonset/bridge-cni")
        self.run("kubectl -n kube-system rollout status daemonset/bridge-cni")
