# SPDX-License-Identifier: GPL-2.0-or-later
"""By which interfaces packets of pods leave the node, as `bridge-cni doctor` and CHECK see it."""
import pytest

from harness.doctor import findings, one, ours, write
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
