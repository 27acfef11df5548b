# SPDX-License-Identifier: GPL-2.0-or-later
"""A failed ADD of each stage: nothing of the attachment is left, what is shared is absent
or complete, and once the obstacle is gone the next ADD works."""
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin
from harness.delegates import Delegate
from harness.node import GATEWAY4, INTERNET4, INTERNET6, NETWORK, UPLINK, network
from harness.waiting import wait_for


pytestmark = pytest.mark.must_run


class Obstacle:
    """A thing that makes a stage fail; `conf` is the configuration that runs into it."""

    words = ()
    others = 0  # host veths of others that are there meanwhile
    wrapper = ()
    env = {}

    def __init__(self, node, pod):
        self.node, self.pod = node, pod
        self.conf = network("dual")
        self.build()

    def good_conf(self):
        return self.conf


class StoreIsAFile(Obstacle):
    """ipam: dataDir can't be a directory."""

    codes, words = {plugin.IO}, ["/var/lib/file"]

    def build(self):
        self.path = self.node.var_lib / "file"
        self.path.write_text("something else")
        self.conf["ipam"]["dataDir"] = "/var/lib/file"

    def remove(self):
        assert self.path.read_text() == "something else"
        self.path.unlink()


class SecondSetExhausted(Obstacle):
    """ipam: the first set has an address, the second none."""

    codes, words, others = {plugin.EXHAUSTED}, ["fd00:1:2::5"], 1

    def build(self):
        self.conf["ipam"]["ranges"][1][0].update(rangeStart="fd00:1:2::5",
                                                 rangeEnd="fd00:1:2::5")
        self.other = self.node.pod()
        self.node.add(self.other, self.conf)

    def remove(self):
        assert self.other.ping(GATEWAY4)
        self.node.delete(self.other, self.conf)


class BridgeIsAVeth(Obstacle):
    """bridge: something of that name is no bridge."""

    codes, words, others = {plugin.EXISTS, plugin.CONFIG}, ["cni0", "bridge"], 2

    def build(self):
        self.node.ip("link add cni0 type veth peer name other")

    def remove(self):
        self.node.ip("link del cni0")


class SysctlsReadOnly(Obstacle):
    """addresses: the pod has IPv6 disabled, and /proc/sys can't be written.

    The bridge and forwarding are as they should be, so that the stages before succeed.
    """

    codes, words = {plugin.IO, plugin.KERNEL}, ["disable_ipv6"]

    def build(self):
        self.pod.sysctl("ipv6.conf.default.disable_ipv6", 1)
        self.node.add(self.node.pod(), self.conf)
        self.node.delete(self.node.pods.pop(), self.conf)
        self.node.run("mount", "--bind", "/proc/sys", "/proc/sys")
        self.node.run("mount", "-o", "remount,bind,ro", "/proc/sys")

    def remove(self):
        self.node.run("umount", "/proc/sys")


class NextHopNotReached(Obstacle):
    """routes: one by a gateway that no address of the pod reaches."""

    codes = {plugin.KERNEL}
    words = ["198.18.0.0/15", "203.0.113.1", "Nexthop has invalid gateway"]

    def build(self):
        self.conf["ipam"]["routes"] = [{"dst": "198.18.0.0/15", "gw": "203.0.113.1"}]

    def good_conf(self):
        return network("dual")

    def remove(self):
        pass


class AnotherGateway(Obstacle):
    """gateway: the bridge has an address that isn't this network's."""

    codes = {plugin.EXISTS, plugin.CONFIG}
    words = ["cni0", "10.1.2.1", "10.55.0.1"]

    def build(self):
        self.node.ip("link add cni0 type bridge")
        self.node.ip("addr add 10.55.0.1/24 dev cni0")

    def remove(self):
        assert self.node.addresses("cni0")[-1] == "10.55.0.1/24"
        self.node.ip("addr del 10.55.0.1/24 dev cni0")


class ForwardingReadOnly(Obstacle):
    """gateway: /proc/sys can't be written, as in a container without privileges."""

    codes, words = {plugin.IO, plugin.KERNEL}, ["forward"]
    path = "/proc/sys/net/ipv6/conf/all/forwarding"

    def build(self):
        self.node.run("mount", "--bind", self.path, self.path)
        self.node.run("mount", "-o", "remount,bind,ro", self.path)

    def remove(self):
        self.node.run("umount", self.path)


class TableOwnedByAnother(Obstacle):
    """masquerade: a process owns a table of our name (nft's owner flag)."""

    codes, words = {plugin.RULES}, ["bridge_cni"]

    def build(self):
        self.owner = self.node.popen(["nft", "-i"], stdin=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL)
        self.owner.stdin.write(b"add table inet bridge_cni { flags owner; }\n")
        self.owner.stdin.flush()
        wait_for(lambda: "bridge_cni" in self.node.run("nft", "list", "tables").stdout)

    def remove(self):
        self.owner.stdin.close()
        self.owner.wait()


class NoNetfilterSockets(Obstacle):
    """masquerade: the kernel has no nf_tables."""

    codes, words = {plugin.RULES, plugin.KERNEL}, []
    env = plugin.TRACED

    def build(self):
        """Finds the first NETLINK_NETFILTER socket that a good ADD makes, and has that call fail."""
        trace = self.node.directory / "trace"
        strace = plugin.strace(trace, "socket")
        rehearsal = self.node.pod()
        plugin.judge("ADD", self.node.invoke("ADD", self.conf, rehearsal, env=self.env,
                                             wrapper=strace), plugin.NEWEST)
        sockets = trace.read_text().splitlines()
        nth, = [n for n, line in enumerate(sockets, 1) if "NETFILTER" in line][:1]
        self.node.delete(rehearsal, self.conf)
        self.node.ip("link del cni0")
        if "bridge_cni" in self.node.run("nft", "list", "tables").stdout:
            self.node.nft("delete table inet bridge_cni")
        self.wrapper = [*strace, "-e",
                        f"inject=socket:error=EPROTONOSUPPORT:when={nth}+"]

    def remove(self):
        self.wrapper = ()


OBSTACLES = [StoreIsAFile, SecondSetExhausted, BridgeIsAVeth, SysctlsReadOnly,
             NextHopNotReached, AnotherGateway, ForwardingReadOnly, TableOwnedByAnother,
             NoNetfilterSockets]


def shared(node):
    """The things that attachments share, each by itself; None where one is absent."""
    link = node.links().get("cni0")
    is_bridge = link and link.get("linkinfo", {}).get("info_kind") == "bridge"
    addresses = node.addresses("cni0") if is_bridge else []
    listing = node.run("nft", "-s", "list", "table", "inet", "bridge_cni", check=False)
    return {
        "bridge": (link["address"], link["mtu"], "UP" in link["flags"],
                   node.sysctl("ipv6.conf.cni0.accept_ra")) if is_bridge else None,
        "gateway": next((a for a in addresses if a.startswith("10.1.2.")), None),
        "gateway6": next((a for a in addresses if a.startswith("fd00:")), None),
        "rules": listing.stdout if "chain" in listing.stdout else None,
    }


@pytest.mark.parametrize("kind", OBSTACLES)
def test_a_failed_ADD_leaves_nothing(node, kind):
    pod = node.pod()
    obstacle = kind(node, pod)
    before = shared(node)
    with pytest.raises(plugin.CniError) as error:
        node.add(pod, obstacle.conf, wrapper=obstacle.wrapper, env=obstacle.env)
    assert error.value.code in obstacle.codes, error.value
    error.value.says(*obstacle.words)
    node.assert_nothing_left(pod, others=obstacle.others)
    after = shared(node)
    obstacle.remove()

    conf = obstacle.good_conf()
    result = node.add(pod, conf)
    for address in (GATEWAY4, INTERNET4, INTERNET6):
        assert pod.ping(address)
    complete = shared(node)
    for thing, found in after.items():
        assert found in (None, before[thing], complete[thing]), f"{thing} is half done"
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod)


# -- a bridge that the failed ADD has made


def subnet_elsewhere(node):
    node.ip("link add other0 type bridge")
    node.ip("addr add 10.1.2.1/24 dev other0")


def table_of_another(node):
    node.nft("add table inet bridge_cni")
    node.nft("add map inet bridge_cni x { type ipv4_addr : ipv4_addr; }")
    node.nft("add chain inet bridge_cni postrouting { type filter hook postrouting priority 0; }")


LATER = {"gateway": (subnet_elsewhere, plugin.EXISTS),
         "masquerade": (table_of_another, plugin.RULES)}


@pytest.mark.parametrize("stage", LATER)
def test_a_bridge_that_a_failed_ADD_has_made_goes_with_it(node, stage):
    harm, code = LATER[stage]
    harm(node)
    before, pod = node.state()["node"], node.pod()
    with plugin.refusal(code):
        node.add(pod, network())
    node.assert_nothing_left(pod)
    assert node.links().keys() == before["links"].keys()


def test_a_bridge_that_was_there_stays_when_an_ADD_fails(node):
    node.ip("link add cni0 type bridge")
    subnet_elsewhere(node)
    with pytest.raises(plugin.CniError):
        node.add(node.pod(), network())
    assert "cni0" in node.links()


def test_a_bridge_that_another_ADD_uses_meanwhile_stays_when_its_maker_fails(node):
    """The node lock is free while a delegated IPAM plugin runs."""
    slow = Delegate(node, '''
        if verb == "ADD" and os.environ["CNI_CONTAINERID"].startswith("pod0"):
            hold()
            sys.exit(1)
        if verb == "ADD": answer(ips=[{"address": "10.77.0.6/16", "gateway": "10.77.0.1"}])''')
    maker, other = node.pod(), node.pod()
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(slow.add, maker)
        with slow.held():
            slow.add(other)
        with pytest.raises(plugin.CniError):
            pending.result()
    node.assert_nothing_left(maker, others=1)
    assert other.ping("10.77.0.1") and other.ping(INTERNET4)


def test_a_failed_ADD_whose_record_cannot_be_read_leaves_no_interface(node):
    """The record stays for the next DEL, which can read it again."""
    fake = Delegate(node, """
        if verb == "ADD": hold(), sys.exit(1)""")
    pod = node.pod()
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(fake.add, pod)
        with fake.held():
            record, = (node.store / ".bridge-cni" / NETWORK).glob("p-*")
            text = record.read_text()
            record.write_text(text.replace("record 1", "record 99"))
        with pytest.raises(plugin.CniError) as error:
            pending.result()
    error.value.says("fake", "newer version")
    assert record.exists() and node.host_veths() == []
    assert pod.links().keys() == {"lo"}
    record.write_text(text)
    fake.delete(pod)
    node.assert_nothing_left(pod)


def test_a_failed_ADD_leaves_an_interface_that_another_plugin_made_meanwhile(node):
    """As the reference plugin makes it, once a DEL has taken away what the ADD had made."""
    fake = Delegate(node, """
        if verb == "ADD": hold(), answer()""")
    pod, conf = node.pod(), fake.conf()
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(fake.add, pod, conf)
        with fake.held():
            fake.delete(pod, conf)
            node.ip("link add vethother type veth peer name eth0 "
                    f"netns {pod.name}")
            node.ip("link set vethother master cni0")
        with pytest.raises(plugin.CniError):
            pending.result()
    assert "eth0" in pod.links() and "vethother" in node.links()
    node.ip("link del vethother")
    node.assert_nothing_left(pod)


def test_an_interface_of_the_pods_makes_the_veth_fail(node):
    """veth: the one thing that has to stay is the interface that was there."""
    pod = node.pod()
    pod.ip("link add eth0 type veth peer name eth1")
    conf = network("dual")
    with plugin.refusal(plugin.EXISTS):
        node.add(pod, conf)
    assert {"eth0", "eth1"} <= pod.links().keys()
    pod.ip("link del eth0")
    node.assert_nothing_left(pod)
    node.add(pod, conf)
    assert pod.ping(INTERNET4)


def test_a_host_veth_of_that_name_is_another_ADDs_and_stays(node):
    """Refused before an address is taken; nothing of the earlier one is undone."""
    conf, pod = network("dual"), node.pod()
    name = node.add(pod, conf)["interfaces"][1]["name"]
    node.delete(pod, conf)
    node.ip(f"link add {name} type veth peer name other0")
    with plugin.refusal(plugin.EXISTS, name):
        node.add(pod, conf)
    assert name in node.links() and node.reservations() == {}


def test_failing_again_and_again_uses_nothing_up(node):
    """A sandbox that can't start is retried for ever."""
    conf = network(ipam={"routes": [{"dst": "198.18.0.0/15", "gw": "203.0.113.1"}]})
    pod = node.pod()
    for _ in range(3):
        with pytest.raises(plugin.CniError):
            node.add(pod, conf)
        node.delete(pod, conf)
    assert node.reservations() == {}
    assert not [name for name in node.links() if re.fullmatch("veth.*", name)]
    assert set(node.links()) - {"lo", UPLINK} <= {"cni0"} | {
        name for name in node.links() if name.startswith(("ifb", "sit", "ip", "gre"))}
