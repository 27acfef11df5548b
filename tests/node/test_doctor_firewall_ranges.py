# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` asks other programs' chains for pods of each range, whoever gives the addresses."""
import pytest

from harness.delegates import Delegate
from harness.doctor import RIGHT, findings, one, ours, write

pytestmark = pytest.mark.must_run

FORWARD = "table inet other { chain c { type filter hook forward priority 0; %s; }; }"
TWO = {"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "10.1.3.0/24"}]]}


@pytest.mark.parametrize("subnet", ["10.1.2.0/24", "10.1.3.0/24"])
def test_each_subnet_of_a_family(healthy, subnet):
    write(healthy, ours("v4", ipam=TWO))
    assert findings(healthy, "firewall") == []
    healthy.nft(FORWARD % f"ip saddr {subnet} drop")
    one(healthy, "firewall", "problem", "what pods send")


def test_a_chain_is_told_once_for_all_subnets(healthy):
    write(healthy, ours("v4", ipam=TWO))
    healthy.nft(FORWARD % "policy drop")
    one(healthy, "firewall", "problem", "what pods send")


def test_addresses_of_another_ipam_plugin(healthy):
    """The pods say which ones there are."""
    fake = Delegate(healthy)
    conf = fake.conf(**RIGHT)
    write(healthy, conf)
    healthy.nft(FORWARD % "ip saddr 10.77.0.0/24 drop")
    assert findings(healthy, "firewall") == []
    pod = healthy.pod()
    result = fake.add(pod, conf)
    one(healthy, "firewall", "problem", "what pods send")
    fake.delete(pod, conf, result)
    assert findings(healthy, "firewall") == []
