# SPDX-License-Identifier: GPL-2.0-or-later
"""mtu: whose it is when none is configured, and what keeps it."""
import pytest

from harness import plugin
from harness.node import UPLINK, named, network

UPLINK6 = "uplink6"


def mtus(node, pod, result):
    """The MTUs of the bridge, the host's end and the pod's end."""
    host = named(result, sandbox=False)[1]["name"]
    links = node.links()
    return [links["cni0"]["mtu"], links[host]["mtu"], pod.links()["eth0"]["mtu"]]


def uplinks(node, mtu4, mtu6):
    """The default routes of the families by different interfaces."""
    node.ip_batch(f"""
        link set {UPLINK} mtu {mtu4}
        link add {UPLINK6} mtu {mtu6} type veth peer name away6 mtu {mtu6}
        link set away6 up
        link set {UPLINK6} up
        route del ::/0
        route add ::/0 dev {UPLINK6}
        """)


@pytest.mark.parametrize("families, expected", [("v4", 1400), ("v6", 1350), ("dual", 1350)])
def test_without_mtu_it_is_that_of_the_uplink_in_the_family_in_use(node, families, expected):
    """Dual stack: what goes through either."""
    uplinks(node, mtu4=1400, mtu6=1350)
    pod, conf = node.pod(), network(families)
    result = node.add(pod, conf)
    assert mtus(node, pod, result) == [expected] * 3
    if plugin.NEWEST >= "1.1.0":
        assert [i["mtu"] for i in result["interfaces"]] == [expected] * 3
    node.check(pod, conf, result)


def test_dual_stack_takes_the_smaller_one_whichever_family_has_it(node):
    uplinks(node, mtu4=1300, mtu6=9000)
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network("dual"))) == [1300] * 3


def test_a_large_one_is_taken_too(node):
    node.ip(f"link set {UPLINK} mtu 9000")
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network())) == [9000] * 3


def test_of_several_default_routes_the_preferred_ones_interface_counts(node):
    node.ip_batch(f"""
        link set {UPLINK} mtu 1400
        link add backup0 mtu 1300 type veth peer name backup1
        link set backup1 up
        link set backup0 up
        route add default dev backup0 metric 50
        route del default via 192.0.2.1
        route add default via 192.0.2.1 metric 10
        route add default dev backup0 table 77
        """)
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network())) == [1400] * 3


DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}
ROUTERS = [("one0", 1400), ("two0", 1300)]


def several_uplinks(node):
    """Two interfaces, and in each family a router behind either."""
    lines = [f"route del {DEFAULT[family]}" for family in (4, 6)]
    for i, (name, mtu) in enumerate(ROUTERS):
        lines += [f"link add {name} mtu {mtu} type veth peer name far{i} mtu {mtu}",
                  f"link set far{i} up", f"link set {name} up",
                  f"addr add 203.0.113.{i * 128 + 2}/25 dev {name}",
                  f"addr add 2001:db8:{i}::2/64 dev {name} nodad"]
    node.ip_batch("\n".join(lines))


def by(family, i):
    """A router on the i-th of them."""
    return f"via 203.0.113.{i * 128 + 1}" if family == 4 else f"via 2001:db8:{i}::1"


def hops(family, how):
    """The default route through both."""
    both = [f"nexthop {by(family, i)} dev {name}" for i, (name, _) in enumerate(ROUTERS)]
    inet6 = [f"nexthop via inet6 fe80::1 dev {name}" for name, _ in ROUTERS]
    objects = [f"nexthop add id {family}{i} {by(family, i)} dev {name}"
               for i, (name, _) in enumerate(ROUTERS)]
    group = f"nexthop add id {family}9 group {family}0/{family}1"
    default = f"route add {DEFAULT[family]}"
    return {"in the route": [f"{default} {' '.join(both)}"],
            "via inet6": [f"{default} {' '.join(inet6)}"],
            "an object": [objects[1], f"{default} nhid {family}1"],
            "a group": [*objects, group, f"{default} nhid {family}9"]}[how]


FORMS = ["in the route", "an object", "a group"]


@pytest.mark.parametrize("compatible", [1, 0])
@pytest.mark.parametrize("how", FORMS)
@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
def test_of_several_next_hops_the_smallest_counts(node, families, how, compatible):
    """Without compatibility a route tells the number of its nexthop object, and no more."""
    several_uplinks(node)
    node.sysctl("ipv4.nexthop_compat_mode", compatible)
    for family in {"v4": [4], "v6": [6], "dual": [4, 6]}[families]:
        node.ip_batch("\n".join(hops(family, how)))
    pod, conf = node.pod(), network(families)
    result = node.add(pod, conf)
    assert mtus(node, pod, result) == [1300] * 3
    node.check(pod, conf, result)


def test_dual_stack_takes_the_smallest_of_all_next_hops(node):
    """IPv6 leaves by one interface, IPv4 by a group that has the smaller one."""
    several_uplinks(node)
    node.sysctl("ipv4.nexthop_compat_mode", 0)
    node.ip_batch("\n".join([*hops(4, "a group"), f"route add ::/0 {by(6, 0)}"]))
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network("dual"))) == [1300] * 3


def test_next_hops_of_the_other_family_count(node):
    several_uplinks(node)
    node.ip_batch("\n".join(hops(4, "via inet6")))
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network())) == [1300] * 3


def test_a_nexthop_object_that_leads_nowhere_is_no_uplink(node):
    node.ip_batch("route del default\nnexthop add id 1 blackhole\nroute add default nhid 1\n")
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network())) == [1500] * 3


@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
def test_without_a_default_route_it_is_the_kernels(node, families):
    for family in (4, 6):
        node.ip(f"-{family} route del default")
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network(families))) == [1500] * 3


@pytest.mark.parametrize("own", [1300, 1500, 4000])
def test_a_bridge_that_is_there_has_its_own(node, own):
    node.ip_batch(f"link set {UPLINK} mtu 1400\nlink add cni0 type bridge\n"
                  f"link set cni0 mtu {own}\n")
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network())) == [own] * 3


@pytest.mark.parametrize("families, mtu", [("v4", 68), ("v4", 1450), ("dual", 1280),
                                           ("dual", 9000), ("v4", 65535)])
def test_a_configured_one_is_everybodys(node, families, mtu):
    pod, conf = node.pod(), network(families, mtu=mtu)
    result = node.add(pod, conf)
    assert mtus(node, pod, result) == [mtu] * 3
    if plugin.NEWEST >= "1.1.0":
        assert [i["mtu"] for i in result["interfaces"]] == [mtu] * 3
    node.check(pod, conf, result)


def test_a_bridge_that_is_there_is_not_given_the_configured_one(node):
    """The bridge may have other ports, and its owner may have reasons."""
    node.ip("link add cni0 type bridge")
    node.ip("link set cni0 mtu 1450")
    pod = node.pod()
    result = node.add(pod, network(mtu=1400))
    assert mtus(node, pod, result) == [1450, 1400, 1400]
    if plugin.NEWEST >= "1.1.0":
        assert [i["mtu"] for i in result["interfaces"]] == [1450, 1400, 1400]


def test_the_result_has_the_mtu_that_the_bridge_took_from_a_smaller_port(node):
    """A bridge that nobody set an MTU of has its smallest port's."""
    node.ip("link add cni0 type bridge")
    pod = node.pod()
    result = node.add(pod, network(mtu=1400))
    assert mtus(node, pod, result) == [1400] * 3
    if plugin.NEWEST >= "1.1.0":
        assert [i["mtu"] for i in result["interfaces"]] == [1400] * 3


@pytest.mark.parametrize("conf", [{"mtu": 1400}, {"mtu": 9000}, {}])
def test_the_bridge_keeps_its_own_when_the_last_port_goes(node, conf):
    """Left to itself, the kernel would go back to 1500: the next pod would get that."""
    node.ip(f"link set {UPLINK} mtu 1350")
    expected = conf.get("mtu", 1350)
    conf, pod = network(**conf), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    assert node.links()["cni0"]["mtu"] == expected
    pod = node.pod()
    assert mtus(node, pod, node.add(pod, network())) == [expected] * 3


@pytest.mark.parametrize("version", [v for v in plugin.VERSIONS if v >= "0.3.0"])
def test_results_have_it_from_1_1_0_on(node, version):
    result = node.add(node.pod(), network(cniVersion=version, mtu=1400))
    assert {("mtu" in i) for i in result["interfaces"]} == {version >= "1.1.0"}


def test_CHECK_names_an_mtu_that_changed_on_the_node(node):
    pod, conf = node.pod(), network(mtu=1400)
    result = node.add(pod, conf)
    host = named(result, sandbox=False)[1]["name"]
    node.ip(f"link set {host} mtu 1300")
    with plugin.refusal(plugin.CHECK, host, "MTU", "1400", "1300"):
        node.check(pod, conf, result)


@pytest.mark.skipif(plugin.NEWEST < "1.1.0", reason="results don't tell")
def test_CHECK_knows_the_uplinks_from_the_result(node):
    node.ip(f"link set {UPLINK} mtu 1400")
    pod, conf = node.pod(), network()
    result = node.add(pod, conf)
    node.ip(f"link set {UPLINK} mtu 1300")  # what it would be today is another matter
    node.check(pod, conf, result)
    host = named(result, sandbox=False)[1]["name"]
    node.ip(f"link set {host} mtu 1390")
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result)
    error.value.says(host, "MTU", "1400", "1390")


def test_CHECK_accepts_an_mtu_that_a_later_plugin_set_in_the_pod(node):
    pod, conf = node.pod(), network(mtu=1400)
    result = node.add(pod, conf)
    pod.ip("link set eth0 mtu 1300")
    node.check(pod, conf, result)
