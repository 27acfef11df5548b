# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster that is switched from flannel, and the cluster's side of it: two DaemonSets, each of
which runs where its selector lets it. At first each node runs flannel."""
import json

from .cluster import ClusterNode
from .daemonset import QUICK, DaemonSet
from .flannel import FlannelNode, following

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
        self.of_flannel = [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]
        # What the page's first step puts into a copy of the manifest.
        self.config["BRIDGE_CNI_FLANNEL"] = "true"
        self.of_ours = [{"key": "bridge-cni", "operator": "In", "values": ["true"]}]
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
            if self.installed and not node.agent and selects(self.of_ours, node.labels):
                self._start(node)

    def _start(self, node):
        node.start_agent(*QUICK, **self.config)

    # -- kubectl

    def _patch(self, kind, name, flag, patch):
        assert (self.namespace, kind, name, flag) == ("kube-flannel", "daemonset",
                                                      "kube-flannel-ds", "--patch")
        self.of_flannel = of_manifests(json.loads(patch)["spec"])
        self._reconcile()
        assert all(node.macs for node in self.nodes.values())

    def _apply(self, *words):
        assert words == ("-f", "deploy/flannel.yaml", "-f", "bridge-cni.yaml")
        self.installed = {*words[1::2]}
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

    def _rollout(self, what, name):
        if what == "restart":
            self.of_flannel = None  # its DaemonSet has been removed
        super()._rollout(what, name)

    def _delete(self, flag, path):
        assert (flag, path) == ("-f", "deploy/flannel.yaml")
        self.installed.remove(path)

    # -- the pods

    def attach(self, node):
        """A new pod, which whoever has the node connects."""
        kind = ClusterNode if node.agent else FlannelNode
        return kind.attach(node)
