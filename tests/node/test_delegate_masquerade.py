# SPDX-License-Identifier: GPL-2.0-or-later
"""ipMasq where the addresses are a delegated IPAM's: elements a pod, rules a network."""
import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin
from harness.delegates import Delegate
from harness.node import INTERNET4, INTERNET6, NODE4, NODE6, network
from harness.wire import source_seen
from test_spoofcheck import sets

POD4, POD6 = "10.77.0.{}", "fd77::{}"


def by_pod(node, len4=16, len6=64):
    """A delegate that gives the nth container the nth address of both families."""
    return Delegate(node, f'''
        n = int(os.environ["CNI_CONTAINERID"].split("-")[0][3:]) + 5
        if verb == "ADD":
            answer(ips=[{{"address": "10.77.0.%d/{len4}" % n, "gateway": "10.77.0.1"}},
                        {{"address": "fd77::%d/{len6}" % n, "gateway": "fd77::1"}}])''')


def entries(node, kind):
    out = node.run("nft", "-j", "list", "table", "inet", "bridge_cni", check=False).stdout
    return [e[kind] for e in json.loads(out or '{"nftables": []}')["nftables"] if kind in e]


SENTINELS = "255.255.255.255", "ff00::"


def elements(node):
    """How many elements each set has of pods, by the set's name without the hash."""
    found = {}
    for entry in entries(node, "set"):
        texts = [json.dumps(elem) for elem in entry.get("elem", [])]
        found[entry["name"].split("_")[0]] = sum(
            not any(s in text for s in SENTINELS) for text in texts)
    return found


def set_names(node):
    return {s["name"].split("_")[0]: s["name"] for s in entries(node, "set")}


def test_what_leaves_takes_the_nodes_address(node):
    fake, pod = by_pod(node), node.pod()
    fake.add(pod)
    assert source_seen(pod, node.outside, INTERNET4) == NODE4
    assert source_seen(pod, node.outside, INTERNET6) == NODE6


def test_what_stays_in_its_own_subnet_keeps_its_address(node):
    """A part of the subnet is elsewhere: pods of other nodes, for example."""
    fake, pod = by_pod(node), node.pod()
    fake.add(pod)
    for away, via, own in (("10.77.99.1", "192.0.2.1", POD4), ("fd77::99:1",
                                                                "2001:db8:aaaa::1", POD6)):
        bits = 128 if ":" in away else 32
        node.outside.ip(f"addr add {away}/{bits} dev lo" + " nodad" * (bits == 128))
        node.ip(f"route add {away}/{bits} via {via}")
        pod.ip(f"route add {away}/{bits} via {'fd77::1' if bits == 128 else '10.77.0.1'}")
        assert source_seen(pod, node.outside, away) == own.format(5)


def test_destinations_that_are_named_keep_the_address(node):
    fake, pod = by_pod(node), node.pod()
    fake.add(pod, fake.conf(nonMasqueradeCIDRs=[INTERNET4 + "/32"]))
    assert source_seen(pod, node.outside, INTERNET4) == POD4.format(5)
    assert source_seen(pod, node.outside, INTERNET6) == NODE6


def test_rules_are_constant_and_elements_come_and_go_with_the_pods(node):
    fake, pods = by_pod(node), [node.pod() for _ in range(3)]
    results = [fake.add(pods[0])]
    rules = entries(node, "rule")
    assert 0 < len(rules) <= 6 and all(rule["comment"] for rule in rules)
    results += [fake.add(pod) for pod in pods[1:]]
    assert entries(node, "rule") == rules
    assert elements(node) == {"pods4": 3, "own4": 3, "pods6": 3, "own6": 3}
    for pod, result in zip(pods, results):
        assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
        fake.check(pod, result)
    fake.delete(pods[1])
    fake.delete(pods[1])
    assert elements(node) == {"pods4": 2, "own4": 2, "pods6": 2, "own6": 2}
    assert pods[0].ping(INTERNET4) and pods[2].ping(INTERNET6)
    for pod in pods:
        fake.delete(pod)
    assert set(elements(node).values()) == {0}
    assert entries(node, "rule") == rules


def test_an_ADD_with_its_rules_in_place_loads_no_libnftables(node):
    fake, pods = by_pod(node), [node.pod(), node.pod()]
    fake.add(pods[0])
    for verb in ("ADD", "DEL"):
        trace = node.directory / verb
        done = node.invoke(verb, fake.conf(), pods[1], env={**fake.env, **plugin.TRACED},
                           wrapper=plugin.strace(trace, "openat,execve"))
        assert done.returncode == 0, done.stdout
        assert "execve" in trace.read_text() and "libnftables" not in trace.read_text()


def test_an_ADD_that_fails_leaves_no_element(node):
    fake, pod = by_pod(node), node.pod()
    done = node.invoke("ADD", fake.conf(), pod, env=fake.env,
                       wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode != 0
    assert set(elements(node).values()) == {0}
    node.assert_nothing_left(pod)
    assert fake.verbs() == ["ADD", "DEL"]


def test_an_ADD_that_the_kernel_does_not_answer_leaves_no_element(node, tmp_path):
    """The kernel has the elements, and its answer is lost."""
    fake, pod, trace = by_pod(node), node.pod(), tmp_path / "trace"
    env = {**fake.env, **plugin.TRACED}
    strace = ["strace", "-qq", "-o", trace, "-e", "trace=sendto,recvfrom"]
    fake.add(node.pod())
    node.add(pod, fake.conf(), wrapper=strace, env=env)
    fake.delete(pod)
    before, _, after = trace.read_text().rpartition("NFNL_MSG_BATCH_BEGIN")
    assert "recvfrom(" in after
    nth = before.count("recvfrom(") + 1
    with plugin.refusal(plugin.KERNEL, "ENOMEM"):
        node.add(pod, fake.conf(), env=env, wrapper=[
            *strace, "-e", f"inject=recvfrom:error=ENOMEM:when={nth}"])
    assert set(elements(node).values()) == {1}
    node.assert_nothing_left(pod, others=1)


def test_without_ipMasq_there_is_neither_rule_nor_set(node):
    fake, pod = by_pod(node), node.pod()
    fake.add(pod, fake.conf(ipMasq=False))
    assert entries(node, "rule") == [] and entries(node, "set") == []
    fake.delete(pod, fake.conf(ipMasq=False))


def test_ipMasq_that_was_turned_off_leaves_no_element_behind(node):
    fake, pod = by_pod(node), node.pod()
    fake.add(pod)
    fake.delete(pod, fake.conf(ipMasq=False))
    assert set(elements(node).values()) == {0}


def test_two_networks_have_sets_of_their_own(node):
    fake, pods = by_pod(node), [node.pod(), node.pod()]
    confs = [fake.conf(), fake.conf(name="second", bridge="cni1", isGateway=False,
                                    isDefaultGateway=False)]
    for pod, conf in zip(pods, confs):
        fake.add(pod, conf)
    assert len(entries(node, "set")) == 8
    fake.delete(pods[1], confs[1])
    assert pods[0].ping(INTERNET4)


def test_a_subnet_that_an_earlier_owner_left_makes_way(node):
    """The earlier pod went without a DEL, and the IPAM's subnet is another one now."""
    wide, pods = by_pod(node), [node.pod(), node.pod()]
    conf = wide.conf(isGateway=False, isDefaultGateway=False)
    wide.add(pods[0], conf)
    node.ip(f"link del {node.host_veths()[0]}")
    pods[1].id = "pod0-again"  # what the address follows from
    narrow = by_pod(node, len4=24, len6=80)
    result = narrow.add(pods[1], conf)
    narrow.check(pods[1], result, conf)
    assert elements(node) == {"pods4": 1, "own4": 1, "pods6": 1, "own6": 1}
    narrow.delete(pods[1], conf)
    assert set(elements(node).values()) == {0}


def test_a_DEL_leaves_the_elements_of_an_address_that_another_pod_has_by_now(node):
    """The IPAM gave the address away before that DEL, or gives the same address to two pods."""
    fake, pods = by_pod(node), [node.pod() for _ in range(3)]
    conf = fake.conf(isGateway=False, isDefaultGateway=False)
    for pod in pods[1:]:
        pod.id = "pod0-" + pod.id  # what the address follows from
    results = [fake.add(pod, conf) for pod in pods]
    assert elements(node)["pods4"] == 1
    node.ip(f"link del {results[0]['interfaces'][1]['name']}")
    for gone in (0, 1):
        fake.delete(pods[gone], conf)
        fake.check(pods[2], results[2], conf)
    fake.delete(pods[2], conf)
    assert set(elements(node).values()) == {0}


def test_two_pods_with_one_address_that_go_at_once_leave_nothing(node):
    fake, pods = by_pod(node), [node.pod() for _ in range(8)]
    conf = fake.conf(isGateway=False, isDefaultGateway=False)
    for pod in pods:
        pod.id = "pod0-" + pod.id
        fake.add(pod, conf)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda pod: fake.delete(pod, conf), pods))
    assert set(elements(node).values()) == {0}


@pytest.mark.parametrize("len4, len6", [(32, 128), (31, 127), (0, 0), (8, 3)])
def test_any_prefix_length_is_a_subnet(node, len4, len6):
    """Some IPAMs give single addresses."""
    fake, pod = by_pod(node, len4, len6), node.pod()
    conf = fake.conf(isGateway=False, isDefaultGateway=False)
    result = fake.add(pod, conf)
    fake.check(pod, result, conf)
    assert elements(node) == {"pods4": 1, "own4": 1, "pods6": 1, "own6": 1}
    fake.delete(pod, conf)
    assert set(elements(node).values()) == {0}


HARM = {"a pod's element": "delete element inet bridge_cni {pods4} {{ 10.77.0.5 }}",
        "IPv6": "delete element inet bridge_cni {pods6} {{ fd77::5 }}",
        "its subnet": "flush set inet bridge_cni {own4}",
        "another subnet": "flush set inet bridge_cni {own6}\n"
                          "add element inet bridge_cni {own6} {{ fd77::5 . fd77::/32 }}",
        "the table": "delete table inet bridge_cni"}


@pytest.mark.parametrize("harm", HARM)
def test_CHECK_names_what_is_missing(node, harm):
    fake, pod = by_pod(node), node.pod()
    result = fake.add(pod)
    node.nft(HARM[harm].format(**set_names(node)))
    with plugin.refusal(plugin.CHECK, "masquerade", "bridge_cni"):
        fake.check(pod, result)


def test_a_network_that_changes_its_IPAM_is_masqueraded_both_ways(node):
    """The rules are those of the latest ADD; who is there from before stands in the sets."""
    fake, pods = by_pod(node), [node.pod() for _ in range(3)]
    delegated = fake.conf(isGateway=False, isDefaultGateway=False)
    ours = network("dual", isGateway=False, isDefaultGateway=False)
    fake.add(pods[0], delegated)
    node.add(pods[1], ours)
    assert elements(node)["pods4"] == 1
    fake.add(pods[2], delegated)
    assert elements(node)["pods4"] == 3
    for pod, conf in zip(pods, (delegated, ours, delegated)):
        node.delete(pod, conf, env=fake.env if conf is delegated else None)
    assert set(elements(node).values()) == {0}


# -- rules and elements that somebody took away

FLUSHED = {"flush ruleset": "flush ruleset", "delete table": "delete table inet bridge_cni",
           "flush table": "flush table inet bridge_cni",
           **{f"flush {name}": "flush set inet bridge_cni {" + name + "}"
              for name in ("pods4", "own4", "pods6", "own6")}}


@pytest.mark.parametrize("harm", FLUSHED)
@pytest.mark.parametrize("len4, len6", [(16, 64), (32, 128)])
def test_the_next_ADD_puts_everything_back_for_every_pod(node, harm, len4, len6):
    fake, pods = by_pod(node, len4, len6), [node.pod() for _ in range(4)]
    conf = fake.conf(isGateway=False, isDefaultGateway=False)
    results = [fake.add(pod, conf) for pod in pods[:3]]
    fake.delete(pods[1], conf)
    whole = elements(node), len(entries(node, "rule"))
    node.nft(FLUSHED[harm].format(**set_names(node)))
    with pytest.raises(plugin.CniError):
        fake.check(pods[0], results[0], conf)
    results.append(fake.add(pods[3], conf))
    fake.delete(pods[3], conf)
    assert (elements(node), len(entries(node, "rule"))) == whole
    for n in (0, 2):
        fake.check(pods[n], results[n], conf)


def test_pods_reach_the_outside_again(node):
    fake, pods = by_pod(node), [node.pod() for _ in range(3)]
    for pod in pods[:2]:
        fake.add(pod)
    node.nft("flush ruleset")
    assert not pods[0].ping(INTERNET4, wait=0.3)
    fake.add(pods[2])
    for pod in pods:
        assert pod.ping(INTERNET4) and pod.ping(INTERNET6)


def test_a_DEL_in_the_middle_of_which_rules_are_put_back_leaves_no_element(node):
    """No lock is held while the delegate's DEL runs; the pod's interface is still there."""
    slow = Delegate(node, '''
        n = int(os.environ["CNI_CONTAINERID"].split("-")[0][3:])
        if verb == "ADD": answer(ips=[{"address": "10.77.0.%d/16" % (n + 5)}])
        elif n == 0: hold()''')
    pods = [node.pod(), node.pod()]
    slow.add(pods[0])
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(slow.delete, pods[0])
        with slow.held():
            node.nft("flush ruleset")
            slow.add(pods[1])
        pending.result()
    assert elements(node) == {"pods4": 1, "own4": 1, "pods6": 0, "own6": 0}
    slow.delete(pods[1])
    assert set(elements(node).values()) == {0}


def test_an_ADD_that_ends_while_its_DEL_waits_for_the_delegate_fails_and_leaves_nothing(node):
    """Neither holds a lock while the delegate runs; the DEL has looked for elements before."""
    slow = Delegate(node, '''
        if not os.path.exists(here + "/waiting" + verb): hold(verb)
        if verb == "ADD": answer()''')
    pod = node.pod()
    with ThreadPoolExecutor() as pool:
        adding = pool.submit(slow.add, pod)
        with contextlib.ExitStack() as until_the_end:
            with slow.held("ADD"):
                deleting = pool.submit(slow.delete, pod)
                until_the_end.enter_context(slow.held("DEL"))
            with plugin.refusal(plugin.TRY_AGAIN, "DEL of the same attachment"):
                adding.result()
        deleting.result()
    assert set(elements(node).values()) <= {0}
    node.assert_nothing_left(pod)


def test_an_ADD_begins_when_a_DEL_of_the_same_attachment_is_through_with_the_delegate(node):
    """Otherwise the delegate's DEL, which knows the names only, takes the ADD's address."""
    slow = Delegate(node, '''
        if verb == "DEL" and not os.path.exists(here + "/waiting"): hold()
        open(here + "/order", "a").write(verb + " ")
        if verb == "ADD": answer()''')
    pod = node.pod()
    with ThreadPoolExecutor() as pool:
        deleting = pool.submit(slow.delete, pod)
        with slow.held():
            adding = pool.submit(slow.add, pod)
            time.sleep(0.2)  # in which it does not begin
        deleting.result()
        result = adding.result()
    assert (slow.directory / "order").read_text() == "DEL ADD "
    slow.check(pod, result)


def test_an_ADD_in_the_middle_of_which_rules_are_written_leaves_no_element_when_it_fails(node):
    """No element of spoof checks is left either: the other ADD writes those rules first."""
    slow = Delegate(node, '''
        n = int(os.environ["CNI_CONTAINERID"].split("-")[0][3:])
        if verb == "ADD" and n == 0:
            hold()
            sys.exit(1)
        if verb == "ADD": answer(ips=[{"address": "10.77.0.%d/16" % (n + 5)}])''')
    pods, conf = [node.pod(), node.pod()], slow.conf(spoofCheck=True)
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(slow.add, pods[0], conf)
        with slow.held():
            slow.add(pods[1], conf)
        with pytest.raises(plugin.CniError):
            pending.result()
    slow.delete(pods[1], conf)
    assert set(elements(node).values()) == {0}
    assert "veth" not in str(sets(node))


def test_DEL_without_namespace_or_with_another_IPAM_takes_the_elements(node):
    """The record names the elements, whatever the configuration has become."""
    fake, pods = by_pod(node), [node.pod(), node.pod()]
    for pod in pods:
        fake.add(pod)
    pods[0].remove()
    fake.delete(pods[0])
    assert elements(node)["pods4"] == elements(node)["own6"] == 1
    node.delete(pods[1], network("dual"))
    assert set(elements(node).values()) == {0}


def test_nothing_of_a_killed_ADD_stays_after_DEL(node):
    """Killed at each of its messages to the kernel."""
    fake = by_pod(node)
    fake.add(node.pod())
    before = elements(node)
    for nth in range(1, 100):
        pod = node.pod()
        trace = node.directory / "trace"
        done = node.invoke("ADD", fake.conf(), pod, env={**fake.env, **plugin.TRACED},
                           wrapper=[*plugin.strace(trace, "sendmsg,sendto"), "-e",
                                    f"inject=sendmsg,sendto:signal=KILL:when={nth}"])
        fake.delete(pod)
        assert elements(node) == before
        node.assert_nothing_left(pod, others=1)
        if done.returncode == 0:
            break
    assert 10 < nth < 99, done.stdout + done.stderr
