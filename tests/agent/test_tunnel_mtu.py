# SPDX-License-Identifier: GPL-2.0-or-later
"""What tunnels between nodes leave of the MTU: pods' routes have it, interfaces and bridge keep
the uplink's."""
import errno
import json

import pytest

from harness.transfer import datagram, largest, transfer
from harness.waiting import wait_for, within

VXLAN = ("--tunnel-receive", "vxlan")  # the routes stay as they are
HOURLY = "--resync-seconds", "3600"  # what the agent follows before that it has noticed
SECONDS = 5  # in which it has followed
VXLAN4, VXLAN6 = 50, 70
FAR4, FAR6 = "10.244.99.2", "fd00:244:0:99::2"
CLUSTER = ("--cluster-cidr", "10.244.0.0/16,fd00:244::/48")


def defaults(mtu, families=(4, 6)):
    every = {4: {"dst": "0.0.0.0/0", "mtu": mtu, "advmss": mtu - 40},
             6: {"dst": "::/0", "mtu": mtu, "advmss": mtu - 60}}
    return [every[family] for family in families]


def started(node, *options):
    node.start_agent(*options)
    wait_for(node.ready)
    return node.conf()


def restarted(node, *options):
    node.stop_agent()
    return started(node, *options)


def template(node, **keys):
    """Options for the agent: a template whose first plugin has these keys."""
    path = node.directory / "template.json"
    path.write_text(json.dumps({"plugins": [{"type": "bridge-cni", **keys}]}))
    return "--conflist-template", path


def metrics(pod, family):
    route, = [r for r in pod.routes(family) if r["dst"] == "default"]
    return (route.get("metrics") or [{}])[0]


# -- the configuration list


def test_without_a_tunnel_the_list_has_no_routes(cluster):
    assert "routes" not in started(cluster.node())["ipam"]


@pytest.mark.parametrize("mode, overhead", [("vxlan", {"v4": 50, "v6": 70}),
                                            ("wireguard", {"v4": 60, "v6": 80})])
@pytest.mark.parametrize("option", ["--tunnel", "--tunnel-receive"])
def test_the_reduction_is_that_of_the_mode_and_the_widest_underlay(cluster, option, mode,
                                                                   overhead):
    """An IPv6 InternalIP is enough, as a peer may have no other."""
    four, both = cluster.node(underlay="v4"), cluster.node(underlay="v4 v6")
    for node, family in ((four, "v4"), (both, "v6")):
        node.start_agent(option, mode)
        wait_for(node.conflist)
        assert node.conf()["ipam"]["routes"] == defaults(1500 - overhead[family])
        assert "mtu" not in node.conf()


def test_of_two_modes_the_wider_counts(cluster):
    node = cluster.node(underlay="v4")
    node.start_agent("--tunnel", "vxlan", "--tunnel-receive", "wireguard")
    wait_for(node.conflist)
    assert node.conf()["ipam"]["routes"] == defaults(1500 - 60)


@pytest.mark.parametrize("families, underlay, expected", [
    ("v4", "v4", defaults(1450, [4])), ("v6", "v4", defaults(1450, [6])),
    ("v6", "v6", defaults(1430, [6]))])
def test_each_family_of_the_podCIDRs_has_its_route(cluster, families, underlay, expected):
    node = cluster.node(families, underlay=underlay)
    assert started(node, *VXLAN)["ipam"]["routes"] == expected


def test_with_a_smaller_mtu_of_the_pods_there_is_nothing_to_do(cluster):
    node = cluster.node(underlay="v4")
    assert "routes" not in started(node, *VXLAN, "--mtu", "1450")["ipam"]
    assert restarted(node, *VXLAN, "--mtu", "1451")["ipam"]["routes"] == defaults(1450)
    assert "routes" not in restarted(node, *VXLAN, *template(node, mtu=1400))["ipam"]
    # The template goes before the option, here as well.
    conf = restarted(node, *VXLAN, "--mtu", "1400", *template(node, mtu=0))
    assert conf["ipam"]["routes"] == defaults(1450)


def test_a_templates_own_routes_stay_with_the_mtu_in_them(cluster):
    node = cluster.node(underlay="v4")
    routes = [{"dst": "198.51.100.0/24"},
              {"dst": "198.51.101.0/24", "gw": "10.244.1.9", "mtu": 1300},
              {"dst": "fd00:99::/64", "mtu": 9000, "advmss": 8000},
              {"dst": "fd00:98::/64", "advmss": 1000},
              {"dst": "::/0", "priority": 7},
              {"dst": "10.244.1.77/32", "gw": "10.244.1.9"}]
    conf = started(node, *VXLAN, *template(node, ipam={"Routes": routes}))
    assert conf["ipam"]["Routes"] == [
        {"dst": "198.51.100.0/24", "mtu": 1450, "advmss": 1410},
        {"dst": "198.51.101.0/24", "gw": "10.244.1.9", "mtu": 1300},
        {"dst": "fd00:99::/64", "mtu": 1450, "advmss": 1390},
        {"dst": "fd00:98::/64", "mtu": 1450, "advmss": 1000},
        {"dst": "::/0", "priority": 7, "mtu": 1450, "advmss": 1390},
        {"dst": "10.244.1.77/32", "gw": "10.244.1.9"},  # it doesn't leave the node
        {"dst": "0.0.0.0/0", "mtu": 1450, "advmss": 1410}]


@pytest.mark.parametrize("keys", [{"isGateway": True}, {"isDefaultGateway": False}])
def test_a_template_without_a_default_gateway_gets_no_default_route(cluster, keys):
    node = cluster.node(underlay="v4")
    assert "routes" not in started(node, *VXLAN, *template(node, **keys))["ipam"]
    keys = {**keys, "ipam": {"routes": [{"dst": "198.51.100.0/24"}]}}
    conf = restarted(node, *VXLAN, *template(node, **keys))
    assert conf["ipam"]["routes"] == [{"dst": "198.51.100.0/24", "mtu": 1450, "advmss": 1410}]


# -- the uplink


def test_the_list_follows_the_uplinks_mtu(cluster):
    node = cluster.node(underlay="v4")
    started(node, *VXLAN, *HOURLY)
    for mtu in (1400, 9000, 1500):
        node.ip(f"link set eth0 mtu {mtu}")
        within(node, SECONDS, lambda: node.conf()["ipam"]["routes"] == defaults(mtu - VXLAN4))
        assert f'mtu={mtu - VXLAN4} uplink=eth0' in node.log()
    assert "was edited" not in node.log()


def test_the_interface_of_the_InternalIP_counts_beside_the_default_routes(cluster):
    node = cluster.node(underlay="v4")
    node.ip_batch("""
        link add up1 mtu 1400 type veth peer name up2 mtu 1400
        link set up1 up
        link set up2 up
        addr add 203.0.113.2/24 dev up1
        route replace default via 203.0.113.1
        """)
    assert started(node, *VXLAN, *HOURLY)["ipam"]["routes"] == defaults(1400 - VXLAN4)
    node.ip_batch("link set up1 mtu 1500\nlink set up2 mtu 1500\nlink set eth0 mtu 1380\n")
    within(node, SECONDS, lambda: node.conf()["ipam"]["routes"] == defaults(1380 - VXLAN4))
    # A Node that gets an IPv6 address, too, has an underlay that takes more.
    cluster.api.put(node.name, node.cidrs, [node.address4, "2001:db8:aaaa::77"])
    within(node, SECONDS, lambda: node.conf()["ipam"]["routes"] == defaults(1380 - VXLAN6))


def test_an_uplink_that_leaves_too_little_for_IPv6_is_named(cluster):
    node = cluster.node(underlay="v4")
    node.ip("link set eth0 mtu 1329")
    node.start_agent(*VXLAN)
    wait_for(lambda: "1330" in node.page("/readyz")[1])
    status, text = node.page("/readyz")
    assert status == 503 and all(word in text for word in ("eth0", "1329", "vxlan", "IPv6"))
    assert node.conflist() is None
    assert node.log().count("the configuration isn't right") == 1
    node.ip("link set eth0 mtu 1330")
    wait_for(node.ready)
    assert node.conf()["ipam"]["routes"] == defaults(1280)
    # On a node that is at work the list stays.
    node.ip("link set eth0 mtu 1300")
    wait_for(lambda: "1330" in node.page("/readyz")[1])
    assert node.page("/readyz")[0] == 200
    assert node.conf()["ipam"]["routes"] == defaults(1280)


def test_pods_without_IPv6_need_less(cluster):
    node = cluster.node("v4", underlay="v4")
    node.ip("link set eth0 mtu 1300")
    assert started(node, *VXLAN)["ipam"]["routes"] == defaults(1250, [4])


def test_an_uninstalling_agent_wants_no_mtu(cluster):
    node = cluster.node(underlay="v4")
    started(node, *VXLAN)
    pod = node.attach()
    node.stop_agent()
    node.ip("link set eth0 mtu 1300")
    node.start_agent(*VXLAN, "--uninstall", "drain", "--uninstall-linger-seconds", "1")
    wait_for(node.draining)
    node.detach(pod)
    wait_for(lambda: node.page("/readyz")[0] == 200 and node.conflist() is None)


# -- pods


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "1.1.0"])
@pytest.mark.parametrize("link", ["bridged", "routed"])
def test_pods_of_before_and_after_exchange_full_datagrams(cluster, link, version):
    node = cluster.node()
    options = ("--pod-link", link, "--cni-version", version)
    started(node, *options)
    old = node.attach()
    restarted(node, *options, *VXLAN)
    new, newer = node.attach(), node.attach()
    for pod, expected in ((old, ({}, {})), (new, ({"mtu": 1430, "advmss": 1390},
                                                  {"mtu": 1430, "advmss": 1370}))):
        assert (metrics(pod, 4), metrics(pod, 6)) == expected
        assert pod.links()["eth0"]["mtu"] == 1500
    assert node.links()["cni0"]["mtu"] == 1500
    for sender, receiver in ((old, new), (new, old), (new, newer)):
        for address in (receiver.address4, receiver.address6):
            assert datagram(sender, receiver, address, largest(address, 1500)) is True


def tunnel_like(node, mtu):
    """A namespace behind an interface of the node whose MTU only the node knows."""
    far = node.pod("far")
    node.ip(f"link add tun0 mtu {mtu} type veth peer name tun0 netns far")
    far.sysctl("ipv6.conf.default.accept_dad", 0)
    far.sysctl("ipv6.conf.all.accept_dad", 0)
    far.ip_batch(f"""
        link set tun0 up
        addr add {FAR4}/24 dev tun0
        addr add {FAR6}/64 dev tun0 nodad
        route add default via 10.244.99.1
        route add default via fd00:244:0:99::1
        """)
    node.ip_batch("""
        link set tun0 up
        addr add 10.244.99.1/24 dev tun0
        addr add fd00:244:0:99::1/64 dev tun0 nodad
        """)
    for address in (FAR4, FAR6):
        wait_for(lambda: node.ping(address, wait=1))
    return far


@pytest.mark.parametrize("link", ["bridged", "routed"])
@pytest.mark.parametrize("address", [FAR4, FAR6])
def test_a_pod_of_before_learns_the_mtu_by_ICMP(cluster, link, address):
    """With all guards on. The node itself and a new pod don't have to."""
    node = cluster.node()
    options = ("--pod-link", link, "--spoof-check", "true", *CLUSTER)
    started(node, *options)
    old = node.attach()
    restarted(node, *options, *VXLAN)
    new = node.attach()
    far = tunnel_like(node, 1430)
    full = largest(address, 1430)
    assert datagram(new, far, address, full) is True
    assert datagram(new, far, address, full + 1) == errno.EMSGSIZE
    # The first one tells the pod.
    assert datagram(old, far, address, largest(address, 1500), wait=1) is None
    assert datagram(old, far, address, full + 1) == errno.EMSGSIZE
    assert datagram(old, far, address, full) is True
    for sender in (old, new):
        transfer(sender, far, address, 8 << 20)


@pytest.mark.parametrize("address", [FAR4, FAR6])
def test_TCP_of_a_pod_of_before_works_at_once(cluster, address):
    node = cluster.node()
    started(node, "--spoof-check", "true", *CLUSTER)
    old = node.attach()
    transfer(old, tunnel_like(node, 1430), address, 8 << 20)
