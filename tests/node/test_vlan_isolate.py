# SPDX-License-Identifier: GPL-2.0-or-later
"""isolate and vlan: a VLAN of a bridge is a network of its own, by its gateway's interface."""
import pytest

from harness.isolate import elements, kept, member, own_sets, reaches

NODE = ("192.0.2.2", "2001:db8:aaaa::2")


@pytest.mark.parametrize("mode", [True, "strict"])
def test_VLANs_of_a_bridge_are_kept_from_each_other(vlans, mode):
    first = member(vlans, 1, mode, bridge="cni0", vlan=100)
    other = member(vlans, 2, mode, bridge="cni0", vlan=200)
    neighbour = member(vlans, 1, mode, has_port=False, bridge="cni0", vlan=100)
    assert elements(vlans)["networks_isolated"] == ["cni0.100", "cni0.200"]
    assert reaches(first, neighbour) and reaches(neighbour, first)
    assert kept(first, other) and kept(other, first)
    by_port = reaches if mode is True else kept
    assert by_port(first, other, NODE)


def test_a_VLAN_without_the_key_is_kept_from_a_strict_one(vlans):
    """Also one whose gateway is made later."""
    former = member(vlans, 2, bridge="cni0", vlan=200)
    strict = member(vlans, 1, "strict", bridge="cni0", vlan=100)
    later = member(vlans, 3, bridge="cni0", vlan=300)
    for other in (former, later):
        assert kept(strict, other) and kept(other, strict)
    assert reaches(former, later)


def test_the_VLAN_that_pods_were_in_stays_isolated(vlans):
    now = {"has_port": False, "bridge": "cni0", "vlan": 200,
           "ipam": {"ranges": [[{"subnet": "10.20.7.0/24"}]]}}
    member(vlans, 1, True, bridge="cni0", vlan=100)
    member(vlans, 1, True, **now)
    assert elements(vlans)["networks_isolated"] == ["cni0.100", "cni0.200"]
    vlans.ip("link del cni0.100")
    member(vlans, 1, "strict", **now)
    assert elements(vlans)["networks_isolated"] == ["cni0.200"]
    assert own_sets(vlans) == ["strict"]
