# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys of WireGuard are replaced by new ones. --rotate-key-days counts days, so that the tests make
the keys' files old."""
import os
import time

import pytest

from harness.pinging import pinging
from harness.waiting import wait_for
from harness.wireguard import DEVICE, needs_wireguard, note, reaches, start

pytestmark = needs_wireguard

SECOND = "bcni-wg2"
ROTATION = 90  # seconds: a minute's wait for peers is part of it


def since_boot():
    """Keys' files have times by this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def make_keys_old(*nodes, days=3):
    for node in nodes:
        for device in DEVICE, SECOND:
            then = since_boot() - days * 86400
            os.utime(node.run_dir / f"bridge-cni/{device}.key", (then, then))


def generation(node):
    """-1: its Node says one key."""
    return int(note(node).partition(";generation=")[2] or -1)


def leads_by(node, other):
    return {node.ip_json("route", "show", cidr)[0]["dev"] for cidr in other.cidrs if ":" not in cidr}


def have_shaken_hands(node, device):
    peers = node.run("wg", "show", device, "latest-handshakes").stdout.split()[1::2]
    return peers and "0" not in peers


def restart(*nodes, options=("--rotate-key-days", "1")):
    """What an agent that was killed has done is gone on with."""
    for node in nodes:
        node.stop_agent(9)
        node.start_agent("--tunnel", "wireguard", "--resync-seconds", "3600", *options)


@pytest.fixture
def rotating(cluster):
    cluster.network("b")
    nodes = [cluster.node(), cluster.node(network="b")]
    start(*nodes, options=("--rotate-key-days", "1"))
    for node in nodes:
        wait_for(lambda: have_shaken_hands(node, DEVICE) and have_shaken_hands(node, SECOND))
    return nodes


def pings(pods):
    """Each pod to the other one, once it has had an answer from there: what is lost before that, while nodes
    shake hands, is not lost by what the test does."""
    ways = [(pods[0], pods[1].address4), (pods[1], pods[0].address4)]
    for way in ways:
        reaches(*way)
    return pinging(ways)


def test_a_cluster_begins_to_rotate_in_one_rollout_without_a_lost_ping(cluster):
    cluster.network("b")
    nodes = one, two = [cluster.node(), cluster.node(network="b")]
    start(*nodes)
    pods = [node.attach() for node in nodes]
    with pings(pods) as pinger:
        for node in nodes:
            restart(node)
            wait_for(node.ready)
        for node in nodes:
            wait_for(lambda: have_shaken_hands(node, DEVICE) and have_shaken_hands(node, SECOND))
    assert pinger.lost() == {}
    assert leads_by(one, two) == leads_by(two, one) == {DEVICE}


def test_keys_rotate_without_a_lost_ping(rotating):
    """One node first, then the other one, then both at once, and one without the other."""
    one, two = rotating
    pods = [node.attach() for node in rotating]
    with pings(pods) as pinger:
        first = note(one)
        make_keys_old(one)
        wait_for(lambda: generation(one) == 1, ROTATION)
        assert note(one).split(",")[0] == first.split(",")[0]
        assert note(one).split(",")[1].split(";")[0] != first.split(",")[1].split(";")[0]
        wait_for(lambda: have_shaken_hands(one, SECOND) and have_shaken_hands(two, SECOND))
        assert leads_by(one, two) == leads_by(two, one) == {DEVICE}

        make_keys_old(two)
        restart(one)
        wait_for(lambda: generation(two) == 1, ROTATION)
        wait_for(lambda: leads_by(one, two) == leads_by(two, one) == {SECOND})

        make_keys_old(one, two)
        restart(one, two)
        wait_for(lambda: generation(one) == generation(two) == 2, ROTATION)
        wait_for(lambda: leads_by(one, two) == leads_by(two, one) == {DEVICE})

        two.stop_agent(9)
        make_keys_old(one)
        restart(one)
        wait_for(lambda: generation(one) == 3, ROTATION)
        assert one.metrics()["bridge_cni_wireguard_rotation_waiting"] == 0
        make_keys_old(one)
        restart(one)
        wait_for(lambda: one.metrics()["bridge_cni_wireguard_rotation_waiting"] == 1, ROTATION)
        assert f"nodes={two.name}" in one.log()
        time.sleep(10)
        assert generation(one) == 3 and leads_by(one, two) == {DEVICE}
    assert pinger.lost() == {}


@pytest.mark.skipif(os.environ.get("FULL", "") in ("", "0"),
                    reason="it takes minutes in a virtual machine: FULL=1")
def test_a_node_that_rotates_no_more_goes_back_to_one_key_without_a_lost_ping(rotating):
    one, two = rotating
    pods = [node.attach() for node in rotating]
    key = one.run_dir / f"bridge-cni/{SECOND}.key"
    make_keys_old(one, days=-9)
    wait_for(lambda: key.stat().st_mtime <= since_boot())
    assert generation(one) == 0
    with pings(pods) as pinger:
        make_keys_old(one, two)
        wait_for(lambda: leads_by(one, two) == leads_by(two, one) == {SECOND}, ROTATION)
        restart(one, options=())
        wait_for(lambda: leads_by(one, two) == leads_by(two, one) == {DEVICE})
        wait_for(lambda: generation(one) == -1, ROTATION)
        wait_for(lambda: SECOND not in one.links())
        wait_for(lambda: not two.run("wg", "show", SECOND, "peers").stdout)
    assert pinger.lost() == {}
    assert generation(two) == 1 and not key.exists()
