# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni validate` says which routes of ipam.routes ADD can't make, and ADD agrees."""
import json

import pytest

from harness import plugin
from harness.node import network
from harness.service import netfilter_on_the_bridge

pytestmark = pytest.mark.must_run

FAR4, FAR6 = "192.168.0.0/16", "fd00:9::/32"
ON_LINK = {"dst": "192.0.2.1/32", "gw": "0.0.0.0", "scope": 253}
BY_IT = {"dst": FAR4, "gw": "192.0.2.1"}


def validated(node, conf):
    """(exit status, the lines about routes)"""
    path = node.directory / "x.conf"
    path.write_text(json.dumps({**conf, "cniVersion": "1.0.0", "capabilities": {
        "portMappings": True, **conf.get("capabilities", {})}}))
    done = node.run(plugin.BRIDGE_CNI, "validate", path, check=False)
    return done.returncode, [line for line in done.stdout.splitlines() if "ipam.routes" in line]


@pytest.mark.parametrize("routes, gateway", [
    ([BY_IT], "192.0.2.1"), ([{"dst": FAR6, "gw": "fd01::1"}], "fd01::1"),
    ([{**BY_IT, "table": 100}], "192.0.2.1"), ([{**BY_IT, "scope": 253}], "192.0.2.1"),
    ([{"dst": FAR4}, {"dst": "0.0.0.0/0", "gw": "10.2.0.1"}], "10.2.0.1"),
    # A route by a gateway leads to no other one, nor does a later route.
    ([{"dst": "192.0.2.1/32"}, BY_IT], "192.0.2.1"),
    ([{**ON_LINK, "scope": 0}, BY_IT], "192.0.2.1"), ([BY_IT, ON_LINK], "192.0.2.1"),
    ([{"dst": FAR6, "gw": "::"}], "::")])
def test_a_gateway_outside_the_subnets_is_told_and_the_kernel_refuses_it(node, routes, gateway):
    conf = network("dual", ipam={"routes": routes})
    status, [line] = validated(node, conf)
    assert status == 2 and ".gw: " in line and f" {gateway} is in no subnet" in line
    with plugin.refusal(plugin.KERNEL) as caught:
        node.add(node.pod(), conf)
    assert f" by {gateway} " in caught.value.msg
    assert line.endswith(f"(ADD fails with code {plugin.KERNEL})")


@pytest.mark.parametrize("routes", [
    [{"dst": FAR4, "gw": "10.1.2.77"}, {"dst": FAR6, "gw": "fd00:1:2::77"}],
    [{"dst": FAR4}, {"dst": FAR6}], [ON_LINK, BY_IT], [{"dst": FAR6, "gw": "fe80::77"}]])
def test_nothing_is_said_of_a_gateway_that_the_kernel_finds(node, routes):
    conf = network("dual", ipam={"routes": routes})
    assert validated(node, conf) == (0, [])
    node.add(node.pod(), conf)


def test_of_ranges_that_only_the_runtime_knows_nothing_is_said(node):
    conf = network(capabilities={"ipRanges": True},
                   ipam={"routes": [{"dst": FAR4, "gw": "10.9.0.77"}]})
    assert validated(node, conf) == (0, [])
    conf["runtimeConfig"] = {"ipRanges": [[{"subnet": "10.9.0.0/24"}]]}
    node.add(node.pod(), conf)


def test_of_another_IPAMs_routes_nothing_is_said(node):
    assert validated(node, network(ipam={"type": "dhcp", "routes": [BY_IT]})) == (0, [])


def test_a_routed_pod_has_a_route_to_each_gateway_first(node):
    netfilter_on_the_bridge(node, False)
    conf = network("dual", podLink="routed",
                   ipam={"routes": [BY_IT, {"dst": FAR6, "gw": "fd01::1"}]})
    assert validated(node, conf) == (0, [])
    node.add(node.pod(), conf)


@pytest.mark.parametrize("changes", [{}, {"gw": "fd01::1"}])
def test_a_route_that_ADD_leaves_out_is_told(node, changes):
    conf, pod = network("v4", ipam={"routes": [{"dst": FAR6, **changes}]}), node.pod()
    status, [line] = validated(node, conf)
    assert status == 1 and "leaves out" in line and FAR6 in line and "IPv6" in line
    done = node.invoke("ADD", conf, pod)
    assert "is left out" in done.stderr
    assert [route["dst"] for route in json.loads(done.stdout)["routes"]] == ["0.0.0.0/0"]


def test_a_route_by_a_link_local_gateway_needs_no_range(node):
    conf = network("v4", ipam={"routes": [{"dst": FAR6, "gw": "fe80::77"}]})
    assert validated(node, conf) == (0, [])
    assert FAR6 in [route["dst"] for route in node.add(node.pod(), conf)["routes"]]
