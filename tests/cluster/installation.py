# SPDX-License-Identifier: GPL-2.0-or-later
"""bridge-cni on the cluster, by the commands that deploy/README.md has."""
import os
import pathlib
import re

import yaml

from harness.plugin import REPOSITORY

README = REPOSITORY / "deploy/README.md"
MANIFEST = REPOSITORY / "deploy/bridge-cni.yaml"


def documents():
    """The manifest's objects, by kind."""
    return {d["kind"]: d for d in yaml.safe_load_all(MANIFEST.read_text())}


def commands(heading):
    """The lines of the first block of commands below a heading of deploy/README.md."""
    text = README.read_text().split(f"\n### {heading}\n")[1]
    lines = text.split("```")[1].strip().splitlines()
    return [re.sub(r"\s+#.*", "", line) for line in lines]


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
        """All of README's commands but the first, which has made the archive."""
        make, load, *kubectl = commands("Installing it")
        assert make == "make image-archive" and load.startswith("ctr ")
        assert load.split()[-1] == self.archive.name
        for node in self.cluster.nodes:
            node.run("sh", "-c", f"cd {self.archive.parent} && {load}")
        for line in kubectl:
            self.run(line)
        for node in self.cluster.nodes:
            node.wait_for(lambda: self.cluster.is_ready(node))

    def run(self, line):
        """A line of README's, in the tree."""
        self.cluster.plane.run("sh", "-c", f"cd {REPOSITORY} && {line}",
                               env={"KUBECONFIG": str(self.cluster.plane.kubeconfig)})

