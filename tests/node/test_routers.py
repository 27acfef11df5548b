# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods that pose as routers: router advertisements and ICMP redirects, as other pods take
them."""
import socket
import struct
import time

import pytest

from harness import plugin, wire
from harness.delegates import Delegate
from harness.node import INTERNET4, addresses_of, network
from harness.portmap import settled
from harness.waiting import wait_for

ROUTER, PREFIX, MTU = "fe80::bad", "2001:db8:d::", 1280
PARAMETERS = ("ipv6.conf.eth0.accept_ra", "ipv6.conf.eth0.autoconf",
              "ipv6.conf.eth0.accept_redirects", "ipv4.conf.eth0.accept_redirects",
              "ipv4.conf.all.accept_redirects")
REFUSING, ACCEPTING = ["0"] * len(PARAMETERS), ["1"] * len(PARAMETERS)
LAYER_2 = {"isDefaultGateway": None, "ipMasq": None, "ipam": None}


def parameters(pod):
    return [pod.sysctl(name) for name in PARAMETERS]


def advertisement():
    """Type 134: be my default route, of high preference, for half an hour; take an address
    of mine, and this MTU."""
    header = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0x08, 1800, 0, 0)
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 3600, 3600, 0)
    return header + prefix + socket.inet_pton(socket.AF_INET6, PREFIX) + \
        struct.pack("!BBHI", 5, 1, 0, MTU)


def advertise(ns, ifname="eth0"):
    ns.ip(f"addr add {ROUTER}/64 dev {ifname} nodad")
    index = ns.call(socket.if_nametoindex, ifname)
    with ns.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.bind((ROUTER, 0, 0, index))
        sock.sendto(advertisement(), ("ff02::1", 0, 0, index))


def heard(pod):
    """The advertisements that the kernel has received, taken or not."""
    def read():
        with open("/proc/thread-self/net/dev_snmp6/eth0") as file:
            return int(dict(line.split() for line in file)["Icmp6InRouterAdvertisements"])

    return pod.call(read)


def learned(pod):
    """What an advertisement has brought: routes, addresses, the MTU."""
    routes = [r for r in pod.routes(6) if r.get("protocol") in ("ra", "kernel_ra")]
    addresses = [a for link in pod.ip_json("-6", "addr", "show", "dev", "eth0")
                 for a in link["addr_info"] if a.get("dynamic")]
    return bool(routes), bool(addresses), pod.sysctl("ipv6.conf.eth0.mtu") == str(MTU)


def hears(pod, sender, ifname="eth0"):
    """Sends an advertisement; gives what the pod has learned from it."""
    before = heard(pod)
    advertise(sender, ifname)
    wait_for(lambda: heard(pod) > before)
    time.sleep(0.1)
    return learned(pod)


NOTHING, EVERYTHING = (False, False, False), (True, True, True)


@pytest.mark.parametrize("families", ["v4", "dual"])
def test_another_pods_router_advertisement_changes_nothing(node, families):
    victim, believer, attacker = node.pod(), node.pod(), node.pod()
    node.add(victim, network(families))
    node.add(believer, network(families, acceptRA=True))
    node.add(attacker, network(families))
    wait_for(lambda: victim.addresses("eth0", "link"))
    before = [victim.routes(6), victim.addresses("eth0"), victim.addresses("eth0", "link")]
    assert hears(victim, attacker) == NOTHING
    assert [victim.routes(6), victim.addresses("eth0"),
            victim.addresses("eth0", "link")] == before
    wait_for(lambda: learned(believer) == EVERYTHING)  # the advertisement does work


def test_also_where_IPv6_is_off_and_is_turned_on_later(node):
    victim, attacker = node.pod(), node.pod()
    for where in ("all", "default"):
        victim.sysctl(f"ipv6.conf.{where}.disable_ipv6", 1)
    node.add(victim, network("v4"))
    node.add(attacker, network("v4"))
    assert victim.sysctl("ipv6.conf.eth0.disable_ipv6") == "1"
    victim.sysctl("ipv6.conf.eth0.disable_ipv6", 0)
    wait_for(lambda: victim.addresses("eth0", "link"))
    assert hears(victim, attacker) == NOTHING


# -- redirects


def redirect4(of, to, by):
    """Type 5, as by the gateway: packets of @of for INTERNET4 go by @to from now on."""
    def packet(source, target, protocol, payload):
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                           socket.inet_aton(source), socket.inet_aton(target))
        return head[:10] + struct.pack("!H", wire.checksum(head)) + head[12:] + payload

    echo_reply = struct.pack("!BBHHH", 0, 0, 0xffff, 0, 0)  # needs no socket of the victim's
    inner = packet(of, INTERNET4, socket.IPPROTO_ICMP, echo_reply)
    body = struct.pack("!BBH", 5, 1, 0) + socket.inet_aton(to) + inner
    body = body[:2] + struct.pack("!H", wire.checksum(body)) + body[4:]
    return packet(by, of, socket.IPPROTO_ICMP, body)


def redirect6(of, to, by, target):
    """Type 137, as by the router's link-local address."""
    def address(text):
        return socket.inet_pton(socket.AF_INET6, text)

    body = struct.pack("!BBHI", 137, 0, 0, 0) + address(to) + address(target)
    ends = address(by) + address(of)
    pseudo = ends + struct.pack("!II", len(body), socket.IPPROTO_ICMPV6)
    body = body[:2] + struct.pack("!H", wire.checksum(pseudo + body)) + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), socket.IPPROTO_ICMPV6, 255) + ends + body


def redirects(pod, file, *names):
    """How many the kernel has received, by one of its tables in /proc/net: a line of names, or one name,
    with the values behind them."""
    def read():
        with open(f"/proc/thread-self/net/{file}") as lines:
            return lines.read()

    text = pod.call(read)
    if len(names) == 1:
        return int(dict(line.split() for line in text.splitlines())[names[0]])
    keys, values = [line.split()[1:] for line in text.splitlines() if line.startswith(names[0] + ":")] or [[], []]
    return int(dict(zip(keys, values)).get(names[1], 0))


def way(pod, target):
    route, = pod.ip_json(f"-{6 if ':' in target else 4}", "route", "get", target)
    return route.get("gateway")


def mac(pod):
    return pod.links()["eth0"]["address"]


def redirected4(attacker, victim, of_victim, of_attacker):
    """The attacker poses as the gateway. The kernel takes a redirect to a neighbour that it knows. Ends
    when the victim's kernel has received it, taken or not."""
    assert victim.ping(of_attacker) and victim.ping(INTERNET4)
    before = redirects(victim, "snmp", "IcmpMsg", "InType5")
    wire.send_frame(attacker, "eth0", mac(victim),
                    redirect4(of_victim, of_attacker, "10.1.2.1"), 0x0800)
    wait_for(lambda: redirects(victim, "snmp", "IcmpMsg", "InType5") > before)


def test_another_pods_ICMP_redirect_changes_nothing(node):
    victim, believer, attacker = node.pod(), node.pod(), node.pod()
    of_victim, = addresses_of(node.add(victim, network()))
    of_believer, = addresses_of(node.add(believer, network(acceptRA=True)))
    of_attacker, = addresses_of(node.add(attacker, network()))
    redirected4(attacker, victim, of_victim, of_attacker)
    redirected4(attacker, believer, of_believer, of_attacker)
    wait_for(lambda: way(believer, INTERNET4) == of_attacker)  # the redirect does work
    assert way(victim, INTERNET4) == "10.1.2.1"


def test_another_pods_ICMPv6_redirect_changes_nothing(node):
    target = "2001:db8:e::1"
    victim, believer, attacker = node.pod(), node.pod(), node.pod()
    pods = [(victim, network("v6")), (believer, network("v6", acceptRA=True))]
    node.add(attacker, network("v6"))
    of_attacker, = attacker.addresses("eth0", "link")
    to = of_attacker.split("/")[0]
    settled(node)
    by = node.addresses("cni0", "link")[0].split("/")[0]
    for pod, conf in pods:
        address, = addresses_of(node.add(pod, conf))
        pod.ip(f"-6 route add {target} via {by} dev eth0")
        assert pod.ping(f"{by}%eth0") and pod.ping(f"{to}%eth0")
        before = redirects(pod, "dev_snmp6/eth0", "Icmp6InRedirects")
        wire.send_frame(attacker, "eth0", mac(pod), redirect6(address, to, by, target),
                        0x86dd)
        wait_for(lambda: redirects(pod, "dev_snmp6/eth0", "Icmp6InRedirects") > before)
    wait_for(lambda: way(believer, target) == to)  # the redirect does work
    assert way(victim, target) == by


# -- who refuses


def lan(node):
    """A port that is no pod's: a network may be behind it."""
    node.ip_batch("link add cni0 type bridge\n"
                  "link add lan0 up master cni0 type vxlan id 7 dstport 4789\n")


def test_a_router_on_the_LAN_behind_the_bridge_is_believed_as_before(node):
    lan(node)
    pod, sender = node.pod(), node.pod()
    node.add(pod, network("v4"))
    node.add(sender, network("v4"))
    assert parameters(pod) == ACCEPTING
    wait_for(lambda: pod.addresses("eth0", "link"))
    advertise(sender)
    wait_for(lambda: learned(pod) == EVERYTHING)


@pytest.mark.parametrize("keys, found", [
    ({}, REFUSING), ({"acceptRA": True}, ACCEPTING), ({"acceptRA": False}, REFUSING),
    ({"isDefaultGateway": None}, ACCEPTING),
    ({"isDefaultGateway": None, "acceptRA": False}, REFUSING),
    ({"isDefaultGateway": None, "isGateway": True}, REFUSING)])
def test_who_refuses(node, keys, found):
    pod = node.pod()
    node.add(pod, network("v4", **keys))
    assert parameters(pod) == found


def test_the_key_refuses_also_where_the_bridge_has_a_LAN(node):
    lan(node)
    pod = node.pod()
    node.add(pod, network("v4", acceptRA=False))
    assert parameters(pod) == REFUSING


def test_a_second_interface_of_the_pod_keeps_its_own(node):
    pod = node.pod()
    second = network("v4", name="second", bridge="cni1", acceptRA=True,
                     ipam={"ranges": [[{"subnet": "10.7.7.0/24"}]]})
    node.add(pod, second, ifname="net1")
    node.add(pod, network("v4"))
    assert parameters(pod) == REFUSING
    assert [pod.sysctl(f"ipv{n}.conf.net1.accept_redirects") for n in (4, 6)] == ["1", "1"]
    assert pod.sysctl("ipv6.conf.net1.accept_ra") == "1"


def test_they_are_there_before_an_IPAM_plugin_sets_the_interface_up(node):
    """As dhcp does."""
    early = Delegate(node, """
        if verb == "ADD":
            pod = os.path.basename(os.environ["CNI_NETNS"])
            found = subprocess.run(
                ["ip", "netns", "exec", pod, "cat", "/proc/sys/net/ipv6/conf/eth0/accept_ra",
                 "/proc/sys/net/ipv6/conf/eth0/autoconf"], check=True, capture_output=True)
            with open(here + "/found", "wb") as file:
                file.write(found.stdout)
            subprocess.run(["/sbin/ip", "-n", pod, "link", "set", "eth0", "up"], check=True)
            answer()""")
    pod = node.pod()
    node.add(pod, early.conf(cniVersion="1.0.0"), env=early.env)
    assert (early.directory / "found").read_text().split() == ["0", "0"]
    assert parameters(pod) == REFUSING


def test_an_interface_that_stays_down_has_them(node):
    pod = node.pod()
    node.add(pod, network(disableContainerInterface=True, acceptRA=False, **LAYER_2))
    assert "UP" not in pod.links()["eth0"]["flags"]
    assert parameters(pod) == REFUSING


# -- where they can't be written


def read_only(node):
    node.run("mount", "--bind", "/proc/sys", "/proc/sys")
    node.run("mount", "-o", "remount,bind,ro", "/proc/sys")


def test_where_they_can_not_be_written_it_is_told_and_the_pod_is_connected(node):
    node.add(node.pod(), network("v4"))
    pod = node.pod()
    read_only(node)
    done = node.invoke("ADD", network("v4"), pod)
    assert done.returncode == 0, done
    for word in ("eth0", "router advertisements", "accept_ra", "Read-only file system"):
        assert word in done.stderr
    assert done.stderr.count("\n") == 1
    assert pod.ping("10.1.2.1")


def test_nothing_is_told_where_they_are_so_already(node):
    node.add(node.pod(), network("v4"))
    pod = node.pod()
    for name in PARAMETERS:
        pod.sysctl(name.replace("eth0", "default"), 0)
    read_only(node)
    done = node.invoke("ADD", network("v4"), pod)
    assert (done.returncode, done.stderr) == (0, "")
    assert parameters(pod) == REFUSING


def test_a_configuration_that_asks_for_them_fails_without(node):
    node.add(node.pod(), network("v4"))
    pod = node.pod()
    read_only(node)
    node.refused(pod, network("v4", acceptRA=False), plugin.IO, "accept_ra", "Read-only")
    node.assert_nothing_left(pod, others=1)


def test_a_pod_may_turn_them_on_again(node):
    """CHECK doesn't mind: it is the pod's own namespace."""
    pod = node.pod()
    result = node.add(pod, network("dual"))
    for name in PARAMETERS:
        pod.sysctl(name, 1)
    node.check(pod, network("dual"), result)
