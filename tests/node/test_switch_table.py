# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual's table of switches, cell by cell: what it says a switch can do is done, and what it
says one can't is refused by name. tests/documents holds it against the table of the sources."""
import pathlib
import re

import pytest

from harness import plugin
from harness.isolate import conf_of as isolated_conf
from harness.node import (INTERNET4, NODE4, UPLINK, addresses_of, network)
from harness.ovs import needs_ovs, ovs_network
from harness.portmap import ask, served
from harness.service import netfilter_on_the_bridge, service
from test_macvlan import macvlan

pytestmark = needs_ovs

PAGE = pathlib.Path(__file__).resolve().parents[2] / "deploy/man/bridge-cni.conf.5"
MAC = "02:00:00:00:00:99"
PORTS = {"capabilities": {"portMappings": True}, "runtimeConfig": {"portMappings": [
    {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}
RATES = {"runtimeConfig": {"bandwidth": {"ingressRate": 8000000, "ingressBurst": 80000}}}
# Each row that a key asks for: the keys, each with the value that asks for it.
ASKED = {
    "bridge": {"bridge": {"bridge": "cni0"}},
    "isGateway, isDefaultGateway, ipMasq": {"isGateway": {"isGateway": True},
                                            "isDefaultGateway": {"isDefaultGateway": True},
                                            "ipMasq": {"ipMasq": True}},
    "forceAddress": {"forceAddress": {"forceAddress": True}},
    "host ports": {"portMappings": PORTS},
    "rates": {"ingressRate, egressRate": RATES},
    "isolate": {"isolate": {"isolate": True}},
    "portIsolation": {"portIsolation": {"portIsolation": True}},
    "podLink": {"podLink": {"podLink": "routed"}},
    "spoofCheck": {"spoofCheck": {"spoofCheck": True}},
    "macspoofchk": {"macspoofchk": {"macspoofchk": True}},
    "vlan": {"vlan": {"vlan": 7}},
    "vlanTrunk, preserveDefaultVlan": {"vlanTrunk": {"vlanTrunk": [{"id": 7}]},
                                       "preserveDefaultVlan": {"preserveDefaultVlan": True}},
    "hairpinMode, promiscMode": {"hairpinMode": {"hairpinMode": True},
                                 "promiscMode": {"promiscMode": True}},
    "fastPath": {"fastPath": {"fastPath": True}},
    "quietBridge": {"quietBridge": {"quietBridge": True}},
    "disableContainerInterface": {"disableContainerInterface": {
        "disableContainerInterface": True, "ipam": None}},
    "a requested MAC address": {"mac": {"runtimeConfig": {"mac": MAC}}},
}


def table():
    """{row: {switch: cell}}"""
    text = PAGE.read_text()
    text = text[text.index(".Sh SWITCHES"):]
    rows = [re.sub(r"\b(Va|Cm) ", "", line.removeprefix(".It")).split(" Ta ")
            for line in text[:text.index(".El")].splitlines() if " Ta " in line]
    return {row[0].strip().replace(" ,", ","): dict(zip(rows[0][1:], row[1:])) for row in rows[1:]}


TABLE = table()
CELLS = {(row, switch): cell for row, cells in TABLE.items() for switch, cell in cells.items()}
REACHED = {"the node is reached", "Services, node's rules"}
REFUSED = [(row, switch, key) for (row, switch), cell in CELLS.items()
           if row in ASKED and cell == "no" for key in ASKED[row]]
SERVED = [(row, switch) for (row, switch), cell in CELLS.items()
          if cell != "no" and switch in ("ovs", "macvlan")]


def conf_of(switch, **changes):
    plain = {"isDefaultGateway": None, "ipMasq": None}
    if switch == "bridge":
        return network(**{**plain, **changes})
    if switch == "ovs":
        return ovs_network(**{**plain, **changes})
    return macvlan(**{"type": "bridge-cni", "switch": switch, "master": UPLINK, **changes})


def test_the_table_has_the_rows_that_are_tried():
    assert set(TABLE) == {*ASKED, *REACHED}
    assert all(set(row) == {"bridge", "ovs", "macvlan", "ipvlan"} for row in TABLE.values())


@pytest.mark.parametrize("row, switch, key", REFUSED)
def test_what_a_switch_cannot_do_is_refused_by_name(node, row, switch, key):
    node.refused(node.pod(), conf_of(switch, **ASKED[row][key]), plugin.CONFIG, key, switch)


# -- what a switch can do


def gateway(node):
    conf, pod = ovs_network(), node.pod()
    node.add(pod, conf)
    assert pod.ping("10.1.2.1") and pod.ping(NODE4) and pod.ping(INTERNET4)


def services(node):
    """With br_netfilter's switches on and off, as they are not for this bridge."""
    one, two, conf = node.pod(), node.pod(), ovs_network()
    node.add(one, conf)
    vip = service(node, addresses_of(node.add(two, conf))[0], 53)
    for on in (False, True):
        netfilter_on_the_bridge(node, on)
        with served(two, 53):
            assert ask(one, vip, 53), f"br_netfilter {on}"
            assert ask(node, vip, 53)


def host_ports(node):
    pod = node.pod()
    node.add(pod, {**ovs_network(), **PORTS})
    with served(pod, 80):
        assert ask(node.outside, NODE4, 8080) and ask(node, NODE4, 8080)


def rates(node):
    pod = node.pod()
    result = node.add(pod, {**ovs_network(), **RATES})
    name = result["interfaces"][0]["name"]
    assert "tbf" in node.run("tc", "qdisc", "show", "dev", name).stdout


def isolated(node):
    """From a network of a Linux bridge that is isolated, too, in both directions."""
    apart, other = node.pod(), node.pod()
    first = node.add(apart, ovs_network(isolate=True))
    second = node.add(other, isolated_conf(5, True))
    there, here = addresses_of(second)[0], addresses_of(first)[0]
    assert apart.ping("10.1.2.1") and other.ping("10.20.5.1")
    assert not apart.ping(there, 0.5) and not other.ping(here, 0.5)
    node.nft("flush ruleset")
    assert apart.ping(there), "the rules alone keep them apart"


def requested_mac(node, conf):
    pod = node.pod()
    result = node.add(pod, {**conf, "runtimeConfig": {"mac": MAC}})
    assert pod.links()["eth0"]["address"] == MAC
    node.check(pod, conf, result)


def vlans(node):
    pods = [node.pod() for _ in range(3)]
    results = [node.add(pod, conf_of("ovs", vlan=vlan)) for pod, vlan in zip(pods, (7, 7, 8))]
    assert pods[0].ping(addresses_of(results[1])[0])
    assert not pods[0].ping(addresses_of(results[2])[0], 0.5)


def forced_address(node):
    """The bridge's other address of the subnet goes."""
    node.ip("addr add 10.1.2.77/24 dev br0")
    node.refused(node.pod(), ovs_network(), plugin.EXISTS, "10.1.2.77")
    done = node.invoke("ADD", ovs_network(forceAddress=True), node.pod())
    assert done.returncode == 0 and "10.1.2.77" in done.stderr, done
    assert node.addresses("br0") == ["10.1.2.1/24"]


def named_bridge(node):
    pod = node.pod()
    result = node.add(pod, conf_of("ovs", bridge="br0"))
    assert [i["name"] for i in result["interfaces"] if "sandbox" in i] == ["eth0"]
    node.check(pod, conf_of("ovs", bridge="br0"), result)


def disabled(node):
    pod = node.pod()
    conf = conf_of("ovs", disableContainerInterface=True, ipam=None)
    result = node.add(pod, conf)
    assert "UP" not in pod.links()["eth0"]["flags"]
    node.check(pod, conf, result)


DONE = {
    ("bridge", "ovs"): named_bridge,
    ("the node is reached", "ovs"): gateway,
    ("Services, node's rules", "ovs"): services,
    ("isGateway, isDefaultGateway, ipMasq", "ovs"): gateway,
    ("forceAddress", "ovs"): forced_address,
    ("host ports", "ovs"): host_ports,
    ("rates", "ovs"): rates,
    ("isolate", "ovs"): isolated,
    ("vlan", "ovs"): vlans,
    ("disableContainerInterface", "ovs"): disabled,
    ("a requested MAC address", "ovs"): lambda node: requested_mac(node, ovs_network()),
    ("a requested MAC address", "macvlan"):
        lambda node: requested_mac(node, conf_of("macvlan")),
}


@pytest.mark.parametrize("row, switch", SERVED)
def test_what_a_switch_can_do_is_done(node, ovs, row, switch):
    DONE[row, switch](node)


def test_macvlans_pods_reach_the_link_and_neither_their_node_nor_its_Services(node):
    assert {TABLE[row]["macvlan"] for row in REACHED} == {"no"}
    node.outside.ip("addr add 10.1.2.1/24 dev eth0")  # the pods' gateway is on the link
    one, two, conf = node.pod(), node.pod(), conf_of("macvlan", ipam={"routes": [{"dst": "0.0.0.0/0"}]})
    node.add(one, conf)
    address = addresses_of(node.add(two, conf))[0]
    vip = service(node, address, 53)
    with served(two, 53):
        assert ask(one, address, 53)
        assert ask(one, vip, 53, timeout=0.5) is None
    assert one.ping(INTERNET4) and not one.ping(NODE4, 0.5)
