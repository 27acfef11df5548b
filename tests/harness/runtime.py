# SPDX-License-Identifier: GPL-2.0-or-later
"""A runtime that uses the files of a node's configuration directory as containerd does."""
import contextlib
import json

from . import plugin

NAMES = ("*.conf", "*.conflist", "*.json")


# containerd has this in itself, and calls it for every pod before the pods' network. A plugin
# that is missing lets both fail.
LOOPBACK = {"cniVersion": "0.3.1", "name": "cni-loopback", "type": "loopback"}


class NotInitialized(Exception):
    """containerd's `cni plugin not initialized`: there is no configuration."""


class Runtime:
    """The first file in lexical order is the pods' network, for ADD as well as for DEL. A
    sandbox gets its DEL when it is stopped, and another one, which names no namespace, when it
    is removed. Before each of them comes the same of the plugin loopback, for lo."""

    def __init__(self, node, args="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME={}"):
        self.node, self.args = node, args
        self.sandboxes = {}  # name -> pod

    def _plugins(self):
        files = sorted(path for pattern in NAMES for path in self.node.conf_dir.glob(pattern))
        if not files:
            raise NotInitialized("cni plugin not initialized")
        conflist = json.loads(files[0].read_text())
        return [{**conf, "name": conflist["name"], "cniVersion": conflist["cniVersion"]}
                for conf in conflist["plugins"]]

    def _call(self, verb, conf, pod, ports, prev=None, ifname="eth0", **env):
        known = conf.get("capabilities", {})
        if ports and known.get("portMappings"):
            conf = {**conf, "runtimeConfig": {"portMappings": ports}}
        if prev:
            conf = {**conf, "prevResult": prev}
        done = self.node.invoke(verb, conf, pod, ifname=ifname,
                                args=self.args.format(pod.kubernetes_name),
                                executable=str(self.node.bin_dir / conf["type"]), env=env)
        return plugin.judge(verb, done, conf["cniVersion"])

    def _loopback(self, verb, pod, **env):
        self._call(verb, LOOPBACK, pod, None, ifname="lo", **env)

    def run(self, name, ports=None):
        """A pod of that name; plugin.CniError where it can't be connected."""
        pod = self.node.pod()
        pod.kubernetes_name, pod.ports, pod.result = name, ports, None
        try:
            plugins = self._plugins()
            self._loopback("ADD", pod)
            for conf in plugins:
                pod.result = self._call("ADD", conf, pod, ports, pod.result)
        except Exception:
            pod.remove()
            raise
        pod.address4 = pod.result["ips"][0]["address"].split("/")[0]
        self.sandboxes[name] = pod
        return pod

    def stop(self, name):
        """As the kubelet asks for when the pod is deleted; it stays Terminating until this
        succeeds."""
        pod, plugins = self.sandboxes[name], self._plugins()
        self._loopback("DEL", pod)
        for conf in reversed(plugins):
            self._call("DEL", conf, pod, pod.ports, pod.result)
        pod.remove()

    def remove(self, name):
        """As the kubelet asks for, once a minute, for sandboxes that nobody needs."""
        pod, plugins = self.sandboxes[name], self._plugins()
        self._loopback("DEL", pod, CNI_NETNS="")
        for conf in reversed(plugins):
            self._call("DEL", conf, pod, pod.ports, CNI_NETNS="")
        del self.sandboxes[name]

    def delete(self, name):
        """An agent of the node's looks at it before or after both: where it uninstalls, it waits for the
        second DEL for two seconds."""
        with self.node.asleep() if self.node.agent else contextlib.nullcontext():
            self.stop(name)
            self.remove(name)
