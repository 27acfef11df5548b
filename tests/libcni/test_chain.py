# SPDX-License-Identifier: GPL-2.0-or-later
"""As the first plugin before Debian's portmap, bandwidth, firewall and tuning: the whole
chain's ADD, CHECK and DEL, driven by libcni."""
import json
import os
import socket
import threading

import pytest

from harness import plugin
from harness.portmap import elements, settled
from harness.service import netfilter_on_the_bridge
from harness.node import INTERNET4, INTERNET6, NETWORK, NODE4, NODE6, addresses_of, network

PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
FIREWALL = {"type": "firewall"}
TUNING = {"type": "tuning", "mac": "02:00:00:00:00:77", "mtu": 1300, "promisc": True,
          "sysctl": {"net.core.somaxconn": "500"}}
ALL = [PORTMAP, BANDWIDTH, FIREWALL, TUNING]
PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
RATES = {"bandwidth": {"ingressRate": 8000000, "ingressBurst": 8000000,
                       "egressRate": 8000000, "egressBurst": 8000000}}
CAPABILITIES = {"CAP_ARGS": json.dumps({**PORTS, **RATES})}
# With a host port CHECK of Debian's portmap (1.1.1) always fails, behind the reference's
# bridge, too: it wants each family's rules in both families' tables. That of bandwidth
# falls over where there are no rates.
FOR_CHECK = {"CAP_ARGS": json.dumps(RATES)}

pytestmark = pytest.mark.must_run


@pytest.fixture(autouse=True)
def debians():
    for kind in ("portmap", "bandwidth", "firewall", "tuning"):
        if not os.access(f"/usr/lib/cni/{kind}", os.X_OK):
            pytest.skip("containernetworking-plugins is not installed")


@pytest.fixture
def chain(node, runtime):
    """configure(*plugins, **keys), then the runtime's verbs with what Kubernetes passes."""

    def configure(*later, families="dual", **keys):
        runtime.configure(network(families, cniVersion="1.0.0", **keys), *later)

    runtime.chain = configure
    return runtime


def served(client, pod, target, port):
    """Does a TCP connection to target:port reach the pod's port 80?"""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with pod.socket(family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("::" if ":" in target else "0.0.0.0", 80))
        server.listen()
        thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"pod"))
        thread.start()
        with client.socket(family, socket.SOCK_STREAM) as sock:
            sock.connect((target, port))
            answer = sock.recv(3)
        thread.join()
    return answer == b"pod"


def kinds(node):
    return {link.get("linkinfo", {}).get("info_kind") for link in node.links().values()}


def ruleset(node):
    return node.run("nft", "list", "ruleset").stdout


def test_ADD_CHECK_and_DEL_of_the_whole_chain(node, chain):
    chain.chain(*ALL, hairpinMode=True, mtu=1400)
    pod = node.pod()
    result = chain.good("add", pod.netns, **CAPABILITIES)
    # The last plugin's result, and what each of them made.
    assert result["interfaces"][2]["name"] == "eth0"
    assert result["interfaces"][2]["mac"] == "02:00:00:00:00:77"
    assert pod.links()["eth0"]["mtu"] == 1300
    assert all(address in ruleset(node) for address in addresses_of(result))
    assert "ifb" in kinds(node)
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    assert served(node.outside, pod, NODE4, 8080)
    assert served(node.outside, pod, NODE6, 8080)
    assert chain.good("check", pod.netns, **FOR_CHECK) is None
    assert chain.good("del", pod.netns, **CAPABILITIES) is None
    assert chain.good("del", pod.netns, **CAPABILITIES) is None
    assert node.host_veths() == [] and node.reservations() == {}
    assert "8080" not in ruleset(node) and "ifb" not in kinds(node)


@pytest.mark.parametrize("later", ALL, ids=lambda conf: conf["type"])
def test_before_each_of_them(node, chain, later):
    chain.chain(later)
    pod = node.pod()
    chain.good("add", pod.netns, **CAPABILITIES)
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    chain.good("check", pod.netns, **FOR_CHECK)
    # CHECK still looks at the plugin's own address.
    pod.ip("addr del 10.1.2.2/24 dev eth0")
    done = chain.call("check", pod.netns, **FOR_CHECK)
    assert done.returncode == 1 and "10.1.2.2/24" in done.stderr
    chain.good("del", pod.netns, **CAPABILITIES)
    assert node.host_veths() == [] and node.reservations() == {}


@pytest.mark.skipif(not os.access("/usr/lib/cni/sbr", os.X_OK), reason="sbr is not installed")
def test_before_sbr_which_moves_the_routes(node, chain):
    """To a table of their own, with a rule for packets from the pod's address."""
    chain.chain({"type": "sbr"}, families="dual")
    pod = node.pod()
    chain.good("add", pod.netns)
    assert "default" not in [r["dst"] for r in pod.routes()]
    assert "from 10.1.2.2 lookup 100" in pod.ip("rule")
    for source, target in (("10.1.2.2", INTERNET4), ("fd00:1:2::2", INTERNET6)):
        assert pod.ping(target, source=source)
    chain.good("check", pod.netns)
    pod.ip("route del default table 100")
    done = chain.call("check", pod.netns)
    assert done.returncode == 1 and "0.0.0.0/0" in done.stderr
    chain.good("del", pod.netns)
    assert node.host_veths() == [] and node.reservations() == {}


@pytest.mark.parametrize("later", [PORTMAP, BANDWIDTH, FIREWALL, {"type": "sbr"},
                                   {**TUNING, "mac": ""}], ids=lambda conf: conf["type"])
def test_routed_pods_before_each_of_them(node, chain, later):
    """A MAC address of tuning's the node doesn't hear of (bridge-cni.conf(5))."""
    if not os.access(f"/usr/lib/cni/{later['type']}", os.X_OK):
        pytest.skip(f"{later['type']} is not installed")
    netfilter_on_the_bridge(node, False)
    chain.chain({k: v for k, v in later.items() if v}, podLink="routed")
    pods = [node.pod(), node.pod()]
    chain.good("add", pods[1].netns)
    chain.good("add", pods[0].netns, **CAPABILITIES)
    for source, targets in (("10.1.2.3", (INTERNET4, "10.1.2.2")),
                            ("fd00:1:2::3", (INTERNET6, "fd00:1:2::2"))):
        for target in targets:
            assert pods[0].ping(target, source=source)
    chain.good("check", pods[0].netns, **FOR_CHECK)
    chain.good("del", pods[0].netns, **CAPABILITIES)
    assert len(node.host_veths()) == 1


def test_a_later_plugin_that_fails_leaves_a_DEL_to_do(node, chain):
    """libcni undoes nothing by itself: the runtime's DEL does, without a cached result."""
    chain.chain(*ALL[:3], {"type": "tuning", "sysctl": {"net.no.such.key": "1"}})
    pod = node.pod()
    done = chain.call("add", pod.netns, **CAPABILITIES)
    assert done.returncode == 1 and "no/such" in done.stderr + done.stderr.replace(".", "/")
    chain.good("del", pod.netns, **CAPABILITIES)
    assert node.host_veths() == [] and node.reservations() == {}
    assert [name for name in pod.links() if name != "lo"] == []


def test_a_pod_reaches_itself_by_its_host_port(node, chain):
    """portmap's hairpin, by way of the node; hairpinMode is the bridge's part of it."""
    chain.chain(PORTMAP, families="v4", hairpinMode=True)
    pod = node.pod()
    chain.good("add", pod.netns, **CAPABILITIES)
    assert served(pod, pod, NODE4, 8080)
    assert served(node, pod, NODE4, 8080)


def test_the_firewall_plugin_lets_through_what_a_policy_drops(node, chain):
    """Behind a FORWARD policy of drop (as Docker's), pods have a way out and are isolated
    from nothing else."""
    node.run("iptables", "-P", "FORWARD", "DROP")
    chain.chain(families="v4")
    pod = node.pod()
    chain.good("add", pod.netns)
    assert not pod.ping(INTERNET4, wait=0.3)
    chain.good("del", pod.netns)
    chain.chain(FIREWALL, families="v4")
    chain.good("add", pod.netns)
    assert pod.ping(INTERNET4)
    chain.good("check", pod.netns)
    chain.good("del", pod.netns)


def test_masquerading_and_the_chains_rules_stand_side_by_side(node, chain):
    """Neither takes the other's away, whoever comes last."""
    chain.chain(PORTMAP, FIREWALL)
    pods = [node.pod(), node.pod()]
    for pod in pods:
        chain.good("add", pod.netns, **(CAPABILITIES if pod is pods[0] else {}))
    node.nft("delete table inet bridge_cni")
    third = node.pod()
    chain.good("add", third.netns)
    for pod in pods:
        assert pod.ping(INTERNET4)
    assert served(node.outside, pods[0], NODE4, 8080)


@pytest.fixture
def with_loopback(node):
    """A plugin directory whose loopback is this program, before Debian's."""
    directory = node.directory / "plugins"
    directory.mkdir()
    for name in "bridge-cni", "loopback":
        (directory / name).symlink_to(os.path.realpath(plugin.BRIDGE_CNI))
    return {"CNI_PATH": f"{directory}:/usr/lib/cni"}


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0"])
def test_its_own_loopback_in_the_chain(node, runtime, with_loopback, version):
    """It passes the result of the plugin before it on."""
    conf, results = network("dual", cniVersion=version), []
    for later in [], [{"type": "loopback"}]:
        runtime.configure(conf, *later)
        pod = node.pod()
        pod.ip("link set lo down")
        results.append(runtime.good("add", pod.netns, **with_loopback))
        assert ("UP" in pod.links()["lo"]["flags"]) == bool(later)
        if version >= "0.4.0":
            runtime.good("check", pod.netns, **with_loopback)
    assert [list(result) for result in results] == [list(results[0])] * 2
    assert results[1]["interfaces"][2] == {**results[0]["interfaces"][2], "sandbox": pod.netns,
                                           "mac": pod.links()["eth0"]["address"]}
    assert addresses_of(results[1]) == ["10.1.2.3", "fd00:1:2::3"]
    pod.ip("link set lo down")
    if version >= "0.4.0":
        done = runtime.call("check", pod.netns, **with_loopback)
        assert done.returncode == 1 and "lo is down" in done.stderr
    for other in node.pods:
        runtime.good("del", other.netns, **with_loopback)
    assert node.host_veths() == [] and node.reservations() == {}


def test_its_own_loopback_alone(node, runtime, with_loopback):
    """As containerd calls it, for every pod, with a list of its own."""
    runtime.configure({"cniVersion": "0.3.1", "name": NETWORK, "type": "loopback"})
    pod = node.pod()
    pod.ip("link set lo down")
    result = runtime.good("add", pod.netns, **with_loopback, CNI_IFNAME="lo")
    assert addresses_of(result) == ["127.0.0.1", "::1"] and pod.ping("127.0.0.1")
    for _ in range(2):
        runtime.good("del", pod.netns, **with_loopback, CNI_IFNAME="lo")
    assert not pod.ping("127.0.0.1")


OWN = {"portMappings": True, "mac": True, "ips": True, "ipRanges": True}


def test_capabilities_of_its_own_reach_it(node, chain):
    """Host ports without portmap; addresses, ranges and a MAC that the runtime asks for."""
    chain.chain(capabilities=OWN, ipam={"ranges": [[{"subnet": "fd00:1:2::/64"}]]})
    pod, other = node.pod(), node.pod()
    asked = {"CAP_ARGS": json.dumps({
        **PORTS, "mac": "02:00:00:00:00:66", "ips": ["10.7.0.66"],
        "ipRanges": [[{"subnet": "10.7.0.0/24"}]]})}
    result = chain.good("add", pod.netns, **asked)
    assert addresses_of(result) == ["10.7.0.66", "fd00:1:2::2"]
    assert pod.links()["eth0"]["address"] == "02:00:00:00:00:66"
    settled(node)
    for client, target in ((node.outside, NODE4), (node.outside, NODE6), (node, "127.0.0.1"),
                           (pod, NODE4)):
        assert served(client, pod, target, 8080), target
    done = chain.call("add", other.netns, **{"CAP_ARGS": json.dumps(PORTS)})
    assert done.returncode == 1 and "8080" in done.stderr
    chain.good("del", other.netns, **{"CAP_ARGS": json.dumps(PORTS)})
    chain.good("check", pod.netns, **asked)
    chain.good("del", pod.netns, **asked)
    chain.good("del", pod.netns, **asked)
    assert elements(node) == {} and node.host_veths() == [] and node.reservations() == {}
