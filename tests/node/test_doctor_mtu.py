# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of the MTU of the ways by which pods' packets leave the node: uplinks, routes, and
the node agent's tunnels, whose devices and routes these tests make themselves."""
import pytest

from harness.doctor import findings, mended, one, ours, run, told_and_mended, write
from harness.node import UPLINK

pytestmark = pytest.mark.must_run

SECOND = """
    link add second mtu {mtu} type veth peer name away
    link set away up
    link set second up
    addr add 203.0.113.2/24 dev second
    """


@pytest.fixture
def attached(healthy):
    write(healthy, ours("v4"))
    healthy.add(healthy.pod(), ours("v4"))
    assert findings(healthy) == []
    return healthy


def test_the_narrowest_uplink_counts(attached):
    attached.ip_batch(SECOND.format(mtu=1400))
    attached.ip("route replace default nexthop via 192.0.2.1 dev uplink0 nexthop via 203.0.113.1 dev second")
    attached.ip("link set uplink0 mtu 1450")
    for name in ("all", UPLINK, "second"):
        attached.sysctl(f"ipv4.conf.{name}.rp_filter", 0)
    told_and_mended(attached, "mtu", "warning", "cni0 is 1500", f"{UPLINK} 1450", "second 1400")
    assert attached.links()["cni0"]["mtu"] == 1400


def test_an_uplink_that_is_not_used_now_does_not_count(attached):
    """Nor one of a family that the network has not: the plugin makes bridges as wide."""
    attached.ip_batch(SECOND.format(mtu=1400))
    attached.ip("route add default via 203.0.113.1 metric 500")
    attached.ip("route replace ::/0 dev second")
    assert findings(attached, "mtu") == []
    write(attached, ours("dual"))
    one(attached, "mtu", "warning", "second 1400")


def test_a_route_with_an_mtu_of_its_own(attached):
    attached.ip("route replace default via 192.0.2.1 mtu 1350")
    finding = one(attached, "mtu", "warning", f"{UPLINK} 1350 by its route")
    write(attached, ours("v4", mtu=1500))
    assert "set mtu to 1350" in one(attached, "mtu", "warning", "the key mtu is 1500")["advice"]
    write(attached, ours("v4"))
    mended(attached, finding)


def test_the_way_to_another_nodes_pods(attached):
    attached.ip_batch(SECOND.format(mtu=1380))
    attached.ip("route add 10.1.3.0/24 via 203.0.113.1 proto 97")
    assert findings(attached, "mtu") == []
    attached.ip("route add 10.1.4.0/24 via 203.0.113.1 proto 98")
    told_and_mended(attached, "mtu", "warning", "second 1380")


def tunnel(node, mtu, name="bcni-vxlan"):
    node.ip(f"link add {name} mtu {mtu} type vxlan id 77 dstport 8472 local 192.0.2.2")
    node.ip(f"link set {name} up")
    node.ip(f"route add 10.1.3.0/24 dev {name} proto 98")


ROUTES = [{"dst": "0.0.0.0/0", "mtu": 1450}]


@pytest.mark.parametrize("name, fits", [("bcni-vxlan", 1450), ("bcni-vxlan6", 1430)])
def test_a_tunnel_that_is_wider_than_what_it_lies_in(attached, name, fits):
    tunnel(attached, fits, name)
    write(attached, ours("v4", ipam={"routes": [{"dst": "0.0.0.0/0", "mtu": fits}]}))
    assert findings(attached, "mtu") == []
    attached.ip(f"link set {name} mtu {fits + 1}")
    told_and_mended(attached, "mtu", "warning", name, f"{fits + 1} bytes", "more than 1500")
    assert attached.links()[name]["mtu"] == fits


def test_a_tunnel_over_a_wider_interface(attached):
    attached.ip_batch(SECOND.format(mtu=9000))
    tunnel(attached, 8950)
    write(attached, ours("v4", ipam={"routes": ROUTES}))
    assert findings(attached, "mtu") == []


def test_pods_routes_that_are_wider_than_the_tunnel(attached):
    tunnel(attached, 1400)
    one(attached, "mtu", "warning", "packets of 1500 bytes", "bcni-vxlan 1400")
    write(attached, ours("v4", ipam={"routes": ROUTES}))
    finding = one(attached, "mtu", "warning", "packets of 1450 bytes", "bcni-vxlan 1400")
    assert "to 1400" in finding["advice"]
    for right in (ours("v4", ipam={"routes": [{"dst": "0.0.0.0/0", "mtu": 1400}]}), ours("v4", mtu=1400),
                  ours("v4", isDefaultGateway=False, isGateway=True, ipMasq=False)):
        write(attached, right)
        assert findings(attached, "mtu") == []


def test_a_narrow_way_to_some_other_network_is_told_and_no_fault(attached):
    attached.ip_batch(SECOND.format(mtu=1420))
    assert findings(attached, "mtu") == []
    [line] = [line for line in run(attached).stdout.splitlines() if " mtu: " in line]
    assert line.startswith("ok: mtu: network testnet: the MTU of cni0 is 1500") and "(second 1420)" in line
    attached.ip("route add 198.51.100.0/24 via 192.0.2.1 mtu 1300")
    assert f"{UPLINK} 1300 by its route" in run(attached).stdout
    attached.ip("link set second mtu 1500")
    attached.ip("route del 198.51.100.0/24")
    assert "fit the ways out of the node" in run(attached).stdout
