# SPDX-License-Identifier: GPL-2.0-or-later
"""A node as flannel's vxlan backend leaves it, with pods on a bridge as its CNI configuration makes
them. What is made, with which flags and in which order, is that of flannel 0.28: its
pkg/backend/vxlan, pkg/subnet/kube and pkg/trafficmngr/iptables. What stands for flanneld is read()."""
import contextlib
import ipaddress
import json
import random
import threading

from .cluster import ClusterNode

PREFIX = "flannel.alpha.coreos.com/"
VNI, PORT, OVERHEAD = 1, 8472, 50  # the same for IPv6, as flannel has it
# Family -> the device, and the keys of the annotations.
DEVICE = {4: f"flannel.{VNI}", 6: f"flannel-v6.{VNI}"}
DATA = {4: PREFIX + "backend-data", 6: PREFIX + "backend-v6-data"}
PUBLIC = {4: PREFIX + "public-ip", 6: PREFIX + "public-ipv6"}
OVERWRITE = {4: PREFIX + "public-ip-overwrite", 6: PREFIX + "public-ipv6-overwrite"}
CLUSTER = {4: "10.244.0.0/16", 6: "fd00:244::/48"}  # the networks of flannel's configuration
MULTICAST = {4: "224.0.0.0/4", 6: "ff00::/8"}
# Its --ip-masq, and what lets pods' packets through.
RULES = """\
*nat
:FLANNEL-POSTRTG -
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN
-A FLANNEL-POSTRTG -s {pods} -d {cluster} -j RETURN
-A FLANNEL-POSTRTG -s {cluster} -d {pods} -j RETURN
-A FLANNEL-POSTRTG ! -s {cluster} -d {pods} -j RETURN
-A FLANNEL-POSTRTG -s {cluster} ! -d {multicast} -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s {cluster} -d {cluster} -j MASQUERADE --random-fully
COMMIT
*filter
:FLANNEL-FWD -
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s {cluster} -j ACCEPT
-A FLANNEL-FWD -d {cluster} -j ACCEPT
COMMIT
"""
MANAGED, TYPE = PREFIX + "kube-subnet-manager", PREFIX + "backend-type"


def network_of(cidr):
    return ipaddress.ip_network(cidr)


def random_mac():
    """Locally administered, of one station."""
    return bytes([0x02, *random.randbytes(5)]).hex(":")


def leases(api):
    """Node -> {family: (podCIDR, the other end's address, its MAC)}, of those with annotations."""
    found = {}
    for name, node in list(api.nodes.items()):
        notes, cidrs = api.annotations(name), node["spec"].get("podCIDRs", [])
        if notes.get(MANAGED) == "true" and notes.get(TYPE) == "vxlan":
            found[name] = {
                family: (cidr, notes[PUBLIC[family]], json.loads(notes[DATA[family]])["VtepMAC"])
                for family, cidr in ((network_of(cidr).version, cidr) for cidr in cidrs)
                if DATA[family] in notes and PUBLIC[family] in notes}
    return found


class FlannelNode(ClusterNode):
    """Cluster.node(kind=FlannelNode). run_flannel() is what flanneld does when it starts."""

    def run_flannel(self):
        for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            self.sysctl(key, 1)
        self.known = {}
        self.macs = {}
        for cidr in self.cidrs:
            network = network_of(cidr)
            address = self.address4 if network.version == 4 else self.address6
            if address:
                self._make_device(network, address)
                self._masquerade(network)
        self._make_bridge()
        self.publish()
        self.read()

    def mtu(self):
        return self.network.mtu - OVERHEAD

    def _make_device(self, network, local):
        device = DEVICE[network.version]
        stored = self.cluster.api.annotations(self.name).get(DATA[network.version])
        mac = json.loads(stored)["VtepMAC"] if stored else random_mac()
        self.macs[network.version] = mac
        self.ip(f"link add {device} address {mac} mtu {self.mtu()} type vxlan id {VNI} dev eth0 "
                f"local {local} dstport {PORT} nolearning")
        self.sysctl(f"ipv6.conf.{device.replace('.', '|')}.accept_ra", 0)
        nodad = "nodad" if network.version == 6 else ""
        self.ip(f"addr add {network.network_address}/{network.max_prefixlen} dev {device} {nodad}")
        self.ip(f"link set {device} up")

    def _masquerade(self, network):
        restore = {4: "iptables-restore", 6: "ip6tables-restore"}[network.version]
        self.run(restore, "--noflush", input=RULES.format(
            pods=network, cluster=CLUSTER[network.version],
            multicast=MULTICAST[network.version]))

    def _make_bridge(self):
        self.ip(f"link add cni0 mtu {self.mtu()} type bridge")
        self.ip("link set cni0 up")
        for cidr in self.cidrs:
            network = network_of(cidr)
            nodad = "nodad" if network.version == 6 else ""
            self.ip(f"addr add {network[1]}/{network.prefixlen} dev cni0 {nodad}")

    # -- annotations

    def publish(self):
        """The annotations of its own Node."""
        notes = {MANAGED: "true", TYPE: "vxlan"}
        before = self.cluster.api.annotations(self.name)
        for family, mac in self.macs.items():
            notes[DATA[family]] = json.dumps({"VNI": VNI, "VtepMAC": mac}, separators=(",", ":"))
            notes[PUBLIC[family]] = before.get(OVERWRITE[family]) or (
                self.address4 if family == 4 else self.address6)
        self.cluster.api.annotate(self.name, notes)

    def read(self):
        """Follows the other Nodes' annotations. As flannel does, it takes no Node that lacks those of
        a family that it has itself, leaves one as it was that has none any more, and lets one go
        that is no Node any more."""
        now = {name: lease for name, lease in leases(self.cluster.api).items()
               if name != self.name and lease.keys() >= self.macs.keys()}
        for name, lease in now.items():
            if self.known.get(name) != lease:
                for family in self.macs:
                    self._lead_to(family, *lease[family])
                self.known[name] = lease
        for name in self.known.keys() - self.cluster.api.nodes.keys():
            lease = self.known.pop(name)
            for family in self.macs:
                self._forget(family, *lease[family])

    def _lead_to(self, family, cidr, remote, mac):
        device, via = DEVICE[family], network_of(cidr).network_address
        self.ip(f"neigh replace {via} lladdr {mac} dev {device} nud permanent")
        self.run("bridge", "fdb", "replace", mac, "dev", device, "dst", remote, "self", "permanent")
        self.ip(f"route replace {cidr} via {via} dev {device} onlink")

    def _forget(self, family, cidr, remote, mac):
        device, via = DEVICE[family], network_of(cidr).network_address
        self.ip(f"neigh del {via} dev {device}", check=False)
        self.run("bridge", "fdb", "del", mac, "dev", device, "dst", remote, "self", check=False)
        self.ip(f"route del {cidr} dev {device}", check=False)

    def stop_flannel(self):
        """The devices go, and with them their routes and entries. The annotations stay."""
        for family in self.macs:
            self.ip(f"link del {DEVICE[family]}")
        self.macs = {}

    # -- pods

    def attach(self):
        """A pod on cni0, by a veth, with an address of each family."""
        pod = self.pod()
        port = f"veth{self.pods_made}"
        self.ip_batch(f"""
            link add {port} mtu {self.mtu()} type veth peer name eth0 mtu {self.mtu()} netns {pod.netns}
            link set {port} master cni0
            link set {port} up
            """)
        pod.ip("link set eth0 up")
        pod.addresses, pod.address4, pod.address6 = [], None, None
        for cidr in self.cidrs:
            network = network_of(cidr)
            address = str(network[1 + self.pods_made])
            nodad = "nodad" if network.version == 6 else ""
            pod.ip(f"addr add {address}/{network.prefixlen} dev eth0 {nodad}")
            pod.ip(f"route add default via {network[1]}")
            pod.addresses.append(address)
            setattr(pod, f"address{network.version}", address)
        return pod


@contextlib.contextmanager
def following(*nodes):
    """flanneld runs on these nodes, and takes what other Nodes say."""
    over = threading.Event()
    failures = []

    def follow():
        while not over.wait(0.1):
            try:
                for node in nodes:
                    if node.macs:
                        node.read()
            except Exception as error:  # told by whoever started it
                failures.append(error)
                return

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failures, failures
