# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods behind the gateway of a VLAN while frames on the bridge pass netfilter (br_netfilter), as on
the nodes of most clusters."""
import pytest

from harness import plugin
from harness.command import repair
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NODE4, NODE6, addresses_of,
                          network)
from harness.plugin import CHECK, RULES
from harness.portmap import ask, ports, served
from harness.service import netfilter_on_the_bridge, service
from harness.shown import only, show
from harness.vlan import address_of, subnet

CHAIN = ["list", "chain", "bridge", "bridge_cni", "untracked"]


@pytest.fixture
def filtered(vlans):
    netfilter_on_the_bridge(vlans, True)
    return vlans


def untracked(node):
    """Rules that keep frames between pods and gateway from connection tracking."""
    return node.run("nft", *CHAIN, check=False).stdout.count("notrack")


@pytest.mark.parametrize("spoof", [False, True])
def test_pods_reach_the_world(filtered, spoof):
    conf = network("dual", vlan=100, spoofCheck=spoof, portIsolation=spoof, isolate=spoof or None)
    pod = filtered.pod()
    result = filtered.add(pod, conf)
    for address in (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6):
        assert pod.ping(address)
    for source, internet in ((NODE4, INTERNET4), (NODE6, INTERNET6)):
        with served(filtered.outside, 80):
            assert ask(pod, internet, 80) == ("pod", source)
    filtered.check(pod, conf, result)


@pytest.mark.parametrize("masq", [True, False])
def test_a_Service_leads_to_a_pod_of_the_clients_own_subnet(filtered, masq):
    conf = network("dual", vlan=100, ipMasq=masq)
    client, pod = filtered.pod(), filtered.pod()
    clients = addresses_of(filtered.add(client, conf))
    with served(pod, 80):
        for own, address, gateway in zip(clients, addresses_of(filtered.add(pod, conf)),
                                         (GATEWAY4, GATEWAY6)):
            # Without ipMasq the answer is translated back on the bridge.
            assert ask(client, service(filtered, address), 80) == ("pod", gateway if masq else own)


def test_a_Service_leads_to_other_VLANs_and_to_the_world(filtered):
    one, other = filtered.pod(), filtered.pod()
    filtered.add(one, network(name="one", vlan=100))
    address = address_of(filtered.add(other, network(name="other", vlan=200, ipam=subnet(9))))
    with served(other, 80), served(filtered.outside, 80):
        assert ask(one, address, 80)
        for target in (address, INTERNET4):
            assert ask(one, service(filtered, target), 80)[0] == "pod"


def test_a_host_port_is_reached_from_everywhere(filtered):
    conf, pod, neighbour = ports((8080, 80), vlan=100), filtered.pod(), filtered.pod()
    filtered.add(neighbour, network("dual", vlan=100))
    filtered.add(pod, conf)
    with served(pod, 80):
        for who in (filtered.outside, neighbour, pod, filtered):
            for address in (NODE4, NODE6):
                assert ask(who, address, 8080)[0] == "pod"
        assert ask(filtered, "127.0.0.1", 8080)[0] == "pod"


def test_isolated_pods_stay_apart(filtered):
    conf = network("v4", vlan=100, portIsolation=True)
    first, second = filtered.pod(), filtered.pod()
    filtered.add(first, conf)
    address, = addresses_of(filtered.add(second, conf))
    assert first.ping(INTERNET4) and not first.ping(address, wait=0.5)
    first.ip(f"route add {address}/32 via {GATEWAY4}")
    assert not first.ping(address, wait=0.5)
    assert filtered.ping(address)


def test_frames_between_pods_are_tracked_and_those_of_the_gateway_are_not(filtered):
    conf = network("v4", vlan=100)
    first, second = filtered.pod(), filtered.pod()
    filtered.add(first, conf)
    address, = addresses_of(filtered.add(second, conf))
    filtered.nft("""
        table inet seen {
            chain forward {
                type filter hook forward priority 0
                iifname cni0 ip protocol icmp ct state untracked counter
                iifname cni0 ip protocol icmp ct state new,established counter
            }
        }""")

    def counted():
        out = filtered.run("nft", "list", "chain", "inet", "seen", "forward").stdout
        return [int(part.split()[0]) > 0 for part in out.split("counter packets ")[1:]]

    assert first.ping(address) and counted() == [False, True]
    assert first.ping(INTERNET4) and counted() == [True, True]


def test_flushed_rules_are_named_and_come_back(filtered):
    conf, pod = network("v4", vlan=100, ipMasq=False), filtered.pod()
    result = filtered.add(pod, conf)
    assert untracked(filtered) == 2 and pod.ping(GATEWAY4)

    def shown():
        return [(rules["stage"], rules["family"], rules["present"], rules["expected"])
                for rules in only(show(filtered, conf))["rules"] if rules["stage"] == "vlan"]

    assert shown() == [("vlan", "bridge", 2, 2)]
    filtered.nft("flush ruleset")
    assert shown() == [("vlan", "bridge", 0, 2)]
    with plugin.refusal(CHECK, "vlan", "notrack", "repair"):
        filtered.check(pod, conf, result)
    netfilter_on_the_bridge(filtered, False)
    filtered.check(pod, conf, result)  # nothing depends on them
    assert any("bridge_cni" in line for line in repair(filtered, conf))
    assert untracked(filtered) == 2
    filtered.nft("flush ruleset")
    filtered.add(filtered.pod(), conf)
    assert untracked(filtered) == 2
    netfilter_on_the_bridge(filtered, True)
    filtered.check(pod, conf, result)


def test_rules_that_cannot_be_had_fail_an_ADD_only_where_frames_pass_netfilter(filtered):
    filtered.nft("""
        table bridge bridge_cni {
            chain untracked {
                type filter hook forward priority 7
            }
        }""")
    conf, pod = network("v4", vlan=100, ipMasq=False), filtered.pod()
    filtered.refused(pod, conf, RULES, "table bridge bridge_cni")
    netfilter_on_the_bridge(filtered, False)
    result = filtered.add(pod, conf)
    assert pod.ping(GATEWAY4)
    filtered.check(pod, conf, result)


def test_a_gateway_of_the_references_or_made_by_hand_serves(filtered):
    filtered.add(filtered.pod(), network(name="first", vlan=200, ipam=subnet(9)))
    filtered.ip_batch("""
        link add vethref type veth peer name cni0.100
        link set vethref master cni0 up
        """)
    pod = filtered.pod()
    filtered.add(pod, network(vlan=100))
    assert "vethref" in filtered.run("nft", *CHAIN).stdout and pod.ping(INTERNET4)


def test_a_gateway_that_is_a_VLAN_device_is_tracked_as_ever(filtered):
    filtered.add(filtered.pod(), network(name="first", vlan=200, ipam=subnet(9)))
    filtered.ip("link add link cni0 name cni0.100 type vlan id 100")
    filtered.run("bridge", "vlan", "add", "dev", "cni0", "vid", "100", "self")
    conf, pod = network(vlan=100), filtered.pod()
    result = filtered.add(pod, conf)
    assert untracked(filtered) == 2  # the other network's
    assert pod.ping(INTERNET4)
    filtered.check(pod, conf, result)


def test_networks_without_a_gateway_in_a_VLAN_have_no_such_rules(filtered):
    filtered.add(filtered.pod(), network())
    filtered.add(filtered.pod(), network(name="layer2", vlan=100, isDefaultGateway=None, ipMasq=None,
                                         ipam=subnet(9)))
    assert untracked(filtered) == 0
