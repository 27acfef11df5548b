# SPDX-License-Identifier: GPL-2.0-or-later
"""A pod's elements in sets and maps, those of spoofCheck and of host ports together."""
import json
import shutil

import pytest

from harness import plugin
from harness.command import repair
from harness.delegates import Delegate
from harness.portmap import generation, ports
from harness.node import network
from harness.reboot import crash
from harness.standing import Standing
from harness.waiting import wait_for

NOTHING = ["nothing to mend"]
CONF = ports((8080, 80), (5353, 53, {"protocol": "udp"}), spoofCheck=True)


def elements(node):
    """All of the two tables, but for the sentinels, by the name of their set or map."""
    found = {}
    for family in ("inet", "bridge"):
        text = node.run("nft", "-j", "list", "table", family, "bridge_cni").stdout
        for entry in json.loads(text)["nftables"]:
            for kind in ("set", "map"):
                item = entry.get(kind, {})
                if "timeout" in item:  # its elements go by themselves
                    continue
                own = [json.dumps(elem) for elem in item.get("elem", [])
                       if "veth" in json.dumps(elem)]
                if own:
                    found[item["name"].split("_")[0]] = sorted(own)
    return found


@pytest.mark.parametrize("conf", [
    CONF, ports((8080, 80)), network("dual", spoofCheck=True),
    ports((8080, 80), (8081, 81), macspoofchk=True)],
    ids=["both", "ports", "spoofCheck", "ports and macspoofchk"])
def test_an_ADD_has_one_transaction_and_so_has_a_DEL(node, conf):
    """Each goes through all chains of the node."""
    node.add(node.pod(), {**conf, "runtimeConfig": {}})
    pod, before = node.pod(), generation(node)
    result = node.add(pod, conf)
    assert generation(node) == before + 1
    node.check(pod, conf, result)
    node.delete(pod, conf)
    assert generation(node) == before + 2


def test_elements_are_there_before_addresses_and_go_where_those_fail(node):
    node.add(node.pod(), CONF)
    before, generations = elements(node), generation(node)
    conf = ports((8081, 81), spoofCheck=True)
    conf["ipam"]["routes"] = [{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}]
    with pytest.raises(plugin.CniError):
        node.add(node.pod(), conf)
    assert elements(node) == before
    assert generation(node) == generations + 2


def test_while_addresses_are_looked_for_others_have_the_node_lock(node):
    """enabledad takes a while; a host port wants the lock for itself."""
    def is_looking():
        return "tentative" in pod.run("ip", "addr", "show", "dev", "eth0", check=False).stdout

    node.add(node.pod(), CONF)
    pod = node.pod()
    pod.sysctl("ipv6.conf.default.dad_transmits", 6)  # seconds
    waiting = node.start("ADD", ports((8081, 81), spoofCheck=True, enabledad=True), pod)
    wait_for(is_looking)
    node.add(node.pod(), ports((8082, 82)))
    assert is_looking()
    assert waiting().returncode == 0


def lose_record(node, pod):
    for record in (node.store / ".bridge-cni/testnet").glob("p-*"):
        if pod.id in record.read_text():
            record.unlink()


@pytest.mark.parametrize("verb", ["DEL", "GC"])
def test_the_elements_of_a_pod_whose_record_was_deleted_go_with_it(node, verb):
    """As the README allows; its ports would lead to the next owner of its address."""
    stays, pod = node.pod(), node.pod()
    node.add(stays, ports((9090, 90), spoofCheck=True))
    before = elements(node)
    node.add(pod, CONF)
    lose_record(node, pod)
    if verb == "DEL":
        node.delete(pod, CONF)
    else:
        valid = [{"containerID": stays.id, "ifname": "eth0"}]
        assert node.invoke("GC", {**CONF, "cni.dev/valid-attachments": valid}).stdout == ""
    assert elements(node) == before
    node.assert_nothing_left(pod, others=1)


@pytest.mark.parametrize("lost", ["store", "records"])
def test_GC_takes_elements_whose_owner_only_they_know(node, lost):
    """GC also takes those of a pod whose interface is gone, which no DEL would find any more."""
    stays, pod = node.pod(), node.pod()
    node.add(stays, ports((9090, 90), spoofCheck=True))
    before = elements(node)
    node.add(pod, CONF)
    assert elements(node) != before
    shutil.rmtree(node.store if lost == "store" else node.store / ".bridge-cni")
    crash(pod)
    valid = [{"containerID": stays.id, "ifname": "eth0"}]
    assert node.invoke("GC", {**CONF, "cni.dev/valid-attachments": valid}).stdout == ""
    assert elements(node) == before


def test_GC_leaves_elements_of_who_is_valid_whatever_is_lost(node):
    stays, pod = node.pod(), node.pod()
    for n, each in enumerate((stays, pod)):
        node.add(each, ports((9090 + n, 90), spoofCheck=True))
    before = elements(node)
    shutil.rmtree(node.store)
    crash(pod)
    valid = [{"containerID": each.id, "ifname": "eth0"} for each in (stays, pod)]
    assert node.invoke("GC", {**CONF, "cni.dev/valid-attachments": valid}).stdout == ""
    assert elements(node) == before


def test_repair_takes_elements_of_who_is_gone_and_says_so(node):
    stays, pod = node.pod(), node.pod()
    node.add(stays, ports((9090, 90), spoofCheck=True))
    before = elements(node)
    node.add(pod, CONF)
    lose_record(node, pod)
    with_interface = elements(node)
    assert repair(node, CONF) == NOTHING and elements(node) == with_interface
    crash(pod)
    count = sum(map(len, with_interface.values())) - sum(map(len, before.values()))
    assert any(f"{count} deleted" in line for line in repair(node, CONF))
    assert elements(node) == before
    assert repair(node, CONF) == NOTHING


@pytest.mark.parametrize("namespace", ["is there", "is gone"])
@pytest.mark.parametrize("rates", [{}, {"egressRate": 8000000, "egressBurst": 80000}],
                         ids=["", "with an ifb, which stays"])
def test_repair_takes_elements_of_who_has_no_interface_before_any_DEL(node, rates, namespace):
    """Nothing is behind its host ports any more, whatever its record and its reservation say.
    Those stay, and so does the DEL's work."""
    stays, pod = node.pod(), node.pod()
    node.add(stays, ports((9090, 90), spoofCheck=True))
    before = elements(node)
    conf = {**CONF, "runtimeConfig": {**CONF["runtimeConfig"], "bandwidth": rates}}
    result = node.add(pod, conf)
    if namespace == "is gone":
        crash(pod)
    else:
        pod.ip("link del eth0")
    lines = repair(node, CONF)
    assert [line for line in lines if "pods that are gone" in line], lines
    assert elements(node) == before
    assert pod.id in str(node.reservations()) and repair(node, CONF) == NOTHING
    node.delete(pod, CONF, result)
    node.assert_nothing_left(pod, others=1)


@pytest.mark.parametrize("verb", ["repair", "GC"])
def test_however_many_elements_are_left_the_interfaces_are_listed_as_often(
        node, tmp_path, verb):
    """Others wait for the node lock meanwhile."""
    trace, counts = tmp_path / "trace", []
    conf = network("dual", capabilities={"portMappings": True}, spoofCheck=True)
    node.add(node.pod(), conf)
    wrapper = plugin.strace(trace, "sendto,sendmsg")
    for n in (1, 101):
        pod = node.pod()
        node.add(pod, ports(*[(8000 + 2 * i, 80) for i in range(n)], spoofCheck=True))
        if verb == "GC":
            lose_record(node, pod)
        pod.ip("link del eth0")
        assert len(elements(node)["hostports4"]) == n
        if verb == "GC":
            known = [{"containerID": node.pods[0].id, "ifname": "eth0"}]
            done = node.invoke("GC", {**conf, "cni.dev/valid-attachments": known},
                               wrapper=wrapper, env=plugin.TRACED)
            assert done.returncode == 0, done
        else:
            assert repair(node, conf, wrapper=wrapper, env=plugin.TRACED) != NOTHING
        assert "hostports4" not in elements(node)
        counts.append(len(trace.read_text().splitlines()))
        node.delete(pod, conf)
    assert counts[1] < counts[0] + 50, counts


# -- flushed between an ADD's look at the rules and its elements


@pytest.mark.parametrize("kind", ["spoofCheck", "host port", "delegated IPAM"])
def test_rules_that_are_flushed_under_an_ADD_make_it_try_again(node, tmp_path, kind):
    """The kernel's word is that a set isn't there; the next ADD would have made it."""
    env, trace = dict(plugin.TRACED), tmp_path / "trace"
    conf = network(spoofCheck=kind == "spoofCheck")
    if kind == "delegated IPAM":
        delegate = Delegate(node, f"""
            if verb == "ADD":
                open({str(tmp_path / "delegated")!r}, "a").write("x\\n")
                n = 5 + open({str(tmp_path / "delegated")!r}).read().count("x")
                answer(ips=[{{"address": f"10.77.0.{{n}}/16"}}])""")
        conf, env = delegate.conf(), {**env, **delegate.env}
    if kind == "host port":
        conf["runtimeConfig"] = {"portMappings": [{"hostPort": 8080, "containerPort": 80}]}
    strace = plugin.strace(trace, "sendto")
    pods = [node.pod(), node.pod(), node.pod()]
    node.add(pods[0], conf, env=env)
    if kind == "host port":
        conf["runtimeConfig"]["portMappings"][0]["hostPort"] = 8081
    node.add(pods[1], conf, env=env, wrapper=strace)
    sent = [line for line in trace.read_text().splitlines() if "sendto(" in line]
    nth = [i for i, line in enumerate(sent, 1) if "NFNL_MSG_BATCH_BEGIN" in line][0]
    if kind == "host port":
        conf["runtimeConfig"]["portMappings"][0]["hostPort"] = 8082
    at_elements = Standing(tmp_path / "standing", "sendto", nth)
    call = node.start("ADD", conf, pods[2], env=env, wrapper=at_elements.wrapper)
    with at_elements.standing():
        node.nft("flush ruleset")
    with plugin.refusal(plugin.TRY_AGAIN, "somebody flushed or deleted the rules meanwhile",
                        "set ", "ENOENT"):
        plugin.judge("ADD", call(), plugin.NEWEST)
    node.assert_nothing_left(pods[2], others=2)
    node.add(pods[2], conf, env=env)


def test_a_DEL_that_gives_way_to_an_ADD_which_puts_rules_back_leaves_nothing(node, tmp_path):
    """The last pod with host ports wants the lock alone, and gives it up for a moment: after its
    elements are gone, and while its record and its interface are there."""
    first, going, coming = node.pod(), node.pod(), node.pod()
    strace = plugin.strace(tmp_path / "trace", "flock")
    node.add(first, CONF)
    node.delete(first, CONF, env=plugin.TRACED, wrapper=strace)
    calls = [line for line in (tmp_path / "trace").read_text().splitlines() if "flock(" in line]
    nth = next(i for i, line in enumerate(calls, 1) if "LOCK_UN" in line)
    node.add(going, CONF)
    finish = node.start("DEL", CONF, going, env=plugin.TRACED, wrapper=[
        *strace, "-e", f"inject=flock:delay_exit=2000000:when={nth}"])
    wait_for(lambda: not elements(node), 10)
    node.nft("flush ruleset")
    node.add(coming, network("dual", spoofCheck=True, capabilities={"portMappings": True}))
    plugin.judge("DEL", finish(), CONF["cniVersion"])
    assert "src4" in elements(node)
    assert going.id not in json.dumps(elements(node))
