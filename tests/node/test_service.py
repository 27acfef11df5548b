# SPDX-License-Identifier: GPL-2.0-or-later
"""A Service whose pod is on the client's own node and in its subnet: answers over the bridge
have to be translated back, by br_netfilter, or else by the node."""
import pytest

from harness import plugin
from harness.command import repair
from harness.delegates import Delegate
from harness.node import NODE4, NODE6, OUTSIDE4, OUTSIDE6, addresses_of, network
from harness.portmap import ask, ports, served, served_udp, settled, udp_answers
from harness.service import MODES, netfilter_on_the_bridge, service
from test_masquerade import rules_of

GATEWAYS = ["10.1.2.1", "fd00:1:2::1"]
FAMILIES = pytest.mark.parametrize("which", [0, 1], ids=["v4", "v6"])


def local_rules(node):
    return [rule for rule in rules_of(node, "postrouting") if "local" in rule]


def attached(node, conf, n=2):
    """Pods, and their addresses."""
    pods = [node.pod() for _ in range(n)]
    found = [addresses_of(node.add(pod, conf)) for pod in pods]
    settled(node)
    return pods, found


@MODES
@FAMILIES
@pytest.mark.parametrize("guards", [{}, {"spoofCheck": True}], ids=["", "spoofCheck"])
def test_without_br_netfilter_it_answers_and_sees_the_gateway(node, guards, which, mode):
    netfilter_on_the_bridge(node, False)
    (client, pod), (own, found) = attached(node, network("dual", **guards))
    vip = service(node, found[which], 53, mode)
    with served(pod, 53), served_udp(pod, 53):
        assert ask(client, vip, 53) == ("pod", GATEWAYS[which])
        assert udp_answers(client, vip, 53)
        assert ask(pod, vip, 53) == ("pod", GATEWAYS[which])
        assert udp_answers(pod, vip, 53)
        assert ask(node, vip, 53)[0] == "pod"
        # What nobody translates keeps its source.
        assert ask(client, found[which], 53) == ("pod", own[which])


@MODES
@FAMILIES
def test_with_br_netfilter_it_sees_the_client(node, which, mode):
    netfilter_on_the_bridge(node, True)
    (client, pod), (own, found) = attached(node, network("dual"))
    assert len(local_rules(node)) == 2
    vip = service(node, found[which], 53, mode)
    with served(pod, 53), served_udp(pod, 53):
        assert ask(client, vip, 53) == ("pod", own[which])
        assert udp_answers(client, vip, 53)
        # Once br_netfilter is gone, new connections go on.
        netfilter_on_the_bridge(node, False)
        assert ask(client, vip, 53) == ("pod", GATEWAYS[which])


SUBNETS = "10.1.2.0/24", "fd00:1:2::/64"


def track_nothing_between_pods(node, which):
    ip, subnet = ("ip", "ip6")[which], SUBNETS[which]
    node.nft(f"""
        table {ip} untracked {{
            chain prerouting {{
                type filter hook prerouting priority raw
                {ip} saddr {subnet} {ip} daddr {subnet} notrack
            }}
        }}""")


@FAMILIES
def test_the_answer_of_a_pod_on_the_same_bridge_has_to_be_tracked(node, which):
    """It goes from pod to pod, and looks like any other packet between them."""
    netfilter_on_the_bridge(node, True)
    (client, pod), (own, found) = attached(node, network("dual"))
    vip = service(node, found[which], 53)
    with served(pod, 53):
        assert ask(client, vip, 53) == ("pod", own[which])
        track_nothing_between_pods(node, which)
        assert ask(client, vip, 53, timeout=0.5) is None
        assert ask(client, found[which], 53) == ("pod", own[which])


@FAMILIES
def test_a_policy_that_lets_answers_pass_needs_them_tracked(node, which):
    """As engines of NetworkPolicy write it: one pod may ask the other, and answers pass."""
    netfilter_on_the_bridge(node, True)
    (client, pod), (own, found) = attached(node, network("dual"))
    ip = ("ip", "ip6")[which]
    node.nft(f"""
        table {ip} policies {{
            chain forward {{
                type filter hook forward priority filter
                ct state established,related accept
                {ip} saddr {own[which]} {ip} daddr {found[which]} tcp dport 53 accept
                {ip} saddr {SUBNETS[which]} meta l4proto tcp drop
            }}
        }}""")
    with served(pod, 53):
        assert ask(client, found[which], 53) == ("pod", own[which])
        track_nothing_between_pods(node, which)
        assert ask(client, found[which], 53, timeout=0.5) is None


def test_isolated_pods_reach_it_too_as_the_answer_comes_by_the_node(node):
    netfilter_on_the_bridge(node, False)
    (client, pod), (_, found) = attached(node, network("dual", portIsolation=True))
    with served(pod, 53):
        for address, gateway in zip(found, GATEWAYS):
            assert ask(client, service(node, address, 53), 53) == ("pod", gateway)
            assert ask(client, address, 53, timeout=0.5) is None


def test_from_another_subnet_of_the_bridge_it_sees_the_client(node):
    """The pod answers that one by its gateway, so that nothing is to be masqueraded."""
    netfilter_on_the_bridge(node, False)
    conf = network(ipam={"ranges": [[{"subnet": "10.1.2.0/30"}, {"subnet": "10.9.0.0/24"}]]})
    (pod, client, third), (found, own, _) = attached(node, conf, 3)
    assert own == ["10.9.0.2"] and len(local_rules(node)) == 2
    vip = service(node, found[0])
    with served(pod, 80), served(third, 80):
        assert ask(client, vip, 80) == ("pod", own[0])
        node.nft("delete table ip proxy")
        assert ask(client, service(node, "10.9.0.3"), 80) == ("pod", "10.9.0.1")


def test_with_addresses_of_another_IPAM_plugin_it_answers_as_well(node):
    netfilter_on_the_bridge(node, False)
    delegate = Delegate(node, """
        n = len(open(here + "/fake.log").readlines()) + 1
        gateway = "10.77.0.1"
        if verb == "ADD": answer(ips=[{"address": f"10.77.0.{n}/16", "gateway": gateway}])
        """)
    pods = [node.pod() for _ in range(2)]
    found = [addresses_of(delegate.add(pod, delegate.conf())) for pod in pods]
    vip = service(node, found[1][0])
    with served(pods[1], 80):
        assert ask(pods[0], vip, 80) == ("pod", "10.77.0.1")


def test_a_pod_from_before_ipMasq_goes_on_seeing_who_comes_from_elsewhere(node):
    """It is in the sets of pods, where all destinations see its address."""
    netfilter_on_the_bridge(node, False)
    pod = node.pod()
    node.add(pod, ports((8080, 80), ipMasq=False))
    client = node.pod()
    node.add(client, network("dual"))
    settled(node)
    with served(pod, 80):
        for address, seen in ((NODE4, OUTSIDE4), (NODE6, OUTSIDE6)):
            assert ask(node.outside, address, 8080) == ("pod", seen)
        assert ask(client, service(node, "10.1.2.2"), 80) == ("pod", GATEWAYS[0])


def test_the_rules_come_back_and_are_checked(node):
    conf = network("dual")
    pod = node.pod()
    result = node.add(pod, conf)
    before = local_rules(node)
    node.nft("delete rule inet bridge_cni postrouting handle " + before[0].split()[-1])
    with plugin.refusal(plugin.CHECK, "ct status dnat", "10.1.2.0/24"):
        node.check(pod, conf, result)
    assert repair(node, conf) == ["testnet: masquerade: the rules in table inet bridge_cni"]
    node.check(pod, conf, result)
    node.nft("flush ruleset")
    node.add(node.pod(), conf)
    assert len(local_rules(node)) == len(before) == 2


@pytest.mark.parametrize("changes", [{"podLink": "routed"}, {"ipMasq": False}], ids=str)
def test_networks_that_do_not_need_it_or_masquerade_nothing_have_no_such_rule(node, changes):
    netfilter_on_the_bridge(node, False)
    node.add(node.pod(), network("dual", **changes))
    assert local_rules(node) == []
