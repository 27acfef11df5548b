# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of the node's routes and rules that decide about pods."""
import os

import pytest

from harness import snapshot
from harness.command import repair
from harness.doctor import findings, one, ours, told_and_mended, write
from harness.node import addresses_of

pytestmark = pytest.mark.must_run


@pytest.fixture
def pods(healthy):
    added = [healthy.add(healthy.pod(), ours("dual")) for _ in range(2)]
    assert findings(healthy) == []
    return [addresses_of(result) for result in added]


@pytest.mark.parametrize("subnet", ["10.1.2.0/24", "fd00:1:2::/64"])
def test_a_route_to_the_pods_that_is_gone(healthy, pods, subnet):
    before = healthy.state()
    healthy.ip(f"route del {subnet} dev cni0")
    finding = told_and_mended(healthy, "pod-routes", "problem", "1 more", "not by cni0")
    assert finding["command"].split()[1] == "repair"
    snapshot.assert_same(before, healthy.state())
    assert repair(healthy, ours("dual")) == ["nothing to mend"]


def test_a_route_to_routed_pods_that_is_gone(healthy):
    write(healthy, ours("dual", podLink="routed"))
    if healthy.call(os.path.exists, "/proc/sys/net/bridge"):
        for key in ("iptables", "ip6tables"):
            healthy.sysctl(f"bridge.bridge-nf-call-{key}", 0)
    healthy.add(healthy.pod(), ours("dual", podLink="routed"))
    assert findings(healthy) == []
    healthy.ip("route del 10.1.2.0/24 dev cni0")
    told_and_mended(healthy, "pod-routes", "problem", "10.1.2.")


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
@pytest.mark.parametrize("wide", ["10.1.2.0/25", "fd00:1:2::/65"])
def test_a_route_that_drops_what_is_for_pods(healthy, pods, kind, wide):
    healthy.ip(f"route add {kind} {wide}")
    finding = one(healthy, "pod-routes", "problem", "not by cni0")
    assert f"ip route del {kind} {wide}" in finding["advice"]
    # It is somebody's, which a repair leaves alone.
    assert repair(healthy, ours("dual")) == ["nothing to mend"]
    healthy.ip(f"route del {kind} {wide}")
    assert findings(healthy) == []


def test_a_route_to_one_pod(healthy, pods):
    address = pods[0][0]
    healthy.ip(f"route add {address}/32 via 192.0.2.1")
    finding = one(healthy, "pod-routes", "problem", address)
    assert f"ip route del {address}/32" in finding["advice"] and "more" not in finding["message"]


@pytest.mark.parametrize("to, default", [
    ("to 10.1.2.0/24", "default via 192.0.2.1"),
    ("to fd00:1:2::/64", "default via 2001:db8:aaaa::1")])
def test_a_rule_that_leads_away_from_pods(healthy, pods, to, default):
    family = "-6" if "::" in to else "-4"
    healthy.ip(f"{family} route add {default} table 100")
    healthy.ip(f"{family} rule add {to} lookup 100 priority 5")
    finding = one(healthy, "pod-routes", "problem", "not by cni0")
    assert "ip rule" in finding["advice"]
    healthy.ip(f"{family} rule del {to} lookup 100 priority 5")
    assert findings(healthy) == []


@pytest.mark.parametrize("subnet", ["10.1.2.0/24", "fd00:1:2::/64"])
@pytest.mark.parametrize("action", ["prohibit", "blackhole", "unreachable", "lookup 100"])
def test_a_rule_by_which_pods_send_nothing_to_the_world(healthy, pods, action, subnet):
    family = "-6" if "::" in subnet else "-4"
    healthy.ip(f"{family} route add blackhole default table 100")
    healthy.ip(f"{family} rule add from {subnet} {action} priority 10")
    finding = one(healthy, "pod-routes", "problem", "to the world")
    assert "ip rule" in finding["advice"]
    healthy.ip(f"{family} rule del from {subnet} {action} priority 10")
    assert findings(healthy) == []
