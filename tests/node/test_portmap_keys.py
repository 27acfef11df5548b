# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ports: what of their configuration is refused, before anything is touched."""
import pytest

from harness import plugin
from harness.portmap import ask, elements, portmap_rules, ports, served, settled
from harness.node import NODE4, NODE6, network

MAPPING = "runtimeConfig.portMappings"
WRONG = {
    "port 0": (((8080, 80), (0, 80)), f"{MAPPING}[1].hostPort: 0", "1 to 65535"),
    "port 65536": (((8080, 65536),), f"{MAPPING}[0].containerPort: 65536", "1 to 65535"),
    "negative": (((-1, 80),), f"{MAPPING}[0].hostPort: -1", "1 to 65535"),
    "text": (((8080, "80"),), f"{MAPPING}[0].containerPort", "string"),
    "protocol": (((8080, 80, {"protocol": "icmp"}),), f"{MAPPING}[0].protocol", "icmp",
                 "sctp"),
    "address": (((8080, 80, {"hostIP": "node"}),), f"{MAPPING}[0].hostIP", "node"),
    "brackets": (((8080, 80, {"hostIP": "[::]"}),), f"{MAPPING}[0].hostIP", "brackets"),
    "::1": (((8080, 80, {"hostIP": "::1"}),), f"{MAPPING}[0].hostIP", "::1", "127.0.0.1"),
    **{address: (((8080, 80), (8081, 80, {"hostIP": address})), f"{MAPPING}[1].hostIP",
                 address, "multicast or broadcast")
       for address in ("224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1",
                       "ff05::1:3")},
    "IPv4 as IPv6": (((8080, 80, {"hostIP": "::ffff:192.0.2.2"}),), f"{MAPPING}[0].hostIP",
                     "expected plain IPv4"),
    "twice": (((8080, 80), (8080, 81)), f"{MAPPING}[1].hostPort", "8080", "entry 0"),
    "twice, once for one address": (((8080, 80, {"hostIP": NODE4}), (8080, 81)),
                                    f"{MAPPING}[1].hostPort", "8080", "entry 0"),
    "twice, once for a family": (((8080, 80), (8081, 80), (8080, 81, {"hostIP": "::"})),
                                 f"{MAPPING}[2].hostPort", "8080", "port 81 here", "entry 0"),
    "two targets of one address": (((8081, 80), (8080, 80, {"hostIP": NODE4}),
                                    (8080, 80, {"hostIP": "127.0.0.1"}),
                                    (8080, 81, {"hostIP": NODE4})),
                                   f"{MAPPING}[3].hostPort", "8080", "entry 1"),
    "family that the pod hasn't": (((8080, 80, {"hostIP": NODE6}),),
                                   f"{MAPPING}[0].hostIP", NODE6, "IPv6"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_mapping_is_refused_with_its_path(node, wrong):
    mappings, *words = WRONG[wrong]
    pod = node.pod()
    with plugin.refusal(plugin.CONFIG, *words):
        node.add(pod, ports(*mappings, families="v4"))
    node.assert_nothing_left(pod)


ALL4, ALL6 = {"hostIP": "0.0.0.0"}, {"hostIP": "::"}
ONE4, ONE6 = {"hostIP": NODE4}, {"hostIP": NODE6}
SAME = {
    "identical": [{}, {}],
    "identical of one address": [ONE4, ONE4],
    "all, and [::]": [{}, ALL6],
    "0.0.0.0 and [::]": [ALL4, ALL6],
    "[::] and 0.0.0.0": [ALL6, ALL4],
    "all beside one": [{}, ONE4, ONE6],
    "one, then all": [ONE6, ONE4, {}],
    "0.0.0.0 beside one": [ALL4, ONE4],
    "0.0.0.0 beside one of IPv6": [ALL4, ONE6, ONE6],
    "any spelling": [{"protocol": "TCP"}, {"protocol": "tcp", "hostIP": ""}],
}


@pytest.mark.parametrize("keys", SAME)
def test_mappings_that_overlap_and_lead_to_the_same_port_are_one(node, keys):
    conf = ports(*((8080, 80, key) for key in SAME[keys]), (8081, 81))
    pod = node.pod()
    result = node.add(pod, conf)
    settled(node)
    texts = [{key.get("hostIP", "") for key in SAME[keys]}]
    v4 = texts[0] & {"", "0.0.0.0", NODE4}
    v6 = texts[0] & {"", "::", NODE6}
    with served(pod, 80):
        for address, wanted in ((NODE4, v4), (NODE6, v6)):
            answer = ask(node.outside, address, 8080, timeout=None if wanted else 0.5)
            assert (answer is not None) == bool(wanted)
    found = elements(node)
    assert len([e for kind in ("hostports4", "hostips4") for e in found.get(kind, [])
                if "8080" in e]) == bool(v4)
    assert len([e for kind in ("hostports6", "hostips6") for e in found.get(kind, [])
                if "8080" in e]) == bool(v6)
    node.check(pod, conf, result)
    node.delete(pod, conf)
    assert elements(node) == {}


def test_two_targets_of_one_port_in_two_families_are_no_contradiction(node):
    pod = node.pod()
    node.add(pod, ports((8080, 80, ALL4), (8080, 81, ALL6), (8080, 81, ONE6)))
    settled(node)
    with served(pod, 80, word=b"four"), served(pod, 81, word=b"six"):
        assert ask(node.outside, NODE4, 8080)[0] == "four"
        assert ask(node.outside, NODE6, 8080)[0] == "six"


@pytest.mark.parametrize("entries, said", [
    ([(8080, 80, ALL6)], True),
    ([(8080, 80, ALL6), (8080, 80, ALL4)], False),
    ([(8080, 80, ALL6), (8080, 80)], False),
    ([(8080, 80, ALL4), (8081, 80, ALL6)], True)])
def test_all_addresses_of_a_family_that_the_pod_has_not_are_told(node, entries, said):
    done = node.invoke("ADD", ports(*entries, families="v4"), node.pod())
    assert done.returncode == 0
    assert ("leads nowhere" in done.stderr and '"::"' in done.stderr) == said
    assert bool(done.stderr) == said


@pytest.mark.parametrize("address", ["240.0.0.5", "0.1.2.3", "223.255.255.255"])
def test_an_unusual_address_that_a_node_can_have_is_taken(node, address):
    pod = node.pod()
    node.add(pod, ports((8080, 80, {"hostIP": address}), families="v4"))
    node.ip(f"addr add {address}/32 dev lo")
    with served(pod, 80):
        assert ask(node, address, 8080)[0] == "pod"


def test_a_missing_port_is_refused_with_its_path(node):
    conf = network(runtimeConfig={"portMappings": [{"containerPort": 80}]})
    with pytest.raises(plugin.CniError) as error:
        node.add(node.pod(), conf)
    error.value.says(f"{MAPPING}[0].hostPort", "missing")


@pytest.mark.parametrize("key, value, words", [
    ("markMasqBit", 13, ("remove",)),
    ("externalSetMarkChain", "KUBE-MARK-MASQ", ("remove",)),
    ("conditionsV4", ["-d", "192.0.2.0/24"], ("hostIP",)),
    ("conditionsV6", ["-d", "2001:db8::/64"], ("hostIP",)),
    ("backend", "iptables", ("nftables",))])
def test_a_key_of_portmaps_without_meaning_here_says_what_replaces_it(node, key, value,
                                                                      words):
    with plugin.refusal(plugin.UNSUPPORTED_FIELD, key, *words):
        node.add(node.pod(), ports((8080, 80), **{key: value}))


def test_what_says_the_same_as_the_default_is_taken(node):
    node.add(node.pod(), ports((8080, 80), masqAll=False, backend="nftables", snat=True,
                               conditionsV4=[], conditionsV6=None, externalSetMarkChain=""))


def test_a_host_port_needs_a_pod_with_an_address(node):
    with plugin.refusal(plugin.CONFIG, MAPPING, "ipam"):
        node.add(node.pod(), ports((8080, 80), ipam=None, isDefaultGateway=None, ipMasq=None))


def test_127_0_0_1_needs_masquerading(node):
    with plugin.refusal(plugin.CONFIG, f"{MAPPING}[0].hostIP", "127.0.0.1", "snat"):
        node.add(node.pod(), ports((8080, 80, {"hostIP": "127.0.0.1"}), snat=False))


def test_without_the_capability_there_is_neither_rule_nor_element(node):
    node.add(node.pod(), network("dual"))
    assert portmap_rules(node) == [] and elements(node) == {}


def test_a_pod_with_host_ports_may_meet_itself_on_the_bridge(node):
    """Without hairpinMode only pods with host ports get hairpin mode, and CHECK expects that."""
    with_ports, without = node.pod(), node.pod()
    result = node.add(with_ports, ports((8080, 80)))
    node.add(without, ports())
    hairpin = {name: link["linkinfo"]["info_slave_data"]["hairpin"]
               for name, link in node.links().items()
               if link.get("linkinfo", {}).get("info_slave_kind") == "bridge"}
    mine = result["interfaces"][1]["name"]
    assert hairpin.pop(mine) is True and set(hairpin.values()) == {False}
    node.check(with_ports, ports((8080, 80)), result)
