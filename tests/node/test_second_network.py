# SPDX-License-Identifier: GPL-2.0-or-later
"""A pod on two networks that both have a default route: the newest one's is used."""
import re
import socket

import pytest

from harness import delegates, plugin
from harness.node import INTERNET4, INTERNET6, network

SUBNETS = {"v4": "10.1.{}.0/24", "v6": "fd00:1:{}::/64"}
INTERNET = {"v4": INTERNET4, "v6": INTERNET6}
FAMILIES = {"v4": ["v4"], "v6": ["v6"], "dual": ["v4", "v6"]}


def net(number, families="dual", **changes):
    ranges = [[{"subnet": SUBNETS[family].format(number)}] for family in FAMILIES[families]]
    changes.setdefault("ipam", {}).setdefault("ranges", ranges)
    return network(name=f"net{number}", bridge=f"br{number}", **changes)


def device(pod, family):
    """The interface by which a packet to the outside leaves."""
    found, = pod.ip_json("route", "get", INTERNET[family])
    return found["dev"]


def used(pod, families="dual"):
    return {device(pod, family) for family in FAMILIES[families]}


OUTSIDE = {"v4": "198.51.100.{}", "v6": "2001:db8:bbbb::{}"}


def connections(pod, node, family, n=40):
    """To how many of so many addresses outside a connection comes about."""
    ipv6 = family == "v6"
    af = socket.AF_INET6 if ipv6 else socket.AF_INET
    everything = "2001:db8:bbbb::/64" if ipv6 else "198.51.100.0/24"
    node.outside.ip(f"route replace local {everything} dev lo")
    done = 0
    with node.outside.socket(af, socket.SOCK_STREAM) as listener:
        listener.bind(("::" if ipv6 else "0.0.0.0", 4711))
        listener.listen(n)
        for i in range(n):
            with pod.socket(af, socket.SOCK_STREAM) as sock:
                sock.settimeout(0.3)
                try:
                    sock.connect((OUTSIDE[family].format(i + 10), 4711))
                    done += 1
                except OSError:
                    pass
    return done


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_all_connections_leave_by_the_newest(node, family):
    """The first one's packets get no answer: nobody has a route back to its pods."""
    pod = node.pod()
    node.add(pod, net(1, ipMasq=False))
    node.add(pod, net(2), ifname="net1")
    assert connections(pod, node, family) == 40


@pytest.mark.parametrize("families", FAMILIES)
@pytest.mark.parametrize("gone", [1, 2])
def test_CHECK_passes_for_both_and_each_works_without_the_other(node, families, gone):
    pod, confs = node.pod(), {1: net(1, families), 2: net(2, families)}
    names = {1: "eth0", 2: "net1"}
    results = {n: node.add(pod, conf, ifname=names[n]) for n, conf in confs.items()}
    assert used(pod, families) == {"net1"}
    for n, conf in confs.items():
        node.check(pod, conf, results[n], ifname=names[n])
    node.delete(pod, confs[gone], results[gone], ifname=names[gone])
    left = 3 - gone
    node.check(pod, confs[left], results[left], ifname=names[left])
    assert used(pod, families) == {names[left]}
    for family in FAMILIES[families]:
        assert connections(pod, node, family, 3) == 3


def test_the_newest_is_the_one_that_was_attached_last_not_the_one_of_the_last_name(node):
    """The first one leaves and comes back: by then the others have lower metrics."""
    pod = node.pod()
    for number, name in ((1, "eth0"), (2, "net1"), (3, "net2")):
        node.add(pod, net(number), ifname=name)
        assert used(pod) == {name}
    node.delete(pod, net(1), ifname="eth0")
    assert used(pod) == {"net2"}
    node.add(pod, net(1), ifname="eth0")
    assert used(pod) == {"eth0"}


@pytest.mark.skipif(plugin.NEWEST < "1.1.0", reason="results don't tell")
def test_the_result_tells_the_metric_that_it_got(node):
    pod = node.pod()
    first = node.add(pod, net(1))
    second = node.add(pod, net(2), ifname="net1")
    assert [r.get("priority") for r in first["routes"]] == [None, None]
    assert {r["dst"]: r.get("priority") for r in second["routes"]} == \
        {"0.0.0.0/0": None, "::/0": 1023}


def test_other_destinations_of_both_are_the_newests_too(node):
    """Another network's: all its connections fail where half leave by the wrong one."""
    pod, routes = node.pod(), {"routes": [{"dst": "2001:db8:bbbb::/48"}]}
    for number, name in ((1, "eth0"), (2, "net1")):
        node.add(pod, net(number, "v6", isDefaultGateway=False, isGateway=True,
                          ipMasq=number == 2, ipam=dict(routes)), ifname=name)
    assert connections(pod, node, "v6") == 40


def test_a_default_route_that_came_from_elsewhere_gives_way(node):
    """The route's interface has a larger index than the plugin's, so a lookup missed it once."""
    pod = node.pod()
    pod.ip_batch("link add name far0 index 77 type veth peer name far1 index 78\n"
                 "link set far0 up\nlink set far1 up\n"
                 "addr add 2001:db8:cccc::2/64 dev far0 nodad\n"
                 "route add ::/0 via 2001:db8:cccc::1\n")
    result = node.add(pod, net(1))
    assert device(pod, "v6") == "eth0"
    node.check(pod, net(1), result)


def test_a_route_that_the_interface_itself_has_already_is_no_obstacle(node):
    """A router's advertisement may come as soon as it is up."""
    early = delegates.Delegate(node, """
        if verb == "ADD":
            pod = os.path.basename(os.environ["CNI_NETNS"])
            for line in ("link set eth0 up", "-6 route add default via fe80::99 dev eth0"):
                subprocess.run(["/sbin/ip", "-n", pod, *line.split()], check=True)
            answer(cniVersion="1.0.0", ips=[{"address": "fd00:1:2::9/64",
                                             "gateway": "fd00:1:2::1"}])""")
    pod, conf = node.pod(), early.conf(cniVersion="1.0.0", isDefaultGateway=True)
    result = node.add(pod, conf, env=early.env)
    gateways = {hop["gateway"] for route in pod.routes(6) if route["dst"] == "default"
                for hop in route.get("nexthops", [route])}
    assert gateways == {"fe80::99", "fd00:1:2::1"}
    node.check(pod, conf, result, env=early.env)


def test_an_entry_that_is_there_twice_is_made_once(node):
    """The kernel takes table 0 and the main one for the same."""
    routes = [{"dst": "198.18.0.0/15"}, {"dst": "198.18.0.0/15", "table": 0}]
    pod = node.pod()
    node.add(pod, net(1, "v4", ipam={"routes": routes}))
    assert [r["dst"] for r in pod.routes()].count("198.18.0.0/15") == 1


def test_so_is_an_entry_of_IPv4_on_a_second_network(node):
    """Only IPv6's routes were looked at there before."""
    routes = [{"dst": "198.18.0.0/15"}, {"dst": "198.18.0.0/15", "table": 0}]
    pod = node.pod()
    node.add(pod, net(1))
    conf = net(2, ipam={"routes": routes})
    result = node.add(pod, conf, ifname="net1")
    assert used(pod) == {"net1"}
    assert [r["dst"] for r in pod.routes()].count("198.18.0.0/15") == 1
    node.check(pod, conf, result, ifname="net1")


def metrics(pod, name):
    return {family: [r.get("metric") for r in pod.routes(n)
                     if r["dst"] == "default" and r["dev"] == name]
            for family, n in (("v4", 4), ("v6", 6))}


def test_metric_says_which_one_is_used(node):
    pod = node.pod()
    node.add(pod, net(1, metric=50))
    conf = net(2, metric=2000)
    result = node.add(pod, conf, ifname="net1")
    assert used(pod) == {"eth0"}
    assert metrics(pod, "eth0") == {"v4": [50], "v6": [50]}
    assert metrics(pod, "net1") == {"v4": [2000], "v6": [2000]}
    node.check(pod, conf, result, ifname="net1")
    if plugin.NEWEST >= "1.1.0":
        assert {r["priority"] for r in result["routes"]} == {2000}


def test_of_equal_metrics_the_newest_is_used(node):
    pod = node.pod()
    for number, name in ((1, "eth0"), (2, "net1")):
        node.add(pod, net(number, metric=50), ifname=name)
    assert used(pod) == {"net1"}
    assert metrics(pod, "net1") == {"v4": [50], "v6": [49]}


@pytest.mark.parametrize("asked, got", [(None, 1024), (1, 2)])
def test_nothing_is_preferred_to_a_metric_of_1(node, asked, got):
    """Attached it is all the same."""
    pod = node.pod()
    node.add(pod, net(1, "v6", metric=1))
    conf = net(2, "v6", metric=asked)
    result = node.add(pod, conf, ifname="net1")
    assert used(pod, "v6") == {"eth0"}
    assert metrics(pod, "net1")["v6"] == [got]
    node.check(pod, conf, result, ifname="net1")


def test_metric_is_that_of_default_routes_without_a_priority(node):
    pod = node.pod()
    node.add(pod, net(1, metric=50, ipam={"routes": [
        {"dst": "0.0.0.0/0", "priority": 7}, {"dst": "::/0"},
        {"dst": "198.18.0.0/15"}, {"dst": "fd00:9::/32"}]}))
    assert metrics(pod, "eth0") == {"v4": [7], "v6": [50]}
    assert [r.get("metric") for r in pod.routes(4) if r["dst"] == "198.18.0.0/15"] == [None]
    assert [r["metric"] for r in pod.routes(6) if r["dst"] == "fd00:9::/32"] == [1024]


def test_two_next_hops_of_one_network_stay_one_route_beside_anothers(node):
    """In the second network they are preferred together."""
    hops = {"routes": [{"dst": "::/0", "gw": f"fd00:1:2::{i}"} for i in (8, 9)]}
    pod = node.pod()
    node.add(pod, net(1))
    result = node.add(pod, net(2, "v6", ipam=dict(hops)), ifname="net1")
    newest, = [r for r in pod.routes(6) if r["dst"] == "default" and r["metric"] == 1023]
    assert {hop["gateway"] for hop in newest["nexthops"]} == {"fd00:1:2::8", "fd00:1:2::9"}
    node.check(pod, net(2, "v6", ipam=dict(hops)), result, ifname="net1")


def route_lists(node, pod, conf, tmp_path, **kw):
    """How often an ADD asks for all routes (strace has no names for some sockets)."""
    trace = tmp_path / "trace"
    argv = ("strace", "-f", "-e", "trace=sendto", "-o", str(trace))
    assert node.invoke("ADD", conf, pod, wrapper=argv, **kw).returncode == 0
    wanted = r"nlmsg_type=(?:RTM_GETROUTE|0x1a)\b.*?NLM_F_REQUEST\|(?:NLM_F_DUMP|0x300)\b"
    return len(re.findall(wanted, trace.read_text()))


def test_one_network_alone_asks_for_no_list_of_routes(node, tmp_path):
    """The common case costs nothing."""
    node.add(node.pod(), net(1))  # the bridge's MTU is its uplinks', found by their routes
    node.add(node.pod(), net(2))
    pod = node.pod()
    assert route_lists(node, pod, net(1), tmp_path) == 0
    assert route_lists(node, pod, net(2), tmp_path, ifname="net1") == 1
