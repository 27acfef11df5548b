# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines of a cluster: the one of the control plane, which is also the link that nodes
share and the world outside, and nodes with containerd, kubelet and kube-proxy.

Each is a network namespace with processes, mounts and directories of its own (harness/host.py),
so that all of it ends with this process. Of the machine they have a directory in each cgroup
hierarchy.
"""
import json
import os
import pathlib
import signal

import programs

from harness import agent_pages
from harness.host import CNI_BIN, CNI_CONF, Host
from harness.netns import Namespace
from harness.node import OUTSIDE4, OUTSIDE6, Node
from harness.waiting import wait_for

NODE4, NODE6 = "192.0.2.{}", "2001:db8:aaaa::{}"
PAUSE = "localhost/pause:test"

CONTAINERD = f"""
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE}"
# Where these tests run nobody may have the right to lower it.
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{CNI_BIN}"]
conf_dir = "{CNI_CONF}"
"""


# A kubelet sets these for the whole machine. It finds them set, and can't set others.
KERNEL_PARAMETERS = """\
mkdir /run/sysctl
for path in kernel vm; do
    mount --bind /proc/sys/$path /proc/sys/$path
    mount -o remount,bind,ro /proc/sys/$path
done
while read key value; do
    echo $value >/run/sysctl/$key
    mount --bind /run/sysctl/$key /proc/sys/$(echo $key | tr . /)
done <<END
vm.overcommit_memory 1
vm.panic_on_oom 0
kernel.panic 10
kernel.panic_on_oops 1
kernel.keys.root_maxkeys 1000000
kernel.keys.root_maxbytes 25000000
END
"""


class Machine:
    """Has daemons, each with a log in `directory`."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.node = Node(self.directory)
        self.host = None
        self.daemons = {}

    def boot(self):
        self.host = Host(self.node)

    def run(self, *argv, **kw):
        env = {**os.environ, "PATH": programs.path(), **kw.pop("env", {})}
        return self.host.run(*argv, env=env, **kw)

    def log(self, name):
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self, name, *argv):
        """A daemon's number among the machine's processes is in /run/NAME.pid."""
        command = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', f"/run/{name}.pid", *argv]
        with open(self.directory / f"{name}.log", "ab") as log:
            self.daemons[name] = self.host.popen(
                command, stdout=log, stderr=log, env={**os.environ, "PATH": programs.path()})

    def stop(self, name, how=signal.SIGTERM):
        number = (self.node.run_dir / f"{name}.pid").read_text().strip()
        self.host.run("sh", "-c", f"kill -{int(how)} {number}")
        self.daemons.pop(name).wait(60)

    def wait_for(self, what, seconds=60):
        """A condition; a daemon that ends meanwhile will never fulfil it."""

        def checked():
            for name, process in self.daemons.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with status {process.returncode}:\n"
                                       f"{self.log(name)[-3000:]}")
            return what()

        return wait_for(checked, seconds, step=0.1)

    def close(self):
        if self.host:
            self.host.close()
        self.node.close()


class KubeNode(Machine):
    def __init__(self, cluster, number):
        self.cluster, self.number, self.name = cluster, number, f"node{number}"
        super().__init__(cluster.directory / self.name)
        self.address4, self.address6 = NODE4.format(10 + number), NODE6.format(10 + number)
        self.plug_in()
        self.boot()
        self.cgroup = f"/{self.host.cgroup}"
        self.host.make_cgroup()
        self.host.run("sh", "-ec", KERNEL_PARAMETERS)
        self.host.run("sh", "-c", f"rm -rf {CNI_BIN} {CNI_CONF} && mkdir -p {CNI_BIN} "
                      f"{CNI_CONF} /etc/containerd && cp {programs.PLUGINS}/* {CNI_BIN}")

    def plug_in(self):
        port, link = f"port{self.number}", self.cluster.plane.node
        self.node.sysctl("ipv6.conf.default.accept_dad", 0)
        self.node.ip_batch(f"""
            link add eth0 type veth peer name {port} netns {link.path}
            link set lo up
            link set eth0 up
            addr add {self.address4}/24 dev eth0
            addr add {self.address6}/64 dev eth0 nodad
            route add default via {OUTSIDE4}
            route add default via {OUTSIDE6}
            """)
        self.node.sysctl("ipv6.conf.default.accept_dad", 1)
        link.ip_batch(f"""
            link set {port} master br0
            link set {port} up
            """)

    # -- daemons

    def start_containerd(self):
        self.host.write("/etc/containerd/config.toml", CONTAINERD)
        self.start("containerd", "containerd", "--config", "/etc/containerd/config.toml")
        self.wait_for(lambda: self.ctr("version", check=False).returncode == 0)

    def ctr(self, *argv, **kw):
        return self.run("ctr", "-n", "k8s.io", *argv, **kw)

    def configure_kubelet(self):
        """Writes the kubelet's certificate and configuration."""
        pki = self.cluster.authority
        self.kubeconfig = pki.kubeconfig(f"kubelet-{self.name}", f"system:node:{self.name}",
                                         "system:nodes")
        certificate, key = pki.issue(f"serving-{self.name}", self.name,
                                     addresses=(self.name, self.address4, self.address6))
        self.config = self.directory / "kubelet.json"
        self.config.write_text(json.dumps({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                               "x509": {"clientCAFile": str(pki.ca)}},
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(certificate), "tlsPrivateKeyFile": str(key),
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs", "cgroupRoot": self.cgroup, "failCgroupV1": False,
            "failSwapOn": False, "resolvConf": "", "volumePluginDir": "/var/lib/kubelet/plugins",
            "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%",
                             "nodefs.inodesFree": "0%", "memory.available": "0%"},
            "imageGCHighThresholdPercent": 100, "localStorageCapacityIsolation": False,
            "nodeStatusUpdateFrequency": "2s", "syncFrequency": "10s"}))

    def start_kubelet(self):
        self.start("kubelet", "kubelet", "--config", self.config, "--kubeconfig",
                   self.kubeconfig, "--hostname-override", self.name, "--node-ip",
                   f"{self.address4},{self.address6}")

    def start_proxy(self, mode):
        self.proxy_mode = mode
        self.start("kube-proxy", "kube-proxy", "--kubeconfig", self.cluster.proxy_kubeconfig,
                   "--proxy-mode", mode, "--cluster-cidr", self.cluster.PODS,
                   "--hostname-override", self.name, "--conntrack-max-per-core", "0",
                   "--conntrack-tcp-timeout-established", "0s",
                   "--conntrack-tcp-timeout-close-wait", "0s",
                   "--nodeport-addresses", "primary")

    # -- what is on it

    def netns(self, pod):
        """The network namespace of a pod's object, in which tests have their sockets."""
        uid = pod["metadata"]["uid"]
        ids = self.ctr("containers", "ls", "-q",
                       f'labels."io.kubernetes.pod.uid"=={uid},'
                       'labels."io.cri-containerd.kind"==sandbox').stdout.split()
        spec = json.loads(self.ctr("containers", "info", ids[-1]).stdout)["Spec"]
        path = next(n["path"] for n in spec["linux"]["namespaces"] if n["type"] == "network")
        fd = os.open(f"/proc/{self.host.init}/root{path.removeprefix('/var')}",
                     os.O_RDONLY | os.O_CLOEXEC)
        return Namespace(fd, self.node.mnt_fd, pod["metadata"]["name"])

    def conflist(self):
        """None: there is none."""
        text = self.host.run("sh", "-c", f"cat {CNI_CONF}/10-bridge-cni.conflist || true").stdout
        return json.loads(text) if text else None

    def ranges(self):
        return [r[0]["subnet"] for r in self.conflist()["plugins"][0]["ipam"]["ranges"]]

    def pod_link(self):
        return self.conflist()["plugins"][0].get("podLink", "bridged")

    def reservations(self):
        return self.node.reservations("pods")

    def host_veths(self):
        return [name for name in self.node.host_veths() if name != "eth0"]

    def attachments(self):
        """Everything that pods have on this node."""
        records = self.node.store.glob(".bridge-cni/*/p-*")
        names = self.host.run("ls", "/run/netns").stdout.split()
        return self.host_veths(), self.reservations(), sorted(p.name for p in records), names

    def wait_for_attachments(self, wanted):
        def are_there():
            assert self.attachments() == wanted
            return True

        wait_for(are_there)

    def made(self):
        """All that bridge-cni has made on this node: nothing before it is installed, and after."""
        files = self.host.run("sh", "-c", f"ls -d {CNI_CONF}/10-bridge-cni* {CNI_BIN}/bridge-cni "
                              f"{CNI_BIN}/.bridge-cni /var/lib/cni/networks/pods", check=False)
        tables = self.node.run("nft", "list", "tables").stdout.splitlines()
        links = [name for name in self.node.links() if name not in ("lo", "eth0")]
        routes = [self.node.ip(f"-{family} route show proto 98") for family in (4, 6)]
        return [*files.stdout.split(), *(line for line in tables if "bridge_cni" in line),
                *links, *filter(None, routes)]

    # -- the agent

    def agent_ids(self):
        return self.ctr("containers", "ls", "-q",
                        'labels."io.kubernetes.container.name"==agent').stdout.split()

    def kill_agent(self):
        """Kills the process, as the kernel does with one that wants too much memory."""
        numbers = [line.split() for line in self.ctr("tasks", "ls").stdout.splitlines()]
        running = [number for name, number, state in numbers[1:]
                   if name in self.agent_ids() and state == "RUNNING"]
        self.host.run("sh", "-c", f"kill -KILL {' '.join(running)}")

    def agent_restarts(self):
        pod = self.cluster.agents()[self.name]
        return pod["status"]["containerStatuses"][0]["restartCount"]

    def agent_lines(self, but=()):
        """The logs of this node's agents, also where the API server isn't reached. They go with
        their containers, so `but` has lines and no count."""
        text = self.host.run("sh", "-c", "cat /var/log/pods/kube-system_bridge-cni-*/agent/*",
                             check=False).stdout
        return [line for line in text.splitlines() if line not in but]

    def agent_says(self, words, but=()):
        """Those of these lines that have the words."""
        return [line for line in self.agent_lines(but) if words in line]

    def page(self, path):
        return agent_pages.page(self.node, path)

    def metrics(self):
        return agent_pages.metrics(self.node)
