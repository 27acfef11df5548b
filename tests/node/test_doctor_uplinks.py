# SPDX-License-Identifier: GPL-2.0-or-later
"""By which interfaces packets of pods leave the node, as `bridge-cni doctor` and CHECK see it."""
import pytest

from harness.doctor import findings, one, ours, told_and_mended, write
from harness.node import UPLINK

pytestmark = pytest.mark.must_run

FORWARD = "table inet other { chain c { type filter hook forward priority 0; %s; }; }"


@pytest.mark.parametrize("family, blackhole", [
    ("v4", "203.0.113.0/24"), ("v6", "2001:db8::/48"), ("v6", "2001:db8:0:1::/64")])
def test_addresses_that_nobody_may_have_lead_nowhere(healthy, family, blackhole):
    """The default route leads out nevertheless."""
    write(healthy, ours(family, ipMasq=True))
    healthy.ip(f"{'-6 ' * (family == 'v6')}route add blackhole {blackhole}")
    assert findings(healthy, "routes") == []
    healthy.nft(FORWARD % f"oifname {UPLINK} drop")
    one(healthy, "firewall", "problem", "what pods send")


OTHER = "uplink1"


@pytest.fixture
def routed_by_rule(healthy):
    """Pods' packets leave by another uplink than the node's own."""
    pod = healthy.pod()
    conf = ours("v4", ipam={"ranges": [[{"subnet": "10.1.2.0/25"}, {"subnet": "10.1.2.128/25"}]]})
    write(healthy, conf)
    healthy.add(pod, conf)
    healthy.ip_batch(f"""
        link add {OTHER} type veth peer name {OTHER}peer
        link set {OTHER}peer up
        addr add 192.0.9.2/24 dev {OTHER}
        link set {OTHER} up
        rule add from 10.1.2.0/24 lookup 100
        route add default via 192.0.9.1 dev {OTHER} table 100""")
    healthy.sysctl(f"ipv4.conf.{OTHER}.forwarding", 1)
    return healthy


def test_a_drop_on_the_way_that_a_rule_gives_pods(routed_by_rule):
    node = routed_by_rule
    node.nft(FORWARD % f"oifname {UPLINK} drop")
    assert findings(node, "firewall") == []
    node.nft(f"add rule inet other c oifname {OTHER} drop")
    one(node, "firewall", "problem", "what pods send")


def test_forwarding_on_the_way_that_a_rule_gives_pods(routed_by_rule):
    node = routed_by_rule
    assert findings(node, "forwarding") == []
    node.sysctl(f"ipv4.conf.{OTHER}.forwarding", 0)
    told_and_mended(node, "forwarding", "problem", OTHER)


@pytest.mark.parametrize("action", ["prohibit", "blackhole", "unreachable"])
@pytest.mark.parametrize("family, subnet", [("v4", "10.1.2.0/24"), ("v6", "fd00:1:2::/64")])
def test_a_rule_that_refuses_what_pods_send(healthy, family, subnet, action):
    pod, conf = healthy.pod(), ours(family)
    write(healthy, conf)
    healthy.add(pod, conf)
    rule = f"from {subnet} {action}"
    healthy.ip(f"{'-6 ' * (family == 'v6')}rule add {rule}")
    one(healthy, "pod-routes", "problem", "sends to the world")
    assert findings(healthy, "forwarding") == []
    healthy.ip(f"{'-6 ' * (family == 'v6')}rule del {rule}")
    assert findings(healthy, "pod-routes") == []
