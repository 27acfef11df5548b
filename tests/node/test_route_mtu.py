# SPDX-License-Identifier: GPL-2.0-or-later
"""A default route with an MTU of its own, as the agent asks for it where nodes have tunnels:
what leaves the node is smaller than what the interface takes."""
import errno
import json

import pytest

from harness import plugin
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, addresses_of,
                          network)
from harness.transfer import datagram
from test_switch import REFERENCE, Reference, serves

MTU = 1450
DEFAULTS = [{"dst": "0.0.0.0/0", "mtu": MTU, "advmss": MTU - 40},
            {"dst": "::/0", "mtu": MTU, "advmss": MTU - 60}]
METRICS = {4: {"mtu": MTU, "advmss": MTU - 40}, 6: {"mtu": MTU, "advmss": MTU - 60}}
LINKS = ["bridged", "routed"]
FULL = {4: 1472, 6: 1452}  # bytes of a datagram that fills a frame of 1500


@pytest.fixture(autouse=True)
def off_the_bridge(node):
    """netfilter does not see what crosses the bridge, as routed pods need it."""
    for key in ("bridge-nf-call-iptables", "bridge-nf-call-ip6tables"):
        node.run("sh", "-c", f"echo 0 >/proc/sys/net/bridge/{key}", check=False)


def with_mtu(link="bridged", **changes):
    return network("dual", podLink=link if link == "routed" else None,
                   ipam={"routes": [dict(route) for route in DEFAULTS]}, **changes)


def metrics(pod, family, destination="default"):
    route, = [r for r in pod.routes(family) if r["dst"] == destination]
    return (route.get("metrics") or [{}])[0]


@pytest.mark.parametrize("version", [v for v in plugin.VERSIONS if v >= "0.3.1"])
@pytest.mark.parametrize("link", LINKS)
def test_it_is_the_routes_and_not_the_interfaces(node, link, version):
    """Also where a result of that version can't tell it."""
    pod, conf = node.pod(), with_mtu(link, cniVersion=version)
    result = node.add(pod, conf)
    for family, gateway in ((4, GATEWAY4), (6, GATEWAY6)):
        assert metrics(pod, family) == METRICS[family]
        assert [r["gateway"] for r in pod.routes(family) if r["dst"] == "default"] == [gateway]
    assert pod.links()["eth0"]["mtu"] == node.links()["cni0"]["mtu"] == 1500
    told = [r for r in result["routes"] if r["dst"].endswith("/0")]
    assert told == [{**route, "gw": gw} if version >= "1.1.0" else
                    {"dst": route["dst"], "gw": gw}
                    for route, gw in zip(DEFAULTS, (GATEWAY4, GATEWAY6))]
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    if version >= "0.4.0":
        node.check(pod, conf, result)
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod)


@pytest.mark.skipif(plugin.NEWEST < "1.1.0", reason="results don't tell")
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("link", LINKS)
def test_CHECK_names_one_that_changed(node, link, family):
    pod, conf = node.pod(), with_mtu(link)
    result = node.add(pod, conf)
    gateway = {4: GATEWAY4, 6: GATEWAY6}[family]
    pod.ip(f"-{family} route replace default via {gateway} dev eth0 mtu 1400 "
           f"advmss {METRICS[family]['advmss']}")
    with plugin.refusal(plugin.CHECK, DEFAULTS[family == 6]["dst"], "mtu 1400"):
        node.check(pod, conf, result)


@pytest.mark.parametrize("link", LINKS)
def test_old_and_new_pods_of_a_node_exchange_full_frames(node, link):
    plain = with_mtu(link)
    del plain["ipam"]["routes"]
    old, new = node.pod(), node.pod()
    given = [addresses_of(node.add(old, plain)), addresses_of(node.add(new, with_mtu(link)))]
    for i, family in enumerate((4, 6)):
        assert datagram(old, new, given[1][i], FULL[family]) is True
        assert datagram(new, old, given[0][i], FULL[family]) is True
        # Beyond the node the new one's are smaller, and the old one's are not.
        away = (INTERNET4, INTERNET6)[i]
        assert datagram(old, node.outside, away, FULL[family]) is True
        assert datagram(new, node.outside, away, FULL[family]) == errno.EMSGSIZE
        assert datagram(new, node.outside, away, FULL[family] - (1500 - MTU)) is True


def test_routed_pods_get_a_route_to_their_subnet_with_the_interfaces(node):
    pod = node.pod()
    conf = with_mtu("routed")
    result = node.add(pod, conf)
    assert metrics(pod, 4, "10.1.2.0/24") == metrics(pod, 6, "fd00:1:2::/64") == {}
    assert {"dst": "10.1.2.0/24", "gw": GATEWAY4} in result["routes"]
    node.check(pod, conf, result)


@pytest.mark.parametrize("link", LINKS)
def test_one_above_the_interfaces_is_left_out_and_said_so(node, link):
    """The kernel would believe it, and what is larger than the interface's be lost."""
    node.add(node.pod(), network("dual", podLink=link if link == "routed" else None))
    pod, conf = node.pod(), with_mtu(link)
    for route, header in zip(conf["ipam"]["routes"], (40, 60)):
        route.update(mtu=8950, advmss=8950 - header)
    done = node.invoke("ADD", conf, pod)
    assert done.returncode == 0
    for destination in ("0.0.0.0/0", "::/0"):
        line, = [line for line in done.stderr.splitlines() if destination in line]
        assert "1500" in line and "8950" in line
    assert metrics(pod, 4) == metrics(pod, 6) == {}
    assert datagram(pod, node.outside, INTERNET4, FULL[4]) is True
    assert datagram(pod, node.outside, INTERNET4, FULL[4] + 1) == errno.EMSGSIZE
    node.check(pod, conf, json.loads(done.stdout))


@pytest.mark.must_run
@pytest.mark.skipif(not REFERENCE.exists(), reason=f"no {REFERENCE}")
def test_the_reference_and_back_with_running_pods(node):
    """Debian's reference passes over the key, so that its pods are as those without it. It wants
    the gateway in a default route, or makes that twice."""
    reference, conf = Reference(node), with_mtu(cniVersion="1.0.0")
    for route, gateway in zip(conf["ipam"]["routes"], (GATEWAY4, GATEWAY6)):
        route["gw"] = gateway
    node.sysctl("ipv6.conf.default.accept_dad", 0)
    theirs, ours, back = node.pod(), node.pod(), node.pod()
    first = reference.add(theirs, conf)
    second = node.add(ours, conf)
    node.check(theirs, conf, first)
    third = reference.add(back, conf)
    reference.check(ours, conf, second)
    for pod in (theirs, ours, back):
        serves(node, pod, "dual")
    assert metrics(ours, 4) == METRICS[4]
    for sender in (theirs, ours, back):
        for receiver, result in ((theirs, first), (ours, second), (back, third)):
            if sender is not receiver:
                for address in addresses_of(result):
                    size = FULL[6 if ":" in address else 4]
                    assert datagram(sender, receiver, address, size) is True
    node.delete(theirs, conf)
    reference.delete_ours(ours, conf, second)
    node.delete(back, conf)
