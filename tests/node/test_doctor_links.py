# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of interfaces: subnets, bridges, their pods and MTU, and what others left."""
import json
import os

import pytest

from harness import plugin
from harness.command import conflist
from harness.doctor import findings, mended, one, ours, run, told_and_mended, write
from harness.node import UPLINK

pytestmark = pytest.mark.must_run


def test_a_subnet_that_is_on_another_interface(healthy):
    healthy.ip("link add other type bridge")
    healthy.ip("link set other up")
    healthy.ip("addr add 10.1.2.77/25 dev other")
    told_and_mended(healthy, "subnets", "problem", "other", "10.1.2.77/25")


def test_a_subnet_that_a_route_leads_elsewhere(healthy):
    healthy.ip("route add 10.1.2.128/25 via 192.0.2.1")
    told_and_mended(healthy, "subnets", "problem", "10.1.2.128/25", UPLINK)
    healthy.ip("route add 10.0.0.0/8 via 192.0.2.1")
    assert findings(healthy, "subnets") == []


@pytest.mark.parametrize("kind", ["veth peer name peer", "macvlan"])
def test_the_address_of_an_interface_in_use_is_not_removed(healthy, kind):
    """A storage or management network without a default route: who runs doctor may have come by it."""
    link = "storage"
    healthy.ip(f"link add {link} {'link ' + UPLINK if kind == 'macvlan' else ''} type {kind}")
    healthy.ip(f"link set {link} up")
    healthy.ip(f"addr add 10.1.2.77/25 dev {link}")
    finding = one(healthy, "subnets", "problem", link, "10.1.2.77/25")
    assert "command" not in finding and "ipam.ranges" in finding["advice"]
    healthy.ip(f"link set {link} down")
    told_and_mended(healthy, "subnets", "problem", link, "10.1.2.77/25")


@pytest.mark.parametrize("route", [
    f"10.1.2.0/24 dev {UPLINK}", "10.1.2.0/24 via 192.0.2.1", f"10.1.2.128/25 dev {UPLINK}",
    "10.1.2.128/25 via 192.0.2.1 proto static", "10.1.2.128/25 via 192.0.2.1 table 77"])
def test_a_route_of_an_uplink_is_not_removed(healthy, route):
    """But one through another node, as a former CNI made it."""
    healthy.ip(f"route add {route}")
    finding = one(healthy, "subnets", "problem", route.split()[0], UPLINK)
    assert "command" not in finding and "ipam.ranges" in finding["advice"]


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit", "throw"])
@pytest.mark.parametrize("dst, wider", [("10.1.2.128/25", "10.1.0.0/16"), ("fd00:1:2:0:8000::/65", "fd00:1::/32")])
def test_a_route_that_refuses_what_is_for_pods(healthy, kind, dst, wider):
    healthy.ip(f"route add {kind} {dst}")
    finding = one(healthy, "subnets", "problem", kind, dst)
    assert f"ip route del {kind} {dst} table 254" in finding["advice"] and "command" not in finding
    healthy.ip(f"route del {kind} {dst} table 254")
    healthy.ip(f"route add {kind} {wider}")
    assert findings(healthy, "subnets") == []


def test_a_route_behind_the_bridges_own_is_no_finding(healthy):
    """A routing daemon may have one that drops what is for the whole subnet, should the bridge go."""
    healthy.ip("route add blackhole 10.1.2.0/24 metric 100")
    one(healthy, "subnets", "problem", "blackhole", "10.1.2.0/24")
    healthy.add(healthy.pod(), ours("dual"))
    assert findings(healthy, "subnets") == []


@pytest.mark.parametrize("name, word", [("docker0", "Docker"), ("br-0123456789ab", "Docker"), ("virbr0", "ipam")])
def test_the_bridge_of_another_program_is_its_own(healthy, name, word):
    """Only where it has a subnet of pods it is a fault, and no command takes its address away."""
    healthy.ip(f"link add {name} type bridge")
    healthy.ip(f"link set {name} up")
    healthy.ip(f"addr add 172.17.0.1/16 dev {name}")
    assert findings(healthy, "subnets") == [] == findings(healthy, "former-cni")
    healthy.ip(f"addr add 10.1.0.1/16 dev {name}")
    finding = one(healthy, "subnets", "problem", name, "10.1.0.1/16")
    assert "command" not in finding and word in finding["advice"]


@pytest.mark.parametrize("interface, conf", [
    ("cni0", {"type": "bridge"}), ("cni5", {"type": "bridge", "bridge": "cni5"}),
    ("kube-bridge", {"type": "bridge", "bridge": "kube-bridge"}), ("flannel.1", {"type": "flannel"}),
    ("cni0", {"type": "flannel"}), ("weave", {"type": "weave-net"})])
def test_an_interface_of_a_cni_that_is_configured_is_in_use(healthy, interface, conf):
    write(healthy, ours("v4", bridge="br1"))
    healthy.ip(f"link add {interface} type bridge")
    assert bool(findings(healthy, "former-cni")) == (interface != "cni5")
    write(healthy, {"cniVersion": "1.0.0", "name": "x", "plugins": [conf]}, "99-x.conflist")
    assert findings(healthy, "former-cni") == []
    write(healthy, {"cniVersion": "1.0.0", "name": "x", "plugins": [{**conf, "type": "macvlan", "bridge": "br7"}]},
          "99-x.conflist")
    assert bool(findings(healthy, "former-cni")) == (interface != "cni5")


def test_a_bridge_with_the_address_of_a_former_cni(healthy):
    healthy.ip("link add cni0 type bridge")
    healthy.ip("addr add 10.244.0.1/24 dev cni0")
    finding = one(healthy, "bridge", "problem", "10.244.0.1/24")
    healthy.refused(healthy.pod(), ours("dual"), plugin.EXISTS, "10.244.0.1")
    mended(healthy, finding)
    healthy.add(healthy.pod(), ours("dual"))


def test_an_address_that_has_replaced_the_gateway_of_pods(healthy):
    pod = healthy.pod()
    added = healthy.add(pod, ours("dual"))
    healthy.ip("addr del 10.1.2.1/24 dev cni0")
    healthy.ip("addr add 10.99.0.1/24 dev cni0")
    foreign, gateway = findings(healthy, "bridge")
    assert "10.99.0.1/24" in foreign["message"] and "10.1.2.1/24" in gateway["message"]
    # A repair refuses as long as the address is there, and no order is given to wait for pods' ends.
    assert "command" not in gateway and "is removed" in gateway["advice"]
    assert "gone" not in foreign["advice"] and "remove the address" in foreign["advice"]
    healthy.ip("addr del 10.99.0.1/24 dev cni0")
    told_and_mended(healthy, "bridge", "problem", "10.1.2.1/24")
    healthy.check(pod, ours("dual"), added)


def test_a_bridge_that_is_none(healthy):
    healthy.ip("link add cni0 type veth peer name peer0")
    told_and_mended(healthy, "bridge", "problem", "veth")


def test_a_bridge_that_is_down_or_gone(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.ip("link set cni0 down")
    told_and_mended(healthy, "bridge", "problem", "down")
    healthy.ip("link del cni0")
    told_and_mended(healthy, "bridge", "problem", "gone")


@pytest.mark.parametrize("pod_link", ["bridged", "routed"])
@pytest.mark.parametrize("commands, words", [
    (["addr del 10.1.2.1/24 dev cni0"], ["10.1.2.1/24"]),
    (["addr del fd00:1:2::1/64 dev cni0"], ["fd00:1:2::1/64"]),
    (["addr del 10.1.2.1/24 dev cni0", "addr add 10.1.2.1/25 dev cni0"], ["10.1.2.1/24", "another prefix"]),
    (["link set PORT down"], ["PORT", "down"]), (["link set PORT nomaster"], ["PORT", "bridge"])])
def test_pods_that_are_cut_off(healthy, pod_link, commands, words):
    conf = ours("dual", podLink=pod_link)
    write(healthy, conf)
    if healthy.call(os.path.exists, "/proc/sys/net/bridge"):
        for key in ("iptables", "ip6tables"):
            healthy.sysctl(f"bridge.bridge-nf-call-{key}", int(pod_link == "bridged"))
    pod = healthy.pod()
    added = healthy.add(pod, conf)
    [port] = [name for name in healthy.links() if name.startswith("veth")]
    for line in commands:
        healthy.ip(line.replace("PORT", port))
    finding = one(healthy, "bridge", "problem", *(word.replace("PORT", port) for word in words))
    assert " repair " in finding["command"]
    mended(healthy, finding)
    healthy.check(pod, conf, added)


def test_the_bridges_mtu(healthy):
    healthy.ip("link add cni0 mtu 9000 type bridge")
    told_and_mended(healthy, "mtu", "warning", "9000", "1500")
    write(healthy, ours("dual", mtu=9000))
    one(healthy, "mtu", "warning", "9000", "1500")


def test_interfaces_of_a_former_cni(healthy):
    for name in ("flannel.1", "weave"):
        healthy.ip(f"link add {name} type bridge")
        told_and_mended(healthy, "former-cni", "warning", name)


@pytest.mark.parametrize("by", ["alias", "ports", "store"])
@pytest.mark.parametrize("read", ["nothing", "another", "damaged"])
def test_a_bridge_with_pods_is_not_a_former_cnis(healthy, by, read):
    """Whatever was read: it is this program's by its alias, by its ports', or by the store."""
    for _ in range(2):
        healthy.add(healthy.pod(), ours("v4"))
    if by != "alias":
        healthy.ip("link set cni0 alias somebody")
    if by == "store":
        for name in healthy.links():
            if name.startswith("veth"):
                healthy.ip(f"link set {name} alias somebody")
    (healthy.run_dir / "net.d/10-ours.conflist").unlink()
    if read == "another":
        write(healthy, ours("v4", name="other", bridge="br1",
                            ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}))
    elif read == "damaged":
        write(healthy, json.dumps(conflist(ours("v4"))).replace(",", ",,", 1))
    assert findings(healthy, "former-cni") == []
    done = run(healthy)
    assert "cni0 is bridge-cni's, of network testnet, which no configuration that was read has" in done.stdout
    assert " del " not in done.stdout


def test_no_command_removes_what_is_in_use(healthy):
    """Somebody's bridge whose ports are up: neither it nor its addresses and routes are removed."""
    healthy.ip("link add cni0 type bridge")
    healthy.ip("link add port type veth peer name peer")
    healthy.ip("link set port master cni0 up")
    healthy.ip("link set cni0 up")
    healthy.ip("addr add 10.244.0.1/24 dev cni0")
    one(healthy, "bridge", "problem", "10.244.0.1/24")
    write(healthy, ours("v4", bridge="br1"))
    one(healthy, "former-cni", "warning", "cni0")
    healthy.ip("addr add 10.1.2.77/25 dev cni0")
    one(healthy, "subnets", "problem", "10.1.2.77/25")
    healthy.ip("addr del 10.1.2.77/25 dev cni0")
    healthy.ip("route add 10.1.2.128/25 dev cni0")
    one(healthy, "subnets", "problem", "10.1.2.128/25")
    healthy.ip("link add flannel.1 type veth peer name peer1")
    healthy.ip("link set flannel.1 up")
    write(healthy, ours("v4", bridge="flannel.1"))
    one(healthy, "bridge", "problem", "flannel.1")
    assert " del " not in run(healthy).stdout
    write(healthy, ours("v4", bridge="br1"))
    assert " del " not in run(healthy).stdout


def test_a_bridge_that_has_nearly_all_or_all_ports_that_it_can_have(healthy):
    """A pod too many is refused, and leaves nothing."""
    conf, pod = ours("dual"), healthy.pod()
    healthy.add(pod, conf)
    bridge, one_queue = conf["bridge"], "numtxqueues 1 numrxqueues 1"

    def fill(first, last):
        """Ports that are down, by pairs, both ends of which are ports."""
        healthy.ip_batch("\n".join(
            f"link add a{i} {one_queue} master {bridge} type veth peer name b{i} {one_queue}\n"
            f"link set b{i} master {bridge}" for i in range(first, last)))

    fill(0, 485)  # 971
    one(healthy, "bridge", "warning", f"{bridge} has 971 ports", "more than 1023", "few pods")
    fill(485, 511)
    finding = one(healthy, "bridge", "problem", f"{bridge} has 1023 ports", "every ADD fails")
    assert "maxPods" in finding["advice"]
    late, before = healthy.pod(), (set(healthy.links()), healthy.reservations())
    healthy.refused(late, conf, plugin.KERNEL, f"bridge {bridge} is full", "1023 ports")
    assert (set(healthy.links()), healthy.reservations()) == before
    assert "eth0" not in late.links()
    healthy.delete(pod, conf)
    healthy.add(late, conf)
