# SPDX-License-Identifier: GPL-2.0-or-later
"""route_localnet, which 127.0.0.1's host ports need: on only while one does, and never a
way for pods to what listens on the node's 127.0.0.1, whatever becomes of the rules."""
import json
import os
import socket
import struct
import subprocess
import time

import pytest

from harness import plugin
from harness.portmap import ask, ask_udp, ports, served, served_udp
from harness.loopback import fences, forger, listening, localnet, reaches, unfence
from harness.node import network
from harness.wire import checksum, send_frame

ETH_P_IP = 0x0800
FLUSH = "flush ruleset"
V4 = {"families": "v4"}


def bridged(node, on):
    if not os.path.exists("/proc/sys/net/bridge"):
        subprocess.run(["modprobe", "br_netfilter"], check=False)
    if not os.path.exists("/proc/sys/net/bridge"):
        return pytest.skip("this kernel has no br_netfilter") if on else None
    for key in ("iptables", "ip6tables"):
        node.sysctl(f"bridge.bridge-nf-call-{key}", on)


@pytest.fixture(params=[0, 1], ids=["routed", "br_netfilter"])
def frames(node, request):
    """Runs a test twice: netfilter sees the frames on the bridge, or does not."""
    bridged(node, request.param)
    return node


@pytest.fixture
def listener(node):
    with listening(node):
        yield


# -- the fence

def test_pods_do_not_reach_the_nodes_loopback_after_a_flush(frames, listener):
    node, pod = frames, frames.pod()
    node.add(pod, ports((8080, 80), **V4))
    forger(pod)
    assert localnet(node) == "1"
    assert reaches(pod) == []
    node.nft(FLUSH)
    assert reaches(pod) == []
    unfence(node)
    assert reaches(pod) == ["tcp", "udp"]  # so it is the fence's doing


def test_127_0_0_1_leads_to_host_ports_through_the_fence(frames):
    node, pod = frames, frames.pod()
    node.add(pod, ports((8080, 80), (5353, 53, {"protocol": "udp"}), **V4))
    assert len(fences(node)) == 1
    with served(pod, 80), served_udp(pod, 53):
        for _ in range(2):  # a connection that conntrack knows, too
            assert ask(node, "127.0.0.1", 8080)[0] == "pod"
            assert ask_udp(node, "127.0.0.1", 5353) == "pod"


def datagram(source, target, port):
    udp = struct.pack("!HHHH", 4000, port, 9, 0) + b"?"
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         socket.inet_aton(source), socket.inet_aton(target))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp


def test_nor_do_packets_come_in_that_a_pod_sends_as_the_nodes_loopback(node):
    """Counted where netfilter sees them first: whether more stops them isn't asked."""
    bridged(node, 0)
    pod = node.pod()
    node.add(pod, ports((8080, 80), **V4))
    node.nft(FLUSH)
    node.nft("add table ip seen\n"
             "add chain ip seen c { type filter hook prerouting priority -400; }\n"
             "add rule ip seen c ip saddr 127.0.0.0/8 udp dport 9999 counter")
    for fenced in (True, False):
        if not fenced:
            unfence(node)
        send_frame(pod, "eth0", node.links()["cni0"]["address"],
                   datagram("127.0.0.1", "10.1.2.1", 9999), ETH_P_IP)
        time.sleep(0.2)
        counted = node.run("nft", "list", "table", "ip", "seen").stdout
        assert ("packets 0 " in counted) == fenced, counted


def test_filters_of_others_stay(node):
    node.ip("link add cni0 type bridge")
    node.run("tc", "qdisc", "add", "dev", "cni0", "clsact")
    node.run("tc", "filter", "add", "dev", "cni0", "egress", "protocol", "ip", "pref", "1",
             "u32", "match", "u32", "0", "0")
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(pod, conf)
    assert len(fences(node)) == 1
    node.delete(pod, conf)
    assert fences(node) == []
    assert "u32" in node.run("tc", "filter", "show", "dev", "cni0", "egress").stdout


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
    assert localnet(node) == "1" and reaches(forger(other)) == []
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


def test_what_was_on_before_stays_on_and_is_fenced(node, listener):
    node.ip("link add cni0 type bridge")
    node.sysctl("ipv4.conf.cni0.route_localnet", 1)
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(pod, conf)
    forger(pod)
    node.nft(FLUSH)
    assert reaches(pod) == []
    node.delete(pod, conf)
    assert localnet(node) == "1"


# -- an opening without its fence

@pytest.mark.parametrize("later", [{}, {"name": "other"}], ids=["same", "other network"])
def test_an_ADD_without_the_capability_heals_it(node, listener, later):
    first, pod = node.pod(), node.pod()
    node.add(first, ports((8080, 80), **V4))
    forger(first)
    node.nft(FLUSH)
    unfence(node)
    assert reaches(first) == ["tcp", "udp"]
    node.add(pod, network("v4", **later))
    assert len(fences(node)) == 1 and reaches(first) == []
    assert localnet(node) == "1"


def test_whoever_puts_the_fence_back_lets_answers_through(frames):
    """An earlier version's rules mark none of them; its network's next ADD may be far off."""
    node, pod = frames, frames.pod()
    node.add(pod, ports((8080, 80), **V4))
    node.nft("flush chain inet bridge_cni answers")
    unfence(node)
    node.add(node.pod(), network("v4", name="other", ipam={"ranges": [[
        {"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.200"}]]}))
    assert len(fences(node)) == 1
    with served(pod, 80):
        assert ask(node, "127.0.0.1", 8080)


def in_its_place(node):
    """A filter of somebody's where the fence would be: the kernel refuses it."""
    node.run("tc", "qdisc", "add", "dev", "cni0", "clsact")
    node.run("tc", "filter", "add", "dev", "cni0", "ingress", "protocol", "ip", "pref",
             "127", "u32", "match", "u32", "0", "0")


def test_where_the_kernel_has_no_fence_the_rules_do(node, listener):
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(node.pod(), network("v4"))
    in_its_place(node)
    done = node.invoke("ADD", conf, pod)
    assert done.returncode == 0 and "127.0.0.1" in done.stderr, done
    assert localnet(node) == "1"
    forger(pod)
    assert reaches(pod) == []
    node.nft(FLUSH)
    assert reaches(pod) == ["tcp", "udp"]
    node.add(node.pod(), network("v4"))  # without the capability
    assert reaches(pod) == []
    node.delete(pod, conf)
    assert localnet(node) == "0"


def test_an_ADD_with_the_capability_fences_what_an_older_version_opened(node):
    """The rules are another version's, so the ADD looks closely at them and at the parameter."""
    node.add(node.pod(), ports((8080, 80), **V4))
    unfence(node)
    node.nft("flush chain inet bridge_cni answers")
    node.add(node.pod(), ports(**V4))
    assert len(fences(node)) == 1


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
