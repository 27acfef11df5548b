# SPDX-License-Identifier: GPL-2.0-or-later
"""route_localnet is on only while a host port of 127.0.0.1 needs it; CHECK, STATUS and repair
tell of one that is open without need, and of a missing fence."""
import json

import pytest

from harness import plugin
from harness.loopback import fences, forger, kept, localnet, unfence
from harness.node import network
from harness.portmap import ask, ports, served
from test_localnet import FLUSH, V4, listener  # noqa: F401, a fixture

# -- off with the last port


def by_DEL(node, pod, conf):
    node.delete(pod, conf)


def by_GC(node, pod, conf):
    node.invoke("GC", {**conf, "cni.dev/valid-attachments": [
        {"containerID": p.id, "ifname": "eth0"} for p in node.pods if p is not pod]})


def by_GC_of_leftovers(node, pod, conf):
    """Nothing says any more whose the port was."""
    for path in (*node.store.glob("testnet/10.*"), *node.store.glob(".bridge-cni/*/p-*")):
        if pod.id in path.read_text():
            path.unlink()
    pod.remove()
    by_GC(node, pod, conf)


def by_a_reclaim(node, pod, conf):
    """At an ADD that finds a dead pod of its own name."""
    pod.ip("link del eth0")
    pod.remove()
    again = node.pod()
    again.id = pod.id
    conf = network("v4", capabilities={"portMappings": True})
    assert node.invoke("ADD", conf, again).returncode == 0


@pytest.mark.parametrize("end", [by_DEL, by_GC, by_GC_of_leftovers, by_a_reclaim])
def test_it_is_off_with_the_last_host_port_that_needs_it(node, end):
    pods = [node.pod() for _ in range(3)]
    confs = [ports((8080, 80), **V4), ports((8081, 80, {"hostIP": "127.0.0.1"}), **V4),
             ports((8082, 80, {"hostIP": "192.0.2.2"}), **V4)]
    for pod, conf in zip(pods, confs):
        node.add(pod, conf)
    assert localnet(node) == "1" and len(fences(node)) == 1
    node.delete(pods[0], confs[0])
    assert localnet(node) == "1" and len(fences(node)) == 1
    end(node, pods[1], confs[1])
    assert localnet(node) == "0" and fences(node) == []
    assert "clsact" not in node.run("tc", "qdisc", "show", "dev", "cni0").stdout
    node.add(pods[0], confs[0])
    assert localnet(node) == "1" and len(fences(node)) == 1


def test_an_ADD_that_fails_leaves_it_off(node):
    node.add(node.pod(), network("v4"))
    conf = ports((8080, 80), **V4, ipam={"routes": [{"dst": "10.77.0.0/16",
                                                     "gw": "10.66.0.1"}]})
    done = node.invoke("ADD", conf, node.pod())
    assert done.returncode == 1, done.stdout
    assert localnet(node) == "0" and fences(node) == []


@pytest.mark.parametrize("changes", [{"families": "v6"}, {"families": "v4",
                                                           "isDefaultGateway": None}],
                         ids=["IPv6 alone", "no way to the pod"])
def test_a_host_port_that_127_0_0_1_can_not_lead_to_leaves_it_off(node, changes):
    pod, conf = node.pod(), ports((8080, 80), **changes)
    result = node.add(pod, conf)
    assert localnet(node) == "0" and fences(node) == []
    node.check(pod, conf, result)
    assert repair(node, conf) == "nothing to mend\n"
    node.delete(pod, conf, result)
    assert localnet(node) == "0" and fences(node) == []


def test_another_network_of_the_same_bridge_keeps_it_on(node):
    first, second = node.pod(), node.pod()
    conf = ports((8080, 80), **V4)
    other = ports((8081, 80), **V4, name="other")
    node.add(first, conf)
    node.add(second, other)
    node.delete(first, conf)
    assert localnet(node) == "1"
    with served(second, 80):
        assert ask(node, "127.0.0.1", 8081)[0] == "pod"
    node.delete(second, other)
    assert localnet(node) == "0" and fences(node) == []


@pytest.mark.parametrize("routed", [False, True])
def test_it_is_off_again_where_the_bridge_has_no_gateway(node, routed):
    conf = ports((8080, 80), **V4, isDefaultGateway=False)
    pods = [node.pod() for _ in range(2)]
    node.add(pods[0], conf)
    if routed:  # by hand
        node.ip("route add 10.1.2.0/24 dev cni0")
    other = ports((8081, 80), **V4, isDefaultGateway=False)
    node.add(pods[1], other)
    node.delete(pods[0], conf)
    assert localnet(node) == ("1" if routed else "0")
    node.delete(pods[1], other)
    assert localnet(node) == "0" and fences(node) == []


def test_a_flush_does_not_make_another_pods_port_forgotten(node):
    pods = [node.pod() for _ in range(2)]
    conf, kept = ports((8080, 80), **V4), ports((8081, 80), **V4)
    node.add(pods[0], conf)
    node.add(pods[1], kept)
    node.nft(FLUSH)
    node.delete(pods[0], conf)
    assert localnet(node) == "1"
    node.add(node.pod(), ports(**V4))
    with served(pods[1], 80):
        assert ask(node, "127.0.0.1", 8081)[0] == "pod"


def test_two_last_DELs_at_once_turn_it_off(node):
    for _ in range(5):
        pods = [node.pod() for _ in range(4)]
        confs = [ports((8080 + n, 80), **V4) for n in range(4)]
        for pod, conf in zip(pods, confs):
            node.add(pod, conf)
        ends = [node.start("DEL", conf, pod) for pod, conf in zip(pods, confs)]
        assert [end().returncode for end in ends] == [0] * 4
        assert localnet(node) == "0" and fences(node) == []


def test_DEL_succeeds_where_it_cannot_be_turned_off(node, listener):
    """The parameters are read-only in a container."""
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(pod, conf)
    other = node.pod()
    node.add(other, network("v4"))
    node.run("mount", "--bind", "/proc/sys", "/proc/sys")
    node.run("mount", "-o", "remount,bind,ro", "/proc/sys")
    done = node.invoke("DEL", conf, pod)
    node.run("umount", "/proc/sys")
    assert done.returncode == 0 and "stays on" in done.stderr, done
    assert localnet(node) == "1" and kept(forger(other))
    assert "turned route_localnet of cni0 off" in repair(node, conf)


def test_what_another_program_turns_on_later_is_its_own(node):
    """The network had host ports of this plugin once, and has portmap's now."""
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(pod, conf)
    node.delete(pod, conf)
    node.add(pod, network("v4"))
    node.sysctl("ipv4.conf.cni0.route_localnet", 1)
    node.add(node.pod(), network("v4"))
    assert repair(node, network("v4")) == "nothing to mend\n"
    assert localnet(node) == "1" and fences(node) == []


def repair(node, conf):
    path = node.directory / "net.conf"
    path.write_text(json.dumps(conf))
    done = node.run(plugin.BRIDGE_CNI, "repair", str(path))
    assert done.stderr == "", done
    return done.stdout


@pytest.mark.parametrize("verb", ["repair", "GC"])
def test_it_stays_on_for_a_pod_whose_gateway_address_somebody_removed(node, verb):
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(pod, conf)
    before = fences(node)
    node.ip("addr del 10.1.2.1/24 dev cni0")
    if verb == "GC":
        done = node.invoke("GC", {**conf, "cni.dev/valid-attachments": [
            {"containerID": pod.id, "ifname": "eth0"}]})
        assert done.returncode == 0, done
    else:
        assert [line.split(": ")[1] for line in repair(node, conf).splitlines()] == [
            "gateway address 10.1.2.1/24 on cni0"]
    assert localnet(node) == "1" and fences(node) == before


def test_repair_makes_the_fence_and_closes_what_nobody_needs(node):
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(pod, conf)
    unfence(node)
    assert "fenced 127.0.0.0/8 off from what cni0 receives" in repair(node, conf)
    assert len(fences(node)) == 1
    assert repair(node, conf) == "nothing to mend\n"
    node.sysctl("ipv4.conf.cni0.route_localnet", 0)
    assert "turned route_localnet of cni0 on" in repair(node, conf)


def test_CHECK_sees_it(node):
    pods, conf = [node.pod() for _ in range(2)], ports((8080, 80), **V4)
    plain = network("v4")
    results = [node.add(pods[0], conf), node.add(pods[1], plain)]
    node.check(pods[0], conf, results[0])
    node.sysctl("ipv4.conf.cni0.route_localnet", 0)
    with plugin.refusal(plugin.CHECK, "cni0/route_localnet", "127.0.0.1"):
        node.check(pods[0], conf, results[0])
    node.sysctl("ipv4.conf.cni0.route_localnet", 1)
    unfence(node)
    node.nft("flush chain inet bridge_cni raw")
    with plugin.refusal(plugin.CHECK, "127.0.0.0/8"):  # of a pod without host ports, too
        node.check(pods[1], plain, results[1])


def test_STATUS_tells_of_it(node):
    conf = ports((8080, 80), **V4)
    node.add(node.pod(), conf)
    done = node.invoke("STATUS", conf)
    assert (done.returncode, done.stderr) == (0, "")
    unfence(node)
    done = node.invoke("STATUS", conf)
    assert done.returncode == 0
    assert "route_localnet of cni0 is on" in done.stderr and "repair" in done.stderr


def names_another(done, whose):
    assert done.returncode == 0, done
    assert ("conf.all" in done.stderr) == (whose == "all")
    return "route_localnet" in done.stderr and "another program" in done.stderr


@pytest.mark.parametrize("whose", ["all", "cni0"])
def test_what_another_program_has_opened_is_named_and_left_alone(node, whose):
    """kube-proxy does so for all interfaces, portmap for the bridge."""
    pod, conf = node.pod(), network("v4")
    result = node.add(pod, conf)
    node.sysctl(f"ipv4.conf.{whose}.route_localnet", 1)
    assert names_another(node.invoke("CHECK", {**conf, "prevResult": result}, pod), whose)
    node.add(node.pod(), conf)
    node.delete(pod, conf)
    assert localnet(node, whose) == "1" and fences(node) == []


def test_STATUS_names_what_another_program_has_opened_on_the_bridge(node):
    conf = network("v4")
    node.add(node.pod(), conf)
    node.sysctl("ipv4.conf.cni0.route_localnet", 1)
    assert names_another(node.invoke("STATUS", conf), "cni0")


def test_what_is_opened_on_all_interfaces_is_named_with_the_first_pod(node):
    """Runtimes ask for STATUS every few seconds, and kube-proxy opens them by default."""
    pod, conf = node.pod(), network("v4")
    node.delete(pod, conf, node.add(pod, conf))
    node.sysctl("ipv4.conf.all.route_localnet", 1)
    assert names_another(node.invoke("STATUS", conf), "all")
    node.ip("link", "del", "cni0")
    done = node.invoke("ADD", conf, pod)
    assert names_another(done, "all")
    assert node.invoke("STATUS", conf).stderr == ""
    assert node.invoke("ADD", conf, node.pod()).stderr == ""


def calls(node, verb, conf, pod):
    trace = node.directory / "calls"
    done = node.invoke(verb, conf, pod, env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "all"))
    assert done.returncode == 0, done.stdout
    return trace.read_text()


def test_an_ADD_asks_for_the_fence_only_where_something_is_wrong(node):
    pods = [node.pod() for _ in range(4)]
    node.add(pods[0], ports((8080, 80), **V4))
    for pod, conf in ((pods[1], ports((8081, 80), **V4)), (pods[2], ports(**V4)),
                      (pods[3], network("v4"))):
        text = calls(node, "ADD", conf, pod)
        asks = "RTM_GETTFILTER" in text
        # Rules don't tell whether a network has the capability.
        assert asks == (pod is pods[3]), text
        assert "route_localnet" not in text


def test_STATUS_opens_no_socket_where_nothing_is_wrong(node):
    conf = ports(**V4)
    node.add(node.pod(), conf)
    text = calls(node, "STATUS", conf, None)
    assert "socket(" not in text and "NETLINK" not in text, text
    assert text.count("/boot_id") == 1


def test_CHECK_asks_for_the_fence_only_where_something_is_open(node):
    pod, conf = node.pod(), ports(**V4)
    result = node.add(pod, conf)
    asked = {**conf, "prevResult": result}
    assert "RTM_GETTFILTER" not in calls(node, "CHECK", asked, pod)
    node.add(node.pod(), ports((8080, 80), **V4))
    assert "RTM_GETTFILTER" in calls(node, "CHECK", asked, pod)
