# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for the cluster's side of deploy/bridge-cni.yaml: kubectl, the DaemonSet's
controller and the kubelets, as far as documents use them. The agents, the plugin and the pods'
namespaces are real."""
import json
import shlex

import yaml

from .plugin import REPOSITORY
from .runtime import Runtime
from .waiting import wait_for

MANIFEST = {d["kind"]: d for d in yaml.safe_load_all(
    (REPOSITORY / "deploy/bridge-cni.yaml").read_text())}
LABEL = "app.kubernetes.io/name=bridge-cni"
QUICK = "--resync-seconds", "1", "--uninstall-linger-seconds", "2"


class DaemonSet:
    """A DaemonSet with agents on @count new nodes, and the manifest's ConfigMap."""

    def __init__(self, cluster, count):
        assert MANIFEST["DaemonSet"]["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        self.config = dict(MANIFEST["ConfigMap"]["data"])
        self.nodes = {}
        for node in [cluster.node() for _ in range(count)]:
            self.nodes[node.name] = node
            node.runtime, node.cordoned = Runtime(node), False
            self._start(node)
        self.to_update = []
        wait_for(lambda: all(node.ready() for node in self.nodes.values()))

    def _start(self, node):
        node.start_agent(*QUICK, **self.config)

    def _advance(self):
        """The controller, where one node may be unavailable at a time: the next agent starts
        anew when all are ready."""
        if self.to_update and all(node.ready() for node in self.nodes.values()):
            node = self.nodes[self.to_update.pop(0)]
            node.stop_agent()
            self._start(node)

    # -- kubectl

    def run(self, line):
        """A command of a document. What no document needs is not known here."""
        words = shlex.split(line)
        assert words.pop(0) == "kubectl", line
        self.namespace = None
        if words[0] == "-n":
            self.namespace, words = words[1], words[2:]
        verb = words.pop(0)
        return getattr(self, f"_{verb}")(*words)

    def _patch(self, kind, name, flag, patch):
        assert (kind, name, flag) == ("configmap", "bridge-cni", "--patch")
        self.config.update(json.loads(patch)["data"])

    def _rollout(self, what, name):
        assert name == "daemonset/bridge-cni"
        if what == "restart":
            self.to_update = list(self.nodes)
            self._advance()
        else:
            assert what == "status"
            wait_for(lambda: self._advance() or not self.to_update and
                     all(node.ready() for node in self.nodes.values()))

    def _get(self, *words):
        """Name -> whether its agent is ready."""
        assert words == ("pods", "-l", LABEL, "-o", "wide")
        self._advance()
        return {name: node.ready() for name, node in self.nodes.items()}

    def _drain(self, name, *flags):
        assert "--ignore-daemonsets" in flags and "--delete-emptydir-data" in flags
        node = self.nodes[name]
        node.cordoned = True
        self._delete_pods(node, lambda pod: not pod.startswith("daemon-"))

    def _taint(self, what, name, taint):
        assert what == "node"
        if taint.endswith("-"):
            return
        assert taint.endswith(":NoExecute")
        self._delete_pods(self.nodes[name], lambda pod: True)

    def _uncordon(self, name):
        self.nodes[name].cordoned = False

    def _wait(self, kind, condition, *words):
        assert (kind, condition) == ("pod", "--for=condition=Ready")
        assert words[:2] == ("-l", LABEL) and words[2] == "--field-selector"
        wait_for(self.nodes[words[3].removeprefix("spec.nodeName=")].ready)

    def _delete(self, flag, path):
        assert (flag, path) == ("-f", "deploy/bridge-cni.yaml")
        for node in self.nodes.values():
            assert node.stop_agent() == 0

    def _delete_pods(self, node, which):
        """A pod that can't be deleted stays Terminating: here that is an error."""
        for pod in [pod for pod in node.runtime.sandboxes if which(pod)]:
            node.runtime.delete(pod)
