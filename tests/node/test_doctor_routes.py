# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of default routes: pods' and the node's own."""
import pytest

from harness.doctor import findings, one, ours, run, write
from harness.node import UPLINK

pytestmark = pytest.mark.must_run

GATEWAY_ALONE = {"isDefaultGateway": False, "isGateway": True}


def test_pods_that_get_no_way_out(healthy):
    write(healthy, ours("dual", **GATEWAY_ALONE))
    finding = one(healthy, "routes", "warning", "no route out of their subnet", "ipMasq")
    assert "isDefaultGateway" in finding["advice"]
    for right in (ours("dual"), ours("dual", **GATEWAY_ALONE, ipMasq=False),
                  ours("dual", **GATEWAY_ALONE, ipam={"routes": [{"dst": "10.0.0.0/8"}]})):
        write(healthy, right)
        assert findings(healthy, "routes") == []


def test_a_node_that_has_no_way_out(healthy):
    """The other family may have one."""
    healthy.ip("route del default")
    assert findings(healthy, "routes") == []
    write(healthy, ours("v4"))
    one(healthy, "routes", "warning", "no default route")
    write(healthy, ours("v4", ipMasq=False))
    assert findings(healthy, "routes") == []
    write(healthy, ours("v4"))
    healthy.ip("route add default via 192.0.2.1")
    assert findings(healthy, "routes") == []


def test_a_node_without_any_way_out(healthy):
    healthy.ip("route del default")
    healthy.ip("-6 route del default")
    one(healthy, "routes", "warning", "no default route")
    healthy.ip("-6 route add default via 2001:db8:aaaa::1")
    assert findings(healthy, "routes") == []


@pytest.mark.parametrize("options, name", [("", "IPv4"), ("-6", "IPv6")])
def test_a_family_that_has_no_way_out_is_named(healthy, options, name):
    """This is fine, as a node may be without IPv6, but it is not what is said of both."""
    healthy.ip(f"{options} route del default")
    assert findings(healthy, "routes") == []
    [line] = [line for line in run(healthy).stdout.splitlines() if ": routes: " in line]
    assert line.startswith("ok: ") and f"no default route of {name}" in line
    write(healthy, ours("v4" if options else "v6"))
    [line] = [line for line in run(healthy).stdout.splitlines() if ": routes: " in line]
    assert "no default route" not in line


def test_an_uplink_without_a_carrier(healthy):
    assert findings(healthy, "uplinks") == []
    healthy.outside.ip("link set eth0 down")
    finding = one(healthy, "uplinks", "problem", UPLINK, "no carrier")
    assert "cable" in finding["advice"]
    healthy.outside.ip("link set eth0 up")
    assert findings(healthy, "uplinks") == []
