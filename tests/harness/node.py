# SPDX-License-Identifier: GPL-2.0-or-later
"""A node, its pods, and the world outside, each a network namespace.

The node has an uplink into 'outside', which has no route back to any pod: only what is
masqueraded gets an answer. /run and /var/lib are the node's own, so that default paths
can be tested and no test sees another's.
"""
import copy
import os
import pathlib
import uuid

from . import debugger, netns, plugin, snapshot

UPLINK = "uplink0"
NODE4, NODE6 = "192.0.2.2", "2001:db8:aaaa::2"
OUTSIDE4, OUTSIDE6 = "192.0.2.1", "2001:db8:aaaa::1"
# Behind the next hop: reached by the default route only.
INTERNET4, INTERNET6 = "198.51.100.1", "2001:db8:bbbb::1"

NETWORK = "testnet"
SUBNET4, GATEWAY4 = "10.1.2.0/24", "10.1.2.1"
SUBNET6, GATEWAY6 = "fd00:1:2::/64", "fd00:1:2::1"
LOG = "/run/log"  # in the node; node.run_dir / "log" for the test
RANGES = {"v4": [[{"subnet": SUBNET4}]], "v6": [[{"subnet": SUBNET6}]],
          "dual": [[{"subnet": SUBNET4}], [{"subnet": SUBNET6}]]}


def network(families="v4", **changes):
    """A configuration with all of this project's usual keys; a change to None drops one.

    ipam=... changes keys of the IPAM's configuration in the same way.
    """
    conf = {"cniVersion": plugin.NEWEST, "name": NETWORK, "type": "bridge-cni",
            "bridge": "cni0", "isDefaultGateway": True, "ipMasq": True,
            "ipam": {"type": "host-local", "ranges": copy.deepcopy(RANGES[families])}}
    ipam = changes.pop("ipam", {})
    conf.update(changes)
    if isinstance(ipam, dict):
        conf["ipam"].update(ipam)
        conf["ipam"] = {k: v for k, v in conf["ipam"].items() if v is not None}
    else:
        conf["ipam"] = ipam
    return {k: v for k, v in conf.items() if v is not None}


def be_the_link(namespace, mtu=1500):
    """Makes it the link of several nodes, br0, with the next hop and the world behind that. Its
    MAC address is its own: it would be the lowest of its ports', and another one when a node joins."""
    namespace.sysctl("ipv6.conf.default.accept_dad", 0)
    namespace.ip_batch(f"""
        link set lo up
        link add br0 mtu {mtu} address 02:00:00:00:00:fe type bridge
        link set br0 up
        addr add {OUTSIDE4}/24 dev br0
        addr add {OUTSIDE6}/64 dev br0 nodad
        addr add {INTERNET4}/32 dev lo
        addr add {INTERNET6}/128 dev lo nodad
        """)
    namespace.uses(OUTSIDE6, INTERNET6)


class Pod(netns.Namespace):
    """A container's namespace, at a path in the node's /run/netns."""

    def __init__(self, node, name):
        self.node = node
        self.netns = f"/run/netns/{name}"
        self.id = f"{name}-{uuid.uuid4().hex[:12]}"
        super().__init__(netns.new_namespace(node.mnt_fd, self.netns), node.mnt_fd, name)
        self.up("lo")

    def remove(self):
        """The namespace goes, and with it its end of the veth."""
        self.close()
        netns.remove_path(self.node.mnt_fd, self.netns)
        self.node.pods.remove(self)


class Node(netns.Namespace):
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.run_dir = self.directory / "run"
        self.var_lib = self.directory / "var-lib"
        self.store = self.var_lib / "cni/networks"
        for path in (self.run_dir, self.var_lib):
            path.mkdir(parents=True)
        net_fd, mnt_fd = netns.new_machine({"/run": self.run_dir,
                                            "/var/lib": self.var_lib})
        super().__init__(net_fd, mnt_fd, "node")
        self.pods = []
        self.pods_made = 0  # names are not used again by accident
        self.outside = None

    def connect(self):
        """The uplink, and what is behind it."""
        fd = netns.new_namespace(self.mnt_fd, "/run/netns/outside")
        self.outside = netns.Namespace(fd, self.mnt_fd, "outside")
        for ns in (self, self.outside):
            ns.sysctl("ipv6.conf.default.accept_dad", 0)
        self.ip_batch(f"""
            link add {UPLINK} type veth peer name eth0 netns outside
            link set lo up
            link set {UPLINK} up
            addr add {NODE4}/24 dev {UPLINK}
            addr add {NODE6}/64 dev {UPLINK} nodad
            route add default via {OUTSIDE4}
            route add default via {OUTSIDE6}
            """)
        self.sysctl("ipv6.conf.default.accept_dad", 1)
        self.outside.ip_batch(f"""
            link set lo up
            link set eth0 up
            addr add {OUTSIDE4}/24 dev eth0
            addr add {OUTSIDE6}/64 dev eth0 nodad
            addr add {INTERNET4}/32 dev lo
            addr add {INTERNET6}/128 dev lo nodad
            """)
        self.uses(NODE6)
        self.outside.uses(OUTSIDE6, INTERNET6)

    def pod(self, name=None):
        pod = Pod(self, name or f"pod{self.pods_made}")
        self.pods_made += 1
        self.pods.append(pod)
        return pod

    def close(self):
        for ns in [*self.pods, self.outside]:
            if ns is not None:
                ns.close()
        super().close()
        if self.mnt_fd >= 0:
            os.close(self.mnt_fd)
            self.mnt_fd = -1

    # -- the plugin

    def start(self, verb, conf, pod=None, *, ifname="eth0", args=None, env=None,
              wrapper=(), executable=plugin.BRIDGE_CNI):
        """Calls the plugin as a runtime would; gives a function that waits for its end."""
        values = {"CNI_CONTAINERID": pod.id if pod else None,
                  "CNI_NETNS": pod.netns if pod else None,
                  "CNI_IFNAME": ifname if pod else None,
                  "CNI_ARGS": args,
                  "CNI_PATH": os.environ.get("CNI_PATH", os.path.dirname(executable))}
        values.update(env or {})
        argv, stdin = (*wrapper, executable), plugin.stdin_of(conf)
        env = plugin.environment(verb, **values)
        if debugger.BREAK and not wrapper:
            return debugger.begin(self, self.directory, argv, stdin, env)
        return self.begin(*argv, input=stdin, env=env)

    def invoke(self, verb, conf, pod=None, **kw):
        """The finished process, unjudged."""
        return self.start(verb, conf, pod, **kw)()

    def _judged(self, verb, conf, pod, **kw):
        return plugin.judge(verb, self.invoke(verb, conf, pod, **kw),
                            plugin.version_of(conf))

    def add(self, pod, conf, **kw):
        return self._judged("ADD", conf, pod, **kw)

    def refused(self, pod, conf, code, *words, **kw):
        """The error of an ADD that fails with this code and names these words."""
        with plugin.refusal(code, *words) as error:
            self.add(pod, conf, **kw)
        return error.value

    def delete(self, pod, conf, prev=None, **kw):
        return self._judged("DEL", with_prev(conf, prev), pod, **kw)

    def check(self, pod, conf, prev, **kw):
        return self._judged("CHECK", with_prev(conf, prev), pod, **kw)

    def version(self, conf, **kw):
        return self._judged("VERSION", conf, None, **kw)

    # -- what the node holds

    def reservations(self, name=NETWORK):
        """Address -> (container ID, interface name), from the host-local store."""
        found = {}
        directory = self.store / name
        for path in sorted(directory.iterdir()) if directory.is_dir() else []:
            if path.name != "lock" and not path.name.startswith("last_reserved_ip."):
                found[path.name] = tuple(path.read_bytes().decode().split("\r\n"))
        return found

    def host_veths(self):
        return sorted(name for name, link in self.links().items()
                      if link.get("linkinfo", {}).get("info_kind") == "veth"
                      and name != UPLINK)

    def state(self):
        return snapshot.take(self)

    def assert_nothing_left(self, pod, others=0):
        """Nothing of a pod's attachments is on the node, on its disk or in the pod.

        `others`: how many host veths there are of other attachments.
        """
        assert len(self.host_veths()) == others
        if pod in self.pods:
            assert [link for link in pod.links() if link != "lo"] == []
        for path, content in snapshot.files(self.var_lib).items():
            text = content.decode(errors="replace") if isinstance(content, bytes) else content
            assert pod.id not in path and pod.id not in (text or ""), path
        assert pod.id not in self.run("nft", "list", "ruleset").stdout


def with_prev(conf, prev):
    return conf if prev is None else {**conf, "prevResult": prev}


def addresses_of(result):
    """The addresses of a result of version 0.3.0 or later, without prefix length."""
    return [ip["address"].split("/")[0] for ip in result["ips"]]


def named(result, sandbox):
    """The interfaces of a result that are in the container (or not)."""
    return [i for i in result["interfaces"] if bool(i.get("sandbox")) == sandbox]
