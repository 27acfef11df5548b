# SPDX-License-Identifier: GPL-2.0-or-later
"""IPv6: no waiting, pods that have it disabled, and router advertisements from pods."""
import ipaddress
import socket
import struct
import time

import pytest

from harness import delegates
from harness.node import GATEWAY6, INTERNET6, network
from harness.waiting import wait_for

ROUTER = "fe80::bad"


def ipv6_addresses(ns, ifname):
    return [a for link in ns.ip_json("-6", "addr", "show", "dev", ifname)
            for a in link["addr_info"] if a["scope"] == "global"]


def test_no_address_waits_for_duplicate_detection(node):
    pod = node.pod()
    node.add(pod, network("v6"))
    found = ipv6_addresses(pod, "eth0") + ipv6_addresses(node, "cni0")
    assert len(found) == 2
    assert not [a for a in found if a.get("tentative") or a.get("dadfailed")]
    # A tentative address could be no source here.
    assert pod.ping(GATEWAY6) and pod.ping(INTERNET6)


def test_a_pod_with_IPv6_disabled_gets_its_address(node):
    pod = node.pod()
    for where in ("all", "default"):
        pod.sysctl(f"ipv6.conf.{where}.disable_ipv6", 1)
    node.add(pod, network("dual"))
    assert pod.addresses("eth0") == ["10.1.2.2/24", "fd00:1:2::2/64"]
    assert pod.ping(INTERNET6)


# -- the pod's link-local address


def link_local(ns, ifname="eth0"):
    """The interface's only one."""
    found, = [a for link in ns.ip_json("-6", "addr", "show", "dev", ifname)
              for a in link["addr_info"] if a["scope"] == "link"]
    return found


def bound(pod, address):
    """A socket of that address, right now; the kernel refuses a tentative one."""
    index = pod.call(socket.if_nametoindex, "eth0")
    with pod.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
        sock.bind((address, 0, 0, index))
        return True


def of_mac(mac):
    """As RFC 4291, appendix A, has it."""
    b = bytes.fromhex(mac.replace(":", ""))
    return str(ipaddress.IPv6Address(bytes([0xfe, 0x80, 0, 0, 0, 0, 0, 0, b[0] ^ 2, b[1], b[2],
                                            0xff, 0xfe, b[3], b[4], b[5]])))


# From which MAC address it is made, and what else the pod has, is the same on any kernel.
@pytest.mark.parametrize("disabled", [0, 1])
@pytest.mark.parametrize("families, mac", [
    ("dual", None), pytest.param("v6", None, marks=pytest.mark.any_kernel),
    pytest.param("dual", "02:11:22:33:44:55", marks=pytest.mark.any_kernel)])
def test_the_link_local_address_can_be_used_at_once(node, families, mac, disabled):
    """The address is the one that the kernel would make a second or two later."""
    pod = node.pod()
    pod.sysctl("ipv6.conf.default.disable_ipv6", disabled)
    conf = network(families, runtimeConfig={"mac": mac} if mac else None)
    result = node.add(pod, conf)
    address = of_mac(result["interfaces"][2]["mac"])
    assert bound(pod, address)
    found = link_local(pod)
    assert found["local"] == address and not found.get("tentative")
    assert node.ping(f"{address}%cni0")
    node.check(pod, conf, result)
    time.sleep(2.2)  # the kernel has had its time
    assert link_local(pod) == found


def test_with_enabledad_it_is_looked_for_like_the_others(node):
    pod = node.pod()
    node.add(pod, network("v6", enabledad=True))
    found = link_local(pod)
    assert not found.get("nodad") and not found.get("tentative")


def test_what_an_IPAM_plugin_set_up_before_is_no_obstacle(node):
    """dhcp sets the interface up, and the kernel makes the address then."""
    early = delegates.Delegate(node, """
        if verb == "ADD":
            pod = os.path.basename(os.environ["CNI_NETNS"])
            subprocess.run(["/sbin/ip", "-n", pod, "link", "set", "eth0", "up"], check=True)
            answer(cniVersion="1.0.0", ips=[{"address": "fd00:1:2::9/64"}])""")
    pod = node.pod()
    node.add(pod, early.conf(cniVersion="1.0.0", families="v6"), env=early.env)
    assert pod.addresses("eth0") == ["fd00:1:2::9/64"]


# -- down and up


@pytest.mark.parametrize("disabled", [0, 1])
def test_addresses_outlive_that_the_interface_is_set_down(node, disabled):
    pod = node.pod()
    pod.sysctl("ipv6.conf.default.disable_ipv6", disabled)
    conf = network("dual", isDefaultGateway=None, isGateway=True)
    result = node.add(pod, conf)
    assert pod.sysctl("ipv6.conf.eth0.keep_addr_on_down") == "1"
    pod.ip("link set eth0 down")
    pod.ip("link set eth0 up")
    assert pod.addresses("eth0") == ["10.1.2.2/24", "fd00:1:2::2/64"]
    node.check(pod, conf, result)
    wait_for(lambda: pod.ping(GATEWAY6))


@pytest.mark.any_kernel
def test_an_IPv4_pods_addresses_are_not_kept_on_down(node):
    pod = node.pod()
    node.add(pod, network("v4"))
    assert pod.sysctl("ipv6.conf.eth0.keep_addr_on_down") == "0"


@pytest.mark.any_kernel
@pytest.mark.parametrize("already", [0, 1])
def test_where_it_can_not_be_written_it_is_told_and_the_pod_is_connected(node, already):
    """Unless it is so already."""
    node.add(node.pod(), network("dual"))
    pod = node.pod()
    pod.sysctl("ipv6.conf.default.keep_addr_on_down", already)
    node.run("mount", "--bind", "/proc/sys", "/proc/sys")
    node.run("mount", "-o", "remount,bind,ro", "/proc/sys")
    done = node.invoke("ADD", network("dual", acceptRA=True), pod)
    assert done.returncode == 0, done
    assert bool(done.stderr) == (not already)
    if not already:
        for word in ("eth0", "keep_addr_on_down", "Read-only file system"):
            assert word in done.stderr
    assert pod.ping(GATEWAY6)


def test_a_node_with_IPv6_disabled_by_default_gets_its_gateway(node):
    node.sysctl("ipv6.conf.default.disable_ipv6", 1)
    pod = node.pod()
    node.add(pod, network("dual"))
    assert pod.ping(GATEWAY6)


def test_IPv4_alone_works_where_IPv6_is_disabled(node):
    pod = node.pod()
    for ns in (node, pod):
        ns.sysctl("ipv6.conf.default.disable_ipv6", 1)
    node.add(pod, network("v4"))
    assert pod.ping("198.51.100.1")
    assert pod.sysctl("ipv6.conf.eth0.disable_ipv6") == "1"


# -- router advertisements (CVE-2020-10749)


def advertisement(prefix):
    """Type 134: be my default route for half an hour, and take an address of mine."""
    header = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 3600, 3600, 0)
    return header + option + socket.inet_pton(socket.AF_INET6, prefix)


def advertise(pod, prefix):
    index = pod.call(socket.if_nametoindex, "eth0")
    with pod.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.bind((ROUTER, 0, 0, index))
        sock.sendto(advertisement(prefix), ("ff02::1", 0, 0, index))


def learned(node, bridge):
    """Routes and addresses that a bridge has from router advertisements."""
    routes = [r for r in node.routes(6)
              if r.get("dev") == bridge and r.get("protocol") == "ra"]
    return routes, [a for a in ipv6_addresses(node, bridge) if a.get("dynamic")]


def heard(node, bridge):
    def read():
        with open(f"/proc/thread-self/net/dev_snmp6/{bridge}") as file:
            return dict(line.split() for line in file)["Icmp6InRouterAdvertisements"]

    return int(node.call(read))


def be_a_router(pod):
    pod.ip(f"addr add {ROUTER}/64 dev eth0 nodad")


def control(node):
    """A bridge as others make it, which does believe what a pod advertises."""
    pod = node.pod("control")
    node.ip_batch("link add ctl0 type bridge\n"
                  "link add ctl1 type veth peer name eth0 netns control\n"
                  "link set ctl1 master ctl0 up\n")
    node.sysctl("ipv6.conf.ctl0.accept_ra", 2)
    node.ip("link set ctl0 up")
    pod.ip("link set eth0 up")
    return pod


@pytest.mark.parametrize("families", ["v4", "dual"])
@pytest.mark.parametrize("made_before", [False, True])
def test_a_pods_router_advertisement_changes_nothing(node, families, made_before):
    if made_before:
        node.ip("link add cni0 type bridge")
    pod, believed = node.pod(), control(node)
    node.add(pod, network(families))
    if pod.sysctl("ipv6.conf.eth0.disable_ipv6") == "1":
        pod.sysctl("ipv6.conf.eth0.disable_ipv6", 0)
    for each in (believed, pod):
        be_a_router(each)

    def believes():  # the kernel turns the control's port on at a time of its own
        advertise(believed, "2001:db8:c::")
        return all(learned(node, "ctl0"))

    wait_for(believes)  # the advertisement does work
    advertise(pod, "2001:db8:d::")
    wait_for(lambda: heard(node, "cni0") >= 1)  # it was received
    time.sleep(0.1)
    assert learned(node, "cni0") == ([], [])
    assert node.sysctl("ipv6.conf.cni0.accept_ra") == "0"


@pytest.mark.any_kernel
def test_a_bridge_that_somebody_has_believe_them_stops_that_with_the_next_ADD(node):
    node.add(node.pod(), network())
    node.sysctl("ipv6.conf.cni0.accept_ra", 1)
    node.add(node.pod(), network())
    assert node.sysctl("ipv6.conf.cni0.accept_ra") == "0"
