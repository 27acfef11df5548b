# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules and the elements with which the bridge's guard works on the node: what makes them,
what puts them back, and what takes them away."""
import pytest

from harness import plugin, snapshot
from harness.command import cleanup, repair
from harness.delegates import Delegate
from harness.former import hash_text
from harness.node import NETWORK, network
from test_gateway_guard import ISOLATION, SOURCES, STAGE, isolated, listed, rules

# -- whose the elements are


def test_DEL_takes_the_pods_elements_away(node):
    conf, pods = network("dual", portIsolation=True), [node.pod(), node.pod()]
    for pod in pods:
        node.add(pod, conf)
    assert isolated(node) == ["10.1.2.2", "10.1.2.3", "fd00:1:2::2", "fd00:1:2::3"]
    node.delete(pods[0], network("dual"))
    assert isolated(node) == ["10.1.2.3", "fd00:1:2::3"]
    node.delete(pods[1], conf)
    assert isolated(node) == []
    node.assert_nothing_left(pods[1])


def test_a_failed_ADD_leaves_none(node):
    conf = network(portIsolation=True)
    node.add(node.pod(), conf)
    bad = network(portIsolation=True, ipam={"routes": [{"dst": "203.0.113.0/24", "gw": "9.9.9.9"}]})
    with pytest.raises(plugin.CniError):
        node.add(node.pod(), bad)
    assert isolated(node) == ["10.1.2.2"]


def test_GC_takes_those_of_pods_that_are_gone(node):
    conf, pod = network(portIsolation=True), node.pod()
    node.add(pod, conf)
    name = next(e["name"] for e in listed(node, "set") if e["name"].startswith("isolated4"))
    node.nft(f'add element inet bridge_cni {name} {{ 10.1.2.77 comment "vethgone gone" }}')
    plugin.judge("GC", node.invoke("GC", {**conf, "cni.dev/valid-attachments": [
        {"containerID": pod.id, "ifname": "eth0"}]}), conf["cniVersion"])
    assert isolated(node) == ["10.1.2.2"]


def test_an_address_that_another_pod_has_by_now_keeps_its_element(node):
    """Some IPAM plugins give it away before the DEL."""
    ipam = Delegate(node, 'if verb == "ADD": answer()')
    conf, pods = ipam.conf(portIsolation=True), [node.pod(), node.pod()]
    for pod in pods:
        node.add(pod, conf, env=ipam.env)
    node.delete(pods[0], conf, env=ipam.env)
    assert isolated(node) == ["10.77.0.5"]
    node.delete(pods[1], conf, env=ipam.env)
    assert isolated(node) == []


# -- what somebody flushes, and what the configuration doesn't ask for any more

BOTH = {"spoofCheck": True, "portIsolation": True}
ALL_RULES = sorted(ISOLATION + SOURCES)


@pytest.mark.parametrize("way", ["ADD", "repair"])
@pytest.mark.parametrize("harm", ["flush ruleset", "flush table inet bridge_cni", "flush set",
                                  "link"])
def test_what_somebody_flushed_comes_back(node, harm, way):
    conf, pods = network("dual", **BOTH), [node.pod(), node.pod()]
    results = [node.add(pod, conf) for pod in pods]
    before = isolated(node)
    assert len(before) == 4
    if harm == "link":
        if way == "ADD":
            pytest.skip("the ports come back by repair alone")
        node.ip("link del cni0")
    elif harm == "flush set":
        for name in [e["name"] for e in listed(node, "set") if e["name"].startswith("isolated")]:
            node.nft(f"flush set inet bridge_cni {name}")
    else:
        node.nft(harm)
    with plugin.refusal(plugin.CHECK):
        node.check(pods[0], conf, results[0])
    if way == "repair":
        repair(node, conf)
    else:
        pods.append(node.pod())
        node.add(pods[-1], conf)
        before = sorted(before + ["10.1.2.4", "fd00:1:2::4"])
    assert rules(node) == ALL_RULES
    assert isolated(node) == before
    node.check(pods[0], conf, results[0])
    assert repair(node, conf) == ["nothing to mend"]


def test_a_missing_element_is_named_and_put_back(node):
    conf, pod = network(portIsolation=True), node.pod()
    result = node.add(pod, conf)
    name = next(e["name"] for e in listed(node, "set") if e["name"].startswith("isolated4"))
    node.nft(f"delete element inet bridge_cni {name} {{ 10.1.2.2 }}")
    with plugin.refusal(plugin.CHECK, "portIsolation", name):
        node.check(pod, conf, result)
    assert any("portIsolation" in line for line in repair(node, conf))
    node.check(pod, conf, result)


def test_rules_that_no_pod_needs_any_more_go_with_a_repair(node):
    conf, plain = network("dual", **BOTH), network("dual")
    pods = [node.pod(), node.pod()]
    node.add(pods[0], conf)
    node.add(pods[1], plain)
    repair(node, plain)
    # The first pod's record says that it is checked; its port isn't isolated any more.
    assert isolated(node) == [] and set(SOURCES) <= set(rules(node))
    node.delete(pods[0], plain)
    repair(node, plain)
    assert rules(node) == []


def test_pods_without_addresses_need_no_rules_and_a_repair_makes_none(node):
    pod = node.pod()
    conf = network(isDefaultGateway=None, ipMasq=None, **BOTH)
    conf["ipam"] = {}
    result = node.add(pod, conf)
    assert rules(node) == [] and repair(node, conf) == ["nothing to mend"]
    assert rules(node) == []
    node.check(pod, conf, result)


def test_a_key_that_comes_later_is_the_ports_own_with_a_repair(node):
    conf, pod = network(portIsolation=True), node.pod()
    node.add(pod, network())
    repair(node, conf)
    assert isolated(node) == ["10.1.2.2"] and rules(node) == ISOLATION
    node.delete(pod, conf)
    assert isolated(node) == []


def test_an_ADD_without_the_keys_leaves_rules_of_pods_that_have_them(node):
    node.add(node.pod(), network("dual", **BOTH))
    for keys in ({}, {"spoofCheck": True}, {"portIsolation": True}):
        node.add(node.pod(), network("dual", **keys))
        assert rules(node) == ALL_RULES


def former_version(node):
    """What the version before left: neither these rules and sets, nor a word in records."""
    text = node.run("nft", "list", "table", "inet", "bridge_cni").stdout
    kept = [line for line in text.splitlines() if f" {STAGE}/" not in line]
    node.nft("delete table inet bridge_cni\n" + "\n".join(kept))
    for name in [e["name"] for e in listed(node, "set") if e["name"].startswith("isolated")]:
        node.nft(f"delete set inet bridge_cni {name}")
    for path in (node.store / ".bridge-cni" / NETWORK).glob("p-*"):
        lines = [line for line in path.read_text().splitlines(True)
                 if not line.startswith(("isolated ", "end "))]
        text = "".join(lines)
        path.write_text(f"{text}end {hash_text(text):016x}\n")


@pytest.mark.parametrize("way", ["ADD", "repair"])
def test_pods_of_the_former_version_are_guarded_too(node, way):
    conf, pods = network(**BOTH), [node.pod(), node.pod()]
    for pod in pods:
        node.add(pod, conf)
    former_version(node)
    assert rules(node) == [] and isolated(node) == []
    if way == "ADD":
        node.add(node.pod(), conf)
    else:
        repair(node, conf)
    assert rules(node) == ALL_RULES
    assert {"10.1.2.2", "10.1.2.3"} <= set(isolated(node))
    for pod in pods:
        node.delete(pod, conf)
    assert not {"10.1.2.2", "10.1.2.3"} & set(isolated(node))


def test_a_pod_of_the_former_version_is_deleted_without_a_word(node):
    conf, pod = network(**BOTH), node.pod()
    node.add(pod, conf)
    former_version(node)
    node.delete(pod, conf)
    node.assert_nothing_left(pod)


def test_cleanup_leaves_nothing(node):
    conf, pod = network("dual", **BOTH), node.pod()
    before = snapshot.take(node)
    node.add(pod, conf)
    node.delete(pod, conf)
    cleanup(node, conf)
    assert listed(node, "rule") == [] and listed(node, "set") == []
    assert before["node"].get("nft") == snapshot.take(node)["node"].get("nft")


def test_the_number_of_rules_is_constant(node):
    conf = network("dual", **BOTH)
    node.add(node.pod(), conf)
    first = len(listed(node, "rule"))
    for _ in range(5):
        node.add(node.pod(), conf)
    assert len(listed(node, "rule")) == first
