# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ports: which connections are masqueraded, and that no packet decides it for another."""
import re
import sys

import pytest

from harness import nftables, plugin
from harness.command import command, written
from harness.former import age
from harness.portmap import (ask, ask_udp, elements, portmap_rules, ports, served,
                               served_udp, settled, table)
from harness.node import NODE4, NODE6, OUTSIDE4, network

BRIDGED = pytest.mark.parametrize("bridged", [0, 1], ids=["routed", "br_netfilter"])


def bridge_filter(node, on):
    for key in ("iptables", "ip6tables"):
        node.sysctl(f"bridge.bridge-nf-call-{key}", on)


def second(*mappings, **changes):
    return ports(*mappings, name="second", bridge="cni1",
                 **{"ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}]]}, **changes})


def proxy(node, *rules):
    """kube-proxy's part: what it translates, with its priority."""
    node.nft("add table ip proxy\n"
             "add chain ip proxy c { type nat hook prerouting priority dstnat; }\n" +
             "\n".join(f"add rule ip proxy c {rule}" for rule in rules))


# -- a Service that leads to a pod with host ports: it sees who comes

@BRIDGED
def test_a_pod_sees_who_comes_by_a_Service_on_the_same_bridge(node, bridged):
    """This is so where conntrack sees frames on the bridge; otherwise no answer is translated."""
    bridge_filter(node, bridged)
    pod, client, conf = node.pod(), node.pod(), ports((8080, 80), families="v4")
    node.add(pod, conf)
    node.add(client, network("v4"))
    proxy(node, "ip daddr 10.96.0.10 tcp dport { 8080, 9999 } dnat to 10.1.2.2:80",
          f"ip daddr {NODE4} tcp dport 30080 dnat to 10.1.2.2:80")
    with served(pod, 80):
        if bridged:
            assert ask(client, "10.96.0.10", 8080) == ("pod", "10.1.2.3")
            assert ask(client, "10.96.0.10", 9999) == ("pod", "10.1.2.3")
            # A NodePort: the node's own address, of a port that is no host port.
            assert ask(client, NODE4, 30080) == ("pod", "10.1.2.3")
        assert ask(node.outside, NODE4, 30080) == ("pod", OUTSIDE4)
        assert ask(node.outside, NODE4, 8080) == ("pod", OUTSIDE4)
        assert ask(client, NODE4, 8080) == ("pod", "10.1.2.1")
        assert ask(pod, NODE4, 8080) == ("pod", "10.1.2.1")


@BRIDGED
def test_a_NodePort_keeps_its_source_beside_host_ports_of_several_networks(node, bridged):
    """It is chance which network's rules come first, so each looks at its own ports alone."""
    bridge_filter(node, bridged)
    conf, other = ports((8080, 80), families="v4"), second((8081, 80))
    pods = [node.pod() for _ in range(4)]
    node.add(pods[0], conf)
    node.add(pods[1], other)
    node.add(pods[2], network("v4"))
    node.add(pods[3], second())
    proxy(node, f"ip daddr {NODE4} tcp dport 30080 dnat to 10.1.2.2:80",
          f"ip daddr {NODE4} tcp dport 30081 dnat to 10.9.0.2:80")
    with served(pods[0], 80, word=b"first"), served(pods[1], 80, word=b"second"):
        for client, gateway, port, word in ((pods[2], "10.1.2.1", 8080, "first"),
                                            (pods[3], "10.9.0.1", 8081, "second")):
            assert ask(client, NODE4, port) == (word, gateway)
        assert ask(pods[3], NODE4, 8080)[0] == "first"
        assert ask(pods[2], NODE4, 8081)[0] == "second"
        if bridged:
            assert ask(pods[2], NODE4, 30080) == ("first", "10.1.2.3")
            assert ask(pods[3], NODE4, 30081) == ("second", "10.9.0.3")
        # The first network's rules are written again, behind the other's.
        node.nft("flush chain inet bridge_cni hostports")
        for each in (conf, other):
            node.add(node.pod(), {**each, "runtimeConfig": {}})
        assert ask(pods[2], NODE4, 8080) == ("first", "10.1.2.1")
        assert ask(pods[3], NODE4, 8081) == ("second", "10.9.0.1")
        if bridged:
            assert ask(pods[2], NODE4, 30080) == ("first", "10.1.2.3")
            assert ask(pods[3], NODE4, 30081) == ("second", "10.9.0.3")


def test_a_network_without_snat_takes_no_127_0_0_1_that_another_has(node):
    """All networks' maps are asked in one chain."""
    pods = [node.pod() for _ in range(2)]
    node.add(pods[0], ports((8080, 80), families="v4", snat=False))
    node.add(pods[1], second((8081, 80)))
    with served(pods[0], 80), served(pods[1], 80), \
            served(node, 8080, address="127.0.0.1", word=b"node"):
        assert ask(node, "127.0.0.1", 8080)[0] == "node"
        assert ask(node, "127.0.0.1", 8081)[0] == "pod"


# -- masqAll: whoever comes by a host port

@BRIDGED
def test_with_masqAll_the_pod_sees_its_gateway_whoever_comes(node, bridged):
    bridge_filter(node, bridged)
    pod, beside, client = node.pod(), node.pod(), node.pod()
    conf = ports((8080, 80), masqAll=True)
    result = node.add(pod, conf)
    node.add(beside, ports((8081, 80)))
    node.add(client, network("dual"))
    settled(node)
    proxy(node, f"ip daddr {NODE4} tcp dport 30080 dnat to 10.1.2.2:80")

    def assert_masqueraded():
        with served(pod, 80), served(beside, 80):
            for each in (node.outside, node, client, pod):
                assert ask(each, NODE4, 8080) == ("pod", "10.1.2.1")
                assert ask(each, NODE6, 8080) == ("pod", "fd00:1:2::1")
            assert ask(node, "127.0.0.1", 8080) == ("pod", "10.1.2.1")
            # Not what comes otherwise, nor by another pod's port.
            assert ask(node.outside, NODE4, 30080) == ("pod", OUTSIDE4)
            assert ask(node.outside, NODE4, 8081) == ("pod", OUTSIDE4)

    assert_masqueraded()
    node.check(pod, conf, result)
    node.nft("flush ruleset")
    proxy(node, f"ip daddr {NODE4} tcp dport 30080 dnat to 10.1.2.2:80")
    last = node.pod()
    node.add(last, ports())
    assert_masqueraded()
    done = command(node, "repair", *written(node, ports()))
    assert "portmap" not in done.stdout and done.returncode == 0, done
    node.delete(pod, conf)
    node.delete(beside, ports((8081, 80)))
    assert elements(node) == {}


def test_without_snat_masqAll_masquerades_nothing(node):
    """As with the reference."""
    pod = node.pod()
    node.add(pod, ports((8080, 80), families="v4", masqAll=True, snat=False))
    with served(pod, 80):
        assert ask(node.outside, NODE4, 8080) == ("pod", OUTSIDE4)


# -- nothing that packets fill

FLOOD = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
first, n, port = (int(word) for word in sys.argv[1:])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(first, first + n):
    try: sock.sendto(b"?", (socket.inet_ntoa((127 << 24 | i).to_bytes(4, "big")), port))
    except OSError: pass
"""


@pytest.mark.parametrize("port", [9, 5353], ids=["any port", "a mapped port"])
def test_whatever_an_unprivileged_process_sends_host_ports_answer(node, port):
    pods = [node.pod() for _ in range(3)]
    node.add(pods[0], ports((8080, 80), (5353, 53, {"protocol": "udp"}), families="v4"))
    node.add(pods[2], network("v4"))
    node.run(sys.executable, "-c", FLOOD, "256", "70000", str(port))
    node.add(pods[1], ports((8081, 80), families="v4"))
    with served(pods[0], 80), served(pods[1], 80), served_udp(pods[0], 53):
        for host_port in (8080, 8081):
            for client, address in ((node.outside, NODE4), (node, NODE4), (pods[0], NODE4),
                                    (node, "127.0.0.1"), (pods[2], NODE4)):
                assert ask(client, address, host_port)[0] == "pod", (client.name, address)
        assert ask_udp(node.outside, NODE4, 5353) == "pod"
    assert sum(len(s.get("elem", [])) for s in table(node, "set")) < 10
    node.run("conntrack", "-F", check=False)


def test_no_set_is_there_that_packets_fill_with_what_is_in_them(node):
    """Who sends would choose how full it is. The interface by which a packet came is nothing that
    its sender chooses."""
    node.add(node.pod(), ports((8080, 80), ingressRate=10**9, ingressBurst=10**8,
                               spoofCheck=True))
    node.add(node.pod(), second((8081, 80)))
    listed = node.run("nft", "list", "ruleset").stdout
    assert "hostports4" in listed
    assert set(re.findall(r"(?:update|add) @\w+ \{ (.*?) (?:limit |\})", listed)) == {"iifname"}
    assert len(re.findall("flags dynamic", listed)) == len(re.findall(
        r"type ifname\n\t\tsize \d+\n\t\tflags dynamic", listed))


# -- a node whose rules an earlier version wrote

def earlier(node):
    """Gives each network the earlier version's rules over its maps, and its two sets."""
    names = {}
    for name, bridge in (("testnet", "cni0"), ("second", "cni1")):
        age(node, name)
        node.run("tc", "qdisc", "del", "dev", bridge, "clsact")
    for entry in table(node, "map", "set"):
        kind, _, of = entry["name"].partition("_")
        names.setdefault(of, {})[kind] = entry["name"]
    rules = ["flush table inet bridge_cni"]
    for digit in "46":
        rules.append(f"add set inet bridge_cni nodeips{digit} {{ type ipv{digit}_addr; "
                     "flags dynamic,timeout; timeout 1m; }")
    for of, sets in names.items():
        for digit in "46":
            rules.append(f"delete map inet bridge_cni {sets['hostranges' + digit]}")
        for digit, ip in (("4", "ip"), ("6", "ip6")):
            def add(chain, kind, text):
                rules.append(f"add rule inet bridge_cni {chain} {text} comment "
                             f'"v1 portmap/{kind}{digit} {of} 0123456789abcdef net"')
            for chain, kind in (("prerouting", ""), ("output", "out")):
                for which, key, name in (("any", "", "hostports"),
                                         ("one", f"{ip} daddr . ", "hostips")):
                    add(chain, kind + which, f"meta nfproto ipv{digit} fib daddr type local "
                        f"update @nodeips{digit} {{ {ip} daddr }} dnat {ip} to meta l4proto . "
                        f"{key}th dport map @{sets[name + digit]}")
            add("postrouting", "snat", f"ct status dnat ct original {ip} daddr "
                f"@nodeips{digit} {ip} daddr . {ip} saddr @{sets['onlink' + digit]} masquerade")
        [pod] = [e["elem"]["val"]["concat"][0] for s in table(node, "set")
                 if s["name"] == sets["onlink4"] for e in s["elem"] if "elem" in e]
        rules.append(f"add element inet bridge_cni {sets['onlink4']} "
                     f'{{ {pod} . 127.0.0.0/8 comment "veth net" }}')
    node.nft("\n".join(rules))
    return len(names)


def sets_named(node, name):
    return [s["name"] for s in table(node, "set") if s["name"].startswith(name)]


def test_the_next_ADD_puts_an_earlier_versions_rules_right(node):
    conf, other = ports((8080, 80), families="v4"), second((8081, 80))
    pods = [node.pod() for _ in range(4)]
    node.add(pods[0], conf)
    node.add(pods[1], other)
    node.add(pods[2], network("v4"))
    wanted = {r["comment"] for r in portmap_rules(node)}
    before = {kind: sorted(listed) for kind, listed in elements(node).items()}
    assert earlier(node) == 2

    def all_answer():
        for client, address in ((node.outside, NODE4), (node, "127.0.0.1"), (pods[2], NODE4)):
            assert ask(client, address, 8080)[0] == "first", client.name
            assert ask(client, address, 8081)[0] == "second", client.name

    with served(pods[0], 80, word=b"first"), served(pods[1], 80, word=b"second"):
        all_answer()
        assert node.invoke("ADD", {**other, "runtimeConfig": {}}, pods[3]).stderr == ""
        assert sets_named(node, "nodeips")  # the other network's rules look into them
        all_answer()
        done = command(node, "repair", *written(node, conf))
        assert done.returncode == 0, done
        assert sets_named(node, "nodeips") == []
        all_answer()
    assert {r["comment"] for r in portmap_rules(node)} == wanted
    assert {kind: sorted(listed) for kind, listed in elements(node).items()} == before


def test_cleanup_takes_an_earlier_versions_sets(node):
    pods, confs = [node.pod() for _ in range(2)], [ports((8080, 80)), second((8081, 80))]
    for pod, conf in zip(pods, confs):
        node.add(pod, conf)
    earlier(node)
    node.add(node.pod(), {**confs[0], "runtimeConfig": {}})
    node.delete(pods[1], confs[1])
    done = command(node, "cleanup", *written(node, confs[1]))
    assert done.returncode == 0, done
    assert sets_named(node, "nodeips") == []


# -- a kernel without CONFIG_NF_CONNTRACK_LABELS

@pytest.fixture
def unlabelled(node, tmp_path):
    """Calls the plugin with a libnftables that answers as it does on such a kernel."""
    return nftables.without(node, tmp_path, "ct label", "Operation not supported")


def test_a_kernel_without_labels_gets_rules_that_do_without(node, unlabelled):
    bridge_filter(node, 1)
    pod, client, conf = node.pod(), node.pod(), ports((8080, 80))
    node.add(pod, conf, **unlabelled)
    node.add(client, network("dual"))
    settled(node)
    assert "ct label" not in node.run("nft", "list", "ruleset").stdout
    proxy(node, "ip daddr 10.96.0.10 tcp dport 8080 dnat to 10.1.2.2:80")

    def all_answer():
        for each, address in ((node.outside, NODE4), (node.outside, NODE6), (node, NODE4),
                              (node, "127.0.0.1"), (client, NODE4), (pod, NODE4)):
            assert ask(each, address, 8080)[0] == "pod", (each.name, address)

    with served(pod, 80):
        all_answer()
        assert ask(client, "10.96.0.10", 8080) == ("pod", "10.1.2.3")
        # Somebody who fills the set takes nothing away but the masquerade of neighbours.
        name = sets_named(node, "nodeips4")[0]
        node.nft(f"flush set inet bridge_cni {name}")
        node.run(sys.executable, "-c", FLOOD, "256", "500", "9")
        all_answer()
    listed = next(s for s in table(node, "set") if s["name"] == name)
    assert len(listed["elem"]) == 1  # 127.0.0.0/8 has none
    # No later ADD tries again.
    before = {r["comment"] for r in portmap_rules(node)}
    trace = node.directory / "trace"
    done = node.invoke("ADD", ports((8081, 80)), node.pod(), env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "execve,openat"))
    assert done.returncode == 0, done
    assert "nft" not in trace.read_text()
    assert {r["comment"] for r in portmap_rules(node)} == before
