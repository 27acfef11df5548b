# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods on a macvlan of the node's interface, or of another one."""
import pytest

from harness import plugin
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NETWORK, UPLINK, Node,
                          addresses_of, network)

pytestmark = pytest.mark.must_run
MACVLAN = "macvlan"


def macvlan(families="v4", **changes):
    """As the reference plugin takes it; type None, switch "macvlan": by this program's name."""
    return network(families, **{"type": MACVLAN, "bridge": None, "isDefaultGateway": None,
                                "ipMasq": None, **changes})


@pytest.fixture
def lan(node):
    """The world is on the link of the uplink, with a gateway for pods."""
    node.outside.ip_batch(f"addr add {GATEWAY4}/24 dev eth0\n"
                          f"addr add {GATEWAY6}/64 dev eth0 nodad\n")
    node.outside.uses(GATEWAY6)
    return node


def info(pod, name="eth0"):
    return pod.links()[name]["linkinfo"]


def test_one_interface_is_made_and_told(lan):
    pod = lan.pod()
    result = lan.add(pod, macvlan(master=UPLINK))
    assert [(i["name"], i["sandbox"], i["mtu"]) for i in result["interfaces"]] == [
        ("eth0", pod.netns, 1500)]
    assert [ip["interface"] for ip in result["ips"]] == [0]
    link = pod.links()["eth0"]
    assert link["linkinfo"]["info_kind"] == MACVLAN
    assert link["linkinfo"]["info_data"]["mode"] == "bridge"
    assert link["address"] == result["interfaces"][0]["mac"]
    assert link["ifalias"] == f"bridge-cni {NETWORK} {pod.id} eth0"
    assert lan.host_veths() == [] and "cni0" not in lan.links()


def test_pods_reach_the_link_and_each_other_and_not_their_node(lan):
    pods = [lan.pod(), lan.pod()]
    conf = macvlan("dual", ipam={"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]})
    first, second = (addresses_of(lan.add(pod, conf)) for pod in pods)
    for address in (*second, GATEWAY4, GATEWAY6, INTERNET4, INTERNET6):
        assert pods[0].ping(address), address
    assert lan.outside.ping(first[0]) and lan.outside.ping(first[1])
    # The kernel hands nothing from a master to its own macvlans.
    lan.ip("route", "add", first[0], "dev", UPLINK)
    assert not lan.ping(first[0], 0.5)


def test_pods_of_two_nodes_reach_each_other(lan, tmp_path):
    other = Node(tmp_path / "other")
    try:
        lan.ip_batch("link add cable type veth peer name far\n"
                     f"link set far netns {other.path}\n")
        for node, name in ((lan, "cable"), (other, "far")):
            node.up(name)
        here, there = lan.pod(), other.pod()
        lan.add(here, macvlan(master="cable"))
        address = addresses_of(other.add(there, macvlan(
            master="far", ipam={"ranges": [[{"subnet": "10.1.2.0/24",
                                             "rangeStart": "10.1.2.100"}]]})))
        assert here.ping(address[0])
    finally:
        other.close()


@pytest.mark.any_kernel
def test_the_master_is_that_of_the_default_route_unless_it_is_named(lan):
    pod, other = lan.pod(), lan.pod()
    lan.ip_batch("link add lan1 type veth peer name lan2\nlink set lan1 up\n"
                 "link set lan2 up\n")
    lan.add(pod, macvlan())
    lan.add(other, macvlan(master="lan1"))
    uplink, lan1 = (lan.links()[name]["ifindex"] for name in (UPLINK, "lan1"))
    assert pod.links()["eth0"]["link_index"] == uplink
    assert other.links()["eth0"]["link_index"] == lan1


@pytest.mark.any_kernel
def test_without_a_default_route_the_master_has_to_be_named(lan):
    for family in ("-4", "-6"):
        lan.ip(family, "route", "del", "default")
    lan.refused(lan.pod(), macvlan(), plugin.TRY_AGAIN, "master", "default route")
    lan.refused(lan.pod(), macvlan(master="eth7"), plugin.TRY_AGAIN, "master", "eth7")
    assert lan.reservations() == {}


@pytest.mark.any_kernel
def test_ipv6s_default_route_serves_where_ipv4_has_none(lan):
    lan.ip("-4", "route", "del", "default")
    pod = lan.pod()
    lan.add(pod, macvlan())
    assert pod.links()["eth0"]["link_index"] == lan.links()[UPLINK]["ifindex"]


@pytest.mark.parametrize("mode", ["bridge", "private", "vepa", "passthru", ""])
def test_each_mode_is_made_and_checked(lan, mode):
    pod, conf = lan.pod(), macvlan(mode=mode)
    result = lan.add(pod, conf)
    assert info(pod)["info_data"]["mode"] == (mode or "bridge")
    assert result["interfaces"][0]["mac"] == pod.links()["eth0"]["address"]
    lan.check(pod, conf, result)
    assert pod.ping(GATEWAY4)
    lan.delete(pod, conf, result)
    lan.assert_nothing_left(pod)


def test_private_pods_dont_reach_each_other(lan):
    pods = [lan.pod(), lan.pod()]
    _, second = (addresses_of(lan.add(pod, macvlan(mode="private"))) for pod in pods)
    assert not pods[0].ping(second[0], 0.5)
    assert pods[0].ping(GATEWAY4)


@pytest.mark.any_kernel
def test_another_mode_is_refused(lan):
    lan.refused(lan.pod(), macvlan(mode="l2"), plugin.CONFIG, "mode", "l2", "passthru")


def test_a_pod_in_mode_passthru_has_the_master_for_itself(lan):
    pods = [lan.pod(), lan.pod()]
    lan.add(pods[0], macvlan(mode="passthru"))
    for mode in ("passthru", "bridge"):
        error = lan.refused(pods[1], macvlan(mode=mode), plugin.KERNEL, "master", UPLINK,
                            "passthru")
        assert error.stderr
    assert list(lan.reservations().values()) == [(pods[0].id, "eth0")]


@pytest.mark.any_kernel
def test_the_mtu_is_the_masters_or_less(lan):
    pods = [lan.pod(), lan.pod(), lan.pod()]
    lan.ip("link", "set", UPLINK, "mtu", "1400")
    result = lan.add(pods[0], macvlan())
    assert result["interfaces"][0]["mtu"] == pods[0].links()["eth0"]["mtu"] == 1400
    result = lan.add(pods[1], macvlan(mtu=1300))
    assert result["interfaces"][0]["mtu"] == pods[1].links()["eth0"]["mtu"] == 1300
    lan.refused(pods[2], macvlan(mtu=1401), plugin.CONFIG, "mtu", 1401, 1400, UPLINK)


def mac_of(node, conf, args=None):
    pod = node.pod()
    result = node.add(pod, conf, args=args)
    assert pod.links()["eth0"]["address"] == result["interfaces"][0]["mac"]
    return result["interfaces"][0]["mac"]


@pytest.mark.any_kernel
def test_the_runtimes_mac_goes_before_that_of_cni_args_and_that_before_the_key(lan):
    key, args, runtime = (f"02:00:00:00:00:0{i}" for i in (1, 2, 3))
    asked = {"runtimeConfig": {"mac": runtime}, "args": {"cni": {"mac": "02:00:00:00:00:04"}}}
    assert mac_of(lan, macvlan(mac=key)) == key
    assert mac_of(lan, macvlan(mac=key), f"IgnoreUnknown=1;MAC={args}") == args
    assert mac_of(lan, macvlan(mac=key, **asked), f"IgnoreUnknown=1;MAC={args}") == runtime
    del asked["runtimeConfig"]
    # The reference's macvlan doesn't look there.
    assert mac_of(lan, macvlan(mac="02:00:00:00:00:05", **asked)) == "02:00:00:00:00:05"


def test_a_mac_that_is_asked_for_in_mode_passthru_is_the_pods(lan):
    before = lan.links()[UPLINK]["address"]
    pod, conf = lan.pod(), macvlan(mode="passthru", mac="02:00:00:00:00:09")
    result = lan.add(pod, conf)
    assert result["interfaces"][0]["mac"] == "02:00:00:00:00:09"
    assert pod.links()["eth0"]["address"] == "02:00:00:00:00:09"
    lan.delete(pod, conf, result)
    assert lan.links()[UPLINK]["address"] == before


HELD = "02:00:00:00:00:01"


def taken(lan, *holder):
    """The refusal of a pod that asks for the address; what is there stays."""
    before, pod = lan.reservations(), lan.pod()
    lan.refused(pod, macvlan(mac=HELD, master=UPLINK), plugin.EXISTS,
                f"the MAC address {HELD} is taken on the master {UPLINK}", *holder,
                "ask for another one (mac)", "a subnet of its own")
    assert list(pod.links()) == ["lo"] and lan.reservations() == before


def test_a_mac_that_another_pod_has_is_refused_with_that_pods_name(lan):
    first, second = lan.pod(), lan.pod()
    lan.add(first, macvlan(mac=HELD), args="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;"
                                           "K8S_POD_NAME=cart-7d")
    taken(lan, "pod shop/cart-7d (network, container, interface: "
               f"{NETWORK} {first.id} eth0) has it")
    lan.delete(first, macvlan())
    lan.add(second, macvlan(mac=HELD, name="another", ipam={"ranges": [[
        {"subnet": "10.1.7.0/24"}]]}))
    taken(lan, f"a container (network, container, interface: another {second.id} eth0) has it")


def test_a_mac_that_the_master_or_its_other_links_have_is_refused_with_their_names(lan):
    own = lan.links()[UPLINK]["address"]
    lan.refused(lan.pod(), macvlan(mac=own), plugin.EXISTS,
                f"the MAC address {own} is taken on the master {UPLINK}: {UPLINK} itself has it")
    add = ("link", "add", "link", UPLINK, "name", "theirs", "address", HELD, "type", "macvlan",
           "mode", "bridge")
    lan.ip(*add)
    lan.ip("link", "set", "theirs", "up")
    taken(lan, "theirs on the node has it")
    lan.ip("link", "del", "theirs")
    other = lan.pod()
    lan.ip(*add[:6], "netns", other.path, *add[6:])
    other.ip("link", "set", "theirs", "up")
    taken(lan, "another macvlan of it has it")
    lan.run("ip", "netns", "set", other.netns.rsplit("/", 1)[1], "auto")
    taken(lan, "theirs in another network namespace has it")


def test_a_queue_for_frames_to_all_is_as_long_as_asked(lan):
    pod, other = lan.pod(), lan.pod()
    lan.add(pod, macvlan(bcqueuelen=2000))
    assert info(pod)["info_data"]["bcqueuelen"] == 2000
    lan.add(other, macvlan())
    assert info(other)["info_data"]["bcqueuelen"] == 1000


@pytest.mark.any_kernel
def test_the_link_is_announced_as_one_of_a_foreign_link(lan):
    pod, bare = lan.pod(), lan.pod()
    lan.add(pod, macvlan("dual"))
    assert pod.sysctl("ipv4.conf.eth0.arp_notify").strip() == "1"
    assert pod.sysctl("ipv6.conf.eth0.ndisc_notify").strip() == "1"
    lan.add(bare, macvlan(ipam={"type": None, "ranges": None}))
    assert bare.sysctl("ipv4.conf.eth0.arp_notify").strip() == "0"


def test_an_ipv6_address_that_is_in_use_on_the_link_is_refused(lan):
    pod, conf = lan.pod(), macvlan("v6")
    lan.outside.ip("addr", "add", "fd00:1:2::2/64", "dev", "eth0", "nodad")
    lan.outside.uses("fd00:1:2::2")
    lan.refused(pod, conf, plugin.EXISTS, "fd00:1:2::2", "in use", UPLINK)
    lan.assert_nothing_left(pod)


@pytest.mark.any_kernel
def test_without_ipam_the_link_is_up_and_has_no_address(lan):
    pod, conf = lan.pod(), macvlan(ipam={"type": None, "ranges": None})
    result = lan.add(pod, conf)
    assert "UP" in pod.links()["eth0"]["flags"] and pod.addresses("eth0") == []
    assert result.get("ips", []) == []
    lan.check(pod, conf, result)
    lan.delete(pod, conf, result)
    lan.assert_nothing_left(pod)


def test_the_master_may_be_in_the_pod(lan):
    pod, conf = lan.pod(), macvlan(linkInContainer=True, master="net1")
    lan.refused(pod, conf, plugin.TRY_AGAIN, "net1", "pod")
    pod.ip_batch("link add net1 type veth peer name net2\nlink set net1 up\n"
                 "link set net2 up\n")
    result = lan.add(pod, conf)
    links = pod.links()
    assert links["eth0"]["link"] == "net1" and links["eth0"]["linkinfo"]["info_kind"] == MACVLAN
    lan.check(pod, conf, result)
    lan.delete(pod, conf, result)
    assert "eth0" not in pod.links() and lan.reservations() == {}


@pytest.mark.any_kernel
def test_in_the_pod_the_master_is_that_of_the_pods_default_route(lan):
    pod, conf = lan.pod(), macvlan(linkInContainer=True)
    pod.ip_batch("link add net1 type veth peer name net2\nlink set net1 up\n"
                 "link set net2 up\naddr add 192.0.2.99/24 dev net1\n"
                 "route add default via 192.0.2.1\n")
    lan.add(pod, conf)
    assert pod.links()["eth0"]["link"] == "net1"


def test_a_master_that_is_a_port_of_a_bridge_is_refused_with_what_to_change(lan):
    lan.ip_batch("link add br7 type bridge\nlink add lan1 type veth peer name lan2\n"
                 "link set lan1 master br7\n")
    pod = lan.pod()
    lan.refused(pod, macvlan(master="lan1"), plugin.EXISTS, "master", "lan1", "br7",
                "nomaster")
    lan.assert_nothing_left(pod, others=2)
    lan.ip("link", "set", "br7", "up")
    lan.add(pod, macvlan(master="br7"))


@pytest.mark.any_kernel
def test_a_name_that_the_pod_has_already_is_refused(lan):
    pod = lan.pod()
    pod.ip_batch("link add eth0 type veth peer name eth1\n")
    lan.refused(pod, macvlan(), plugin.EXISTS, "CNI_IFNAME", "eth0")
    assert lan.reservations() == {} and "eth0" in pod.links()


@pytest.mark.any_kernel
def test_a_name_that_the_node_has_is_the_pods_to_have(lan):
    pod = lan.pod()
    lan.ip_batch("link add eth0 type veth peer name eth1\n")
    result = lan.add(pod, macvlan())
    assert pod.links()["eth0"]["linkinfo"]["info_kind"] == MACVLAN
    lan.delete(pod, macvlan(), result)
    assert lan.links()["eth0"]["linkinfo"]["info_kind"] == "veth"


@pytest.mark.any_kernel
def test_a_wifi_master_is_told(lan):
    pod = lan.pod()
    lan.run("sh", "-c", f"mkdir -p /run/sys/{UPLINK}/phy80211; "
                        "mount --bind /run/sys /sys/class/net")
    done = lan.invoke("ADD", macvlan(), pod)
    assert done.returncode == 0 and UPLINK in done.stderr and "Wi-Fi" in done.stderr


@pytest.mark.any_kernel
def test_a_master_that_is_down_is_told(lan):
    lan.ip_batch("link add lan1 type veth peer name lan2\n")
    done = lan.invoke("ADD", macvlan(master="lan1"), lan.pod())
    assert done.returncode == 0 and "lan1 is down" in done.stderr


@pytest.mark.any_kernel
def test_a_second_add_is_refused_and_leaves_the_first(lan):
    pod, conf = lan.pod(), macvlan()
    result = lan.add(pod, conf)
    lan.refused(pod, conf, plugin.EXISTS)
    lan.check(pod, conf, result)


@pytest.mark.any_kernel
def test_many_pods_at_once_each_get_their_own(lan):
    pods, conf = [lan.pod() for _ in range(24)], macvlan()
    calls = [lan.start("ADD", conf, pod) for pod in pods]
    results = [plugin.judge("ADD", finish(), plugin.NEWEST) for finish in calls]
    assert len({addresses_of(result)[0] for result in results}) == len(pods)
    assert len({result["interfaces"][0]["mac"] for result in results}) == len(pods)
    for pod, result in zip(pods, results):
        lan.check(pod, conf, result)
    # Half of the namespaces go while their DELs run, beside new ADDs.
    calls = [lan.start("DEL", conf, pod) for pod in pods]
    late = [lan.pod() for _ in range(12)]
    calls += [lan.start("ADD", conf, pod) for pod in late]
    for pod in pods[::2]:
        pod.remove()
    assert [finish().returncode for finish in calls] == [0] * len(calls)
    assert sorted(holder for holder, _ in lan.reservations().values()) == sorted(
        pod.id for pod in late)
    for pod in pods[1::2]:
        assert list(pod.links()) == ["lo"]
