# SPDX-License-Identifier: GPL-2.0-or-later
"""Several nodes, each with its own agent, store and configuration, and an API server on their link.
More links, with routers between them, are networks.py. The world outside has no route to any pod."""
import contextlib
import datetime
import fcntl
import ipaddress
import json
import os
import pathlib
import signal

from . import agent_pages, netns, networks, plugin, rtnetlink
from .apiserver import ApiServer
from .node import INTERNET4, INTERNET6, OUTSIDE4, OUTSIDE6, Node, Pod, addresses_of, be_the_link
from .waiting import SLOWNESS, wait_for

BUILD = os.environ.get("BUILD_DIR", plugin.REPOSITORY / "build")
AGENT = str(pathlib.Path(BUILD, "bridge-cni-agent").resolve())
PODS4, PODS6 = "10.244.{}.0/24", "fd00:244:0:{}::/64"
ROUTE_PROTOCOL = 98  # deploy/agent/node/kernel_routes.h

# A container as the DaemonSet's: its mounts follow the node's, /proc/sys is read-only
# but for net at another path, and of root's capabilities one is left.
CONTAINER = """\
set -e
mount --bind /proc/sys/net {sysctl}
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
{more}
exec setpriv --no-new-privs --bounding-set -all,+net_admin --inh-caps -all,+net_admin "$@"
"""


class ClusterNode(Node):
    """A node with eth0 on one of the cluster's links. underlay: the families of its InternalIPs."""

    def __init__(self, cluster, number, network, underlay):
        self.cluster, self.number, self.network = cluster, number, network
        super().__init__(cluster.directory / f"node{number}")
        self.name = f"node{number}"
        self.address4 = network.node4.format(10 + number) if "v4" in underlay else None
        self.address6 = network.node6.format(10 + number) if "v6" in underlay else None
        self.internal_ips = [{"v4": self.address4, "v6": self.address6}[family]
                             for family in underlay]
        self.cidrs = [PODS4.format(number), PODS6.format(number)]
        self.conf_dir, self.bin_dir = self.directory / "net.d", self.directory / "bin"
        self.sysctl_dir = self.directory / "sysctl"
        for path in (self.conf_dir, self.bin_dir, self.sysctl_dir):
            path.mkdir()
        self.token_file = self.directory / "token"
        self.token_file.write_text(cluster.api.token + "\n")
        self.log_path = self.directory / "agent.log"
        self.log_path.touch()
        self.agent = None
        # Namespaces that are bound into /run/netns later show up in the agent's mounts.
        netns.share(self.mnt_fd, "/run")
        self.plug_in()

    def plug_in(self):
        self.sysctl("ipv6.conf.default.accept_dad", 0)
        self.up("lo")
        fabric, lines = self.cluster.fabric, []
        if self.address4:
            lines += [f"addr add {self.address4}/24 dev eth0",
                      f"route add default via {self.network.gateway4}"]
        if self.address6:
            lines += [f"addr add {self.address6}/64 dev eth0 nodad",
                      f"route add default via {self.network.gateway6}"]
        if self.network is fabric.first:
            lines += fabric.ways_to_routers(self.families())
        self.network.plug(self, "eth0", f"port{self.number}", *lines)
        if self.address6:
            self.uses(self.address6)
        self.sysctl("ipv6.conf.default.accept_dad", 1)

    def families(self):
        """Of its own addresses."""
        return [family for family, address in ((4, self.address4), (6, self.address6)) if address]

    # -- the agent

    def agent_argv(self, *options, more=""):
        script = CONTAINER.format(sysctl=self.sysctl_dir, more=more)
        return ["unshare", "-m", "--propagation", "slave", "sh", "-c", script, "sh", AGENT,
                "--node-name", self.name, "--api-server", self.cluster.api.url(not self.address4),
                "--token-file", self.token_file, "--ca-file", self.cluster.api.ca_file,
                "--bundle", self.cluster.bundle, "--bin-dir", self.bin_dir,
                "--conf-dir", self.conf_dir, "--sysctl-root", self.sysctl_dir,
                "--retry-max-seconds", "1", "--log-level", "debug", *options]

    def start_agent(self, *options, more="", **variables):
        assert self.agent is None
        with open(self.log_path, "ab") as log:
            self.agent = self.popen(self.agent_argv(*options, more=more), stderr=log,
                                    env=plugin.environment("", CNI_COMMAND=None, **variables))

    def stop_agent(self, how=signal.SIGTERM):
        """Sends the agent a signal, waits for its end and gives its exit status."""
        self.agent.send_signal(how)
        status = self.agent.wait(30 * SLOWNESS)
        self._processes.remove(self.agent)
        self.agent = None
        return status

    def log(self):
        return self.log_path.read_text()

    def told_at(self, words):
        """When the agent has last logged these words, in seconds of the machine's clock."""
        line = [line for line in self.log().splitlines() if words in line][-1]
        return datetime.datetime.fromisoformat(line.split()[0].removeprefix("time=")).timestamp()

    def page(self, path):
        return agent_pages.page(self, path)

    def metrics(self):
        return agent_pages.metrics(self)

    def wait_for_resyncs(self):
        """The agent, with --resync-seconds 1, has looked at everything some more times."""
        syncs = self.metrics()["bridge_cni_route_syncs_total"]
        wait_for(lambda: self.metrics()["bridge_cni_route_syncs_total"] > syncs + 2)

    def wait_for_no_repair(self, *others):
        """None was running or begun for two seconds, here or on others, in which the agent has compared
        fingerprints."""
        nodes, seen = [self, *others], []

        def is_quiet():
            runs = [node.metrics()["bridge_cni_repairs_total"] for node in nodes]
            seen.append(None if any(node.processes_at_work() for node in nodes) else runs)
            return len(seen) > 4 and all(each == runs for each in seen[-5:])

        wait_for(is_quiet, 20, step=0.5)

    def ready(self):
        return self.page("/readyz")[0] == 200

    def await_ready(self):
        """A failure says what the agent waits for."""
        def is_ready():
            status, text = self.page("/readyz")
            assert status == 200, f"{self.name}: /readyz gives {status} {text}"
            return True

        wait_for(is_ready, 20)

    def memory_kb(self):
        text = pathlib.Path(f"/proc/{self.agent_pid()}/status").read_text()
        return int(next(line for line in text.splitlines()
                        if line.startswith("VmRSS")).split()[1])

    @contextlib.contextmanager
    def asleep(self):
        """The agent stands still, and a repair that it has begun is over, so that what is done meanwhile is
        whole before it looks."""
        self.agent.send_signal(signal.SIGSTOP)
        try:
            # A call to the kernel that has begun goes on until its end, also where it starts a repair.
            found = os.waitid(os.P_PID, self.agent.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            assert found.si_code == os.CLD_STOPPED, self.log()
            wait_for(lambda: not self.processes_at_work())
            yield
        finally:
            self.agent.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def locked(self):
        """The node lock is held, for which every repair waits meanwhile."""
        path, = (self.run_dir / "bridge-cni").glob("node-*.lock")
        with open(path) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def processes_at_work(self):
        """The agent's children that have not ended."""
        pids = pathlib.Path(f"/proc/{self.agent.pid}/task/{self.agent.pid}/children").read_text().split()
        states = [pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids]
        return [pid for pid, state in zip(pids, states) if state != "Z"]

    def agent_pid(self):
        # unshare, sh and setpriv have become it by exec.
        return self.agent.pid

    # -- what it made

    def conflist(self):
        path = self.conf_dir / "10-bridge-cni.conflist"
        return json.loads(path.read_text()) if path.exists() else None

    def agents_routes(self):
        return self.call(rtnetlink.routes, ROUTE_PROTOCOL)

    def own_routes(self):
        """Destination -> gateway."""
        return {r["dst"]: r.get("gateway") for r in self.agents_routes() if "type" not in r}

    def sealed(self):
        """Where nothing leads to but those routes."""
        return {r["dst"] for r in self.agents_routes() if r.get("type") == "unreachable"}

    def draining(self):
        """Does the configuration take no new pods?"""
        conflist = self.conflist()
        return bool(conflist) and conflist["plugins"][0].get("draining", False)

    def left(self):
        """All that agents and their plugin make on a node; [] where there is nothing of it."""
        files = [path for root in (self.conf_dir, self.bin_dir, self.store,
                                   self.run_dir / "bridge-cni")
                 for path in root.rglob("*")
                 if path.name != "agent.lock" and not path.name.startswith("node-")]
        rules = self.run("nft", "list", "ruleset").stdout
        return [*(name for name in self.links() if name not in ("lo", "eth0")),
                *self.own_routes(), *self.sealed(), *rules.splitlines(), *files]

    # -- what a runtime does

    def conf(self):
        conflist = self.conflist()
        return {**conflist["plugins"][0], "name": conflist["name"],
                "cniVersion": conflist["cniVersion"]}

    def gateway(self, address):
        """The pods' gateway of that address's family."""
        cidr, = [cidr for cidr in self.cidrs if (":" in cidr) == (":" in address)]
        return str(ipaddress.ip_network(cidr)[1])

    def attach(self, *host_ports):
        """A pod, connected by the installed executable and the written configuration.
        host_ports: (host port, the pod's port, protocol)."""
        pod, conf = self.pod(), self.conf()
        if host_ports:
            conf["runtimeConfig"] = {"portMappings": [
                {"hostPort": host, "containerPort": port, "protocol": protocol}
                for host, port, protocol in host_ports]}
        pod.result = self.add(pod, conf, executable=str(self.bin_dir / "bridge-cni"))
        pod.addresses = addresses_of(pod.result)
        pod.address4 = next((a for a in pod.addresses if ":" not in a), None)
        pod.address6 = next((a for a in pod.addresses if ":" in a), None)
        return pod

    def detach(self, pod):
        self.delete(pod, self.conf(), pod.result,
                    executable=str(self.bin_dir / "bridge-cni"))

    def host_veths(self):
        return [name for name in super().host_veths() if name != "eth0"]


class Cluster:
    """With the families "v6" neither the nodes nor the API server have an IPv4 address."""

    def __init__(self, directory, families="dual", mtu=1500):
        self.families, self.has_ipv4 = families, families != "v6"
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.link = networks.new_namespace("link")
        be_the_link(self.link, mtu)
        self.bundle = self._bundle()
        certificates = self.directory / "api"
        certificates.mkdir()
        self.api = ApiServer(self.link, OUTSIDE4 if self.has_ipv4 else OUTSIDE6, certificates,
                             address6=OUTSIDE6)
        self.api.start()
        self.nodes = []
        self.fabric = networks.Fabric(self.link, mtu, self.api.internal_ips)

    def _bundle(self):
        """As it is in the image: a directory with the executable, and what goes with it."""
        beside = pathlib.Path(plugin.BRIDGE_CNI).parent
        if (beside / "bridge-cni.lib").exists():
            return beside
        bundle = self.directory / "bundle"
        bundle.mkdir()
        os.symlink(os.path.realpath(plugin.BRIDGE_CNI), bundle / "bridge-cni")
        return bundle

    def network(self, name, mtu=1500, hop_mtu=None):
        """One more link, behind routers. hop_mtu: of the hop between them, where that is less."""
        before = self.fabric.router
        network = self.fabric.add(name, mtu, hop_mtu or mtu)
        for node in self.nodes if not before else ():
            self.fabric.lead_to_routers(node, node.families())
        return network

    def node(self, families=None, join=True, network="a", underlay=None, kind=ClusterNode):
        """One more machine; its Node is made, its agent isn't started. network: a link's name.
        underlay: the families of its InternalIPs in their order, "v4", "v6", "v4 v6" or "v6 v4"."""
        underlay = (underlay or ("v4 v6" if self.has_ipv4 else "v6")).split()
        node = kind(self, len(self.nodes) + 1, self.fabric.networks[network], underlay)
        self.nodes.append(node)
        node.cidrs = {"v4": node.cidrs[:1], "v6": node.cidrs[1:],
                      "dual": node.cidrs}[families or self.families]
        if join:
            self.join(node)
        return node

    def join(self, node):
        self.api.put(node.name, node.cidrs, node.internal_ips)
        self.fabric.allow()

    def check_sources(self, routers=False, links=False):
        """Drops what a node sends from an address that is no Node's InternalIP: in the routers
        between links, and on the links themselves."""
        self.fabric.check_sources(routers, links)

    def ready(self, count, *options):
        """Makes @count nodes with agents that are ready, have routes to each other and watch."""
        nodes = [self.node() for _ in range(count)]
        for node in nodes:
            node.start_agent(*options)
        for node in nodes:
            node.await_ready()
            wait_for(lambda: len(node.own_routes()) == len(node.cidrs) * (count - 1))
            wait_for(lambda: node.metrics()["bridge_cni_api_watching"])
        return nodes

    def close(self):
        for node in self.nodes:
            if node.agent:
                node.stop_agent(signal.SIGKILL)
            node.close()
        self.api.stop()
        self.fabric.close()
        networks.close(self.link)


__all__ = ["Cluster", "ClusterNode", "Pod", "INTERNET4", "INTERNET6"]
