# SPDX-License-Identifier: GPL-2.0-or-later
"""A MAC address that the runtime asks for: three places, one precedence."""
import itertools

import pytest

from harness import plugin, snapshot
from harness.node import GATEWAY6, INTERNET4, INTERNET6, named, network
from harness.standing import Standing
from harness.waiting import wait_for

MACS = {"runtimeConfig": "02:00:00:00:00:01", "args.cni": "02:00:00:00:00:02",
        "CNI_ARGS": "02:00:00:00:00:03"}
# The first of these that is there is taken.
ORDER = list(MACS)


def request(place, mac):
    """Changes to the configuration, and CNI_ARGS."""
    if place == "CNI_ARGS":
        return {}, f"IgnoreUnknown=1;MAC={mac}"
    keys = {"runtimeConfig": {"runtimeConfig": {"mac": mac}},
            "args.cni": {"args": {"cni": {"mac": mac}}}}
    return keys[place], None


def requests(places):
    keys, args = {}, None
    for place in places:
        more, text = request(place, MACS[place])
        keys.update(more)
        args = text or args
    return keys, args


@pytest.mark.parametrize("places", [
    c for n in (1, 2, 3) for c in itertools.combinations(ORDER, n)], ids=", ".join)
def test_the_pod_has_the_one_that_counts(node, places):
    keys, args = requests(places)
    pod, conf = node.pod(), network("dual", **keys)
    result = node.add(pod, conf, args=args)
    assert pod.links()["eth0"]["address"] == MACS[places[0]]
    assert named(result, sandbox=True)[0]["mac"] == MACS[places[0]]
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    node.check(pod, conf, result, args=args)
    node.delete(pod, conf, result, args=args)
    node.assert_nothing_left(pod)


def test_empty_ones_are_not_there(node):
    pod = node.pod()
    node.add(pod, network(runtimeConfig={"mac": ""}, args={"cni": {"mac": ""}}),
             args=f"MAC={MACS['CNI_ARGS']}")
    assert pod.links()["eth0"]["address"] == MACS["CNI_ARGS"]


def test_other_keys_there_are_for_others(node):
    pod = node.pod()
    node.add(pod, network(
        runtimeConfig={"aliases": {"net": ["web"]}, "bandwidth": {}, "x": None},
        args={"cni": {"labels": [{"key": "app", "value": "web"}]}, "other": {"mac": 5}}))
    assert pod.ping(INTERNET4)


BAD = {"multicast": "01:00:5e:00:00:01", "broadcast": "ff:ff:ff:ff:ff:ff",
       "zero": "00:00:00:00:00:00", "too short": "02:00:00:00:00",
       "no hex": "02:00:00:00:00:0g", "an InfiniBand one": "02:00:00:00:00:00:00:01",
       "words": "random"}
NAMES = {"runtimeConfig": "runtimeConfig.mac", "args.cni": "args.cni.mac",
         "CNI_ARGS": "CNI_ARGS"}


@pytest.mark.parametrize("place", ORDER)
@pytest.mark.parametrize("kind", BAD)
def test_one_that_can_not_be_is_refused_before_anything_is_touched(node, place, kind):
    keys, args = request(place, BAD[kind])
    pod = node.pod()
    before = node.state()
    with pytest.raises(plugin.CniError) as error:
        node.add(pod, network(**keys), args=args)
    assert error.value.code == (plugin.ENVIRONMENT if place == "CNI_ARGS" else plugin.CONFIG)
    error.value.says(NAMES[place], BAD[kind])
    snapshot.assert_same(before, node.state())


def test_of_the_wrong_type_it_is_named(node):
    with plugin.refusal(plugin.CONFIG, "runtimeConfig.mac"):
        node.add(node.pod(), network(runtimeConfig={"mac": 5}))


@pytest.mark.parametrize("families, address", [("v4", "10.1.2.7"), ("v6", "fd00:1:2::7")])
def test_an_address_that_comes_back_with_another_MAC_is_reached_at_once(node, families,
                                                                        address):
    subnet = {"v4": "10.1.2.0/24", "v6": "fd00:1:2::/64"}
    witness = node.pod()
    node.add(witness, network(families))
    one = [[{"subnet": subnet[families], "rangeStart": address, "rangeEnd": address}]]
    for mac in MACS.values():
        conf, pod = network(families, ipam={"ranges": one},
                            runtimeConfig={"mac": mac}), node.pod()
        node.add(pod, conf)
        assert witness.ping(address) and node.ping(address)  # without: 53 s
        node.delete(pod, conf)


# -- announced


def unsent(pod):
    """Packets of IPv6 for which the pod had no route."""
    def read():
        with open("/proc/thread-self/net/snmp6") as file:
            return int(dict(line.split() for line in file)["Ip6OutNoRoutes"])

    return pod.call(read)


def test_an_address_is_announced_once_there_is_a_way_to_the_neighbours(node):
    """The kernel makes the route to ff02::1 when the link is ready, by a work queue: here late, as
    the host's end is down for a while; and nor is there a default route."""
    pod, conf = node.pod(), network("v6", runtimeConfig={"mac": MACS["runtimeConfig"]},
                                    isDefaultGateway=None, isGateway=True)
    host = node.add(pod, conf)["interfaces"][1]["name"]
    node.delete(pod, conf)
    # The third time it enters a namespace, the pod's again, to set up the end there of what it has made.
    before_pod = Standing(node.directory / "trace", "setns", 3)
    finish = node.start("ADD", conf, pod, env=before_pod.env, wrapper=before_pod.wrapper)
    with before_pod.standing():
        node.ip(f"link set {host} down")
        before = unsent(pod)
    wait_for(lambda: unsent(pod) > before)
    node.ip(f"link set {host} up")
    result = plugin.judge("ADD", finish(), plugin.NEWEST)
    assert pod.ping(GATEWAY6)
    node.check(pod, conf, result)
