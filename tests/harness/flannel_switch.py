# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster that is switched from flannel, and the cluster's side of it: two DaemonSets, each of
which runs where its selector lets it. At first each node runs flannel."""
import json
import pathlib
import shlex
import subprocess

import yaml

from .cluster import ClusterNode
from .daemonset import QUICK, DaemonSet
from .flannel import FlannelNode, following
from .plugin import REPOSITORY

CONFLIST = "10-flannel.conflist"
AFFINITY = ("template", "spec", "affinity", "nodeAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution")
OPERATORS = {"In": lambda values, value: value in values,
             "DoesNotExist": lambda values, value: value is None}


def of_manifests(spec):
    """The part of a DaemonSet's specification that says on which nodes it is."""
    for key in AFFINITY:
        spec = spec[key]
    term, = spec["nodeSelectorTerms"]
    return term["matchExpressions"]


def selects(expressions, labels):
    return all(OPERATORS[e["operator"]](e.get("values"), labels.get(e["key"]))
               for e in expressions)


class FlannelSwitch(DaemonSet):
    """`nodes` by name, each with labels. `installed`: the manifests that are applied."""

    def __init__(self, cluster, count):
        super().__init__(cluster, 0)
        self.installed, self.to_update = set(), []
        # Where the commands are typed.
        self.directory = pathlib.Path(cluster.directory) / "typed"
        self.directory.mkdir()
        (self.directory / "deploy").symlink_to(REPOSITORY / "deploy")
        self.of_flannel = [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]
        self.of_ours = None  # labels that the DaemonSet asks for, once it is applied
        for _ in range(count):
            node = cluster.node(kind=FlannelNode)
            node.labels, node.cordoned = {"kubernetes.io/os": "linux"}, False
            node.run_flannel()
            (node.conf_dir / CONFLIST).write_text("{}")
            self.nodes[node.name] = node
        for node in self.nodes.values():
            node.read()

    def flannel_goes_on(self):
        """While the block runs, flannel follows the Nodes wherever it is."""
        return following(*self.nodes.values())

    def _reconcile(self):
        """The controllers: a pod ends where its DaemonSet isn't to be, and begins where it is."""
        for node in self.nodes.values():
            if node.macs and not selects(self.of_flannel, node.labels):
                node.macs = {}  # flanneld ends, and leaves its devices
            if self.installed and not node.agent and self.is_ours(node.labels):
                self._start(node)

    def _start(self, node):
        node.start_agent(*QUICK, **self.config)

    def is_ours(self, labels):
        """Whether the agent's DaemonSet has a pod on a node with these labels."""
        return self.of_ours.items() <= labels.items()

    # -- the shell

    def run(self, line):
        """A command of the page: kubectl, or what makes a copy of the manifest."""
        if shlex.split(line)[0] in ("cp", "sed"):
            subprocess.run(["sh", "-ec", line], cwd=self.directory, check=True)
        else:
            super().run(line)

    # -- kubectl

    def _patch(self, kind, name, flag, patch):
        if kind == "configmap":
            super()._patch(kind, name, flag, patch)
            return
        assert (kind, flag) == ("daemonset", "--patch")
        spec = json.loads(patch)["spec"]
        if (self.namespace, name) == ("kube-flannel", "kube-flannel-ds"):
            self.of_flannel = of_manifests(spec)
            self._reconcile()
            assert all(node.macs for node in self.nodes.values())
            return
        assert (self.namespace, name) == ("kube-system", "bridge-cni")
        for key, value in spec["template"]["spec"]["nodeSelector"].items():
            assert value is None
            del self.of_ours[key]
        self._rollout("restart", "daemonset/bridge-cni")  # as the pods' template has changed

    def _apply(self, *words):
        assert words == ("-f", "deploy/flannel.yaml", "-f", "my.yaml")
        self.installed = {*words[1::2]}
        made = {d["kind"]: d for d in yaml.safe_load_all(
            (self.directory / "my.yaml").read_text())}
        self.config = dict(made["ConfigMap"]["data"])
        self.of_ours = made["DaemonSet"]["spec"]["template"]["spec"]["nodeSelector"]
        self._reconcile()
        assert not any(node.agent for node in self.nodes.values())

    def _label(self, kind, name, label):
        key, _, value = label.partition("=")
        assert kind == "node" and value
        assert self.nodes[name].cordoned and not self.nodes[name].pods
        self.nodes[name].labels[key] = value
        self._reconcile()

    def _wait(self, kind, condition, *words):
        if condition == "--for=condition=Ready":
            super()._wait(kind, condition, *words)
            return
        assert (self.namespace, kind, condition) == ("kube-flannel", "pod", "--for=delete")
        assert words[:3] == ("-l", "app=flannel", "--field-selector")
        assert not self.nodes[words[3].removeprefix("spec.nodeName=")].macs

    def _delete_pods(self, node, which):
        for pod in list(node.pods):
            pod.remove()

    def _delete(self, what, name):
        if what == "daemonset":
            assert (self.namespace, name) == ("kube-flannel", "kube-flannel-ds")
            self.of_flannel = None
            return
        assert (what, name) == ("-f", "deploy/flannel.yaml")
        self.installed.remove(name)

    # -- the pods

    def attach(self, node):
        """A new pod, which whoever has the node connects."""
        kind = ClusterNode if node.agent else FlannelNode
        return kind.attach(node)
