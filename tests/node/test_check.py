# SPDX-License-Identifier: GPL-2.0-or-later
"""CHECK: success says nothing; what differs is named, with expected and found."""
import re

import pytest

from harness import plugin, snapshot
from harness.node import GATEWAY4, NETWORK, addresses_of, named, network


class Attached:
    """A pod of a dual-stack network, and where its things are."""

    def __init__(self, node):
        self.node, self.pod = node, node.pod()
        self.conf = network("dual", ipam={"routes": [{"dst": "198.18.0.0/15"}]})
        self.result = node.add(self.pod, self.conf)
        self.host = named(self.result, sandbox=False)[1]["name"]
        self.mac = named(self.result, sandbox=True)[0]["mac"]
        self.v4, self.v6 = addresses_of(self.result)
        self.store = node.store / NETWORK

    def check(self, conf=None, prev=None):
        return self.node.check(self.pod, conf or self.conf, prev or self.result)


@pytest.fixture
def attached(node):
    return Attached(node)


def test_a_fresh_pod_passes_and_nothing_changes(attached):
    before = attached.node.state()
    attached.check()
    snapshot.assert_same(before, attached.node.state())


def test_a_pod_passes_after_others_came_and_went(attached):
    node = attached.node
    for _ in range(2):
        other = node.pod()
        node.add(other, attached.conf)
        attached.check()
        node.delete(other, attached.conf)
        attached.check()


def pod_ip(command):
    return lambda a: a.pod.ip(command.format(a=a))


def node_ip(command):
    return lambda a: a.node.ip(command.format(a=a))


def rules_without(word):
    """Takes away the first rule of the node's table that speaks of `word`."""

    def act(a):
        listing = a.node.run("nft", "-a", "list", "ruleset").stdout
        family, table, chain = "", "", ""
        for line in listing.splitlines():
            if match := re.match(r"table (\S+) (\S+)", line):
                family, table = match.groups()
            elif match := re.match(r"\s+chain (\S+)", line):
                chain = match[1]
            elif word in line and (match := re.search(r"# handle (\d+)$", line)):
                a.node.nft(f"delete rule {family} {table} {chain} handle {match[1]}")
                return
        raise AssertionError(f"no rule with {word}:\n{listing}")

    return act


DAMAGE = {
    "interface gone": (pod_ip("link del eth0"), ["eth0"]),
    "interface is down": (pod_ip("link set eth0 down"), ["eth0"]),
    "host veth in no bridge": (node_ip("link set {a.host} nomaster"),
                               ["{a.host}", "cni0"]),
    "host veth in another bridge": (
        lambda a: (a.node.ip("link add other0 type bridge"),
                   a.node.ip(f"link set {a.host} master other0")),
        ["{a.host}", "cni0", "other0"]),
    "host veth is down": (node_ip("link set {a.host} down"), ["{a.host}"]),
    "bridge gone": (node_ip("link del cni0"), ["cni0"]),
    "bridge is down": (node_ip("link set cni0 down"), ["cni0"]),
    "MAC": (pod_ip("link set eth0 address 02:00:00:00:00:99"),
            ["eth0", "{a.mac}", "02:00:00:00:00:99"]),
    "IPv4 address gone": (pod_ip("addr del {a.v4}/24 dev eth0"), ["eth0", "{a.v4}/24"]),
    "IPv6 address gone": (pod_ip("addr del {a.v6}/64 dev eth0"), ["eth0", "{a.v6}/64"]),
    "IPv4 default route gone": (pod_ip("route del default"), ["0.0.0.0/0", GATEWAY4]),
    "IPv6 default route gone": (pod_ip("-6 route del default"), ["::/0"]),
    "default route by another gateway": (
        pod_ip("route replace default via 10.1.2.99"), ["0.0.0.0/0", GATEWAY4]),
    "IPAM route gone": (pod_ip("route del 198.18.0.0/15"), ["198.18.0.0/15"]),
    "gateway address gone": (node_ip("addr del 10.1.2.1/24 dev cni0"),
                             ["cni0", "10.1.2.1"]),
    "IPv6 gateway address gone": (node_ip("addr del fd00:1:2::1/64 dev cni0"),
                                  ["cni0", "fd00:1:2::1"]),
    "IPv4 forwarding off": (lambda a: a.node.sysctl("ipv4.ip_forward", 0), ["ip_forward"]),
    "IPv6 forwarding off": (lambda a: a.node.sysctl("ipv6.conf.all.forwarding", 0),
                            ["forwarding"]),
    "reservation gone": (lambda a: (a.store / a.v4).unlink(), ["{a.v4}"]),
    "IPv6 reservation gone": (lambda a: (a.store / a.v6).unlink(), ["{a.v6}"]),
    "reservation of another": (
        lambda a: (a.store / a.v4).write_bytes(b"somebody\r\neth0"), ["{a.v4}", "somebody"]),
    "rules flushed": (lambda a: a.node.nft("flush ruleset"), ["bridge_cni"]),
    "a masquerade rule gone": (rules_without("masquerade"), ["bridge_cni"]),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_differs_is_named(attached, what):
    act, words = DAMAGE[what]
    act(attached)
    with plugin.refusal(plugin.CHECK, *(word.format(a=attached) for word in words)):
        attached.check()


def test_hairpin_that_was_turned_off_is_named(node):
    pod, conf = node.pod(), network(hairpinMode=True)
    result = node.add(pod, conf)
    host = named(result, sandbox=False)[1]["name"]
    node.check(pod, conf, result)
    node.run("bridge", "link", "set", "dev", host, "hairpin", "off")
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result)
    error.value.says(host, "hairpin")


def test_extra_addresses_and_routes_of_later_plugins_are_fine(attached):
    attached.pod.ip("addr add 172.30.0.1/24 dev eth0")
    attached.pod.ip("route add 203.0.113.0/24 via 10.1.2.1")
    attached.node.ip("addr add 172.30.0.2/24 dev cni0")
    attached.check()


def test_a_mac_that_a_later_plugin_changed_is_fine(attached):
    """tuning changes the MAC and the result; CHECK gets the chain's last result."""
    attached.pod.ip("link set eth0 address 02:00:00:00:00:99")
    named(attached.result, sandbox=True)[0]["mac"] = "02:00:00:00:00:99"
    attached.check()


@pytest.mark.parametrize("version", [v for v in plugin.VERSIONS if v >= "0.4.0"])
def test_a_result_of_each_version_that_has_CHECK(node, version):
    pod, conf = node.pod(), network("dual", cniVersion=version)
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    pod.ip("route del default")
    with pytest.raises(plugin.CniError):
        node.check(pod, conf, result)


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "0.3.0", "0.3.1"])
def test_versions_without_CHECK_are_refused(attached, version):
    with plugin.refusal(plugin.VERSION):
        attached.check({**attached.conf, "cniVersion": version})


def test_without_prevResult_it_is_a_configuration_error(attached):
    with plugin.refusal(plugin.CONFIG, "prevResult"):
        attached.node.check(attached.pod, attached.conf, None)


def test_a_namespace_that_is_gone_is_named(attached):
    attached.pod.remove()
    with pytest.raises(plugin.CniError) as error:
        attached.check()
    error.value.says(attached.pod.netns)
