# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods come and go many at a time on a bridge of Open vSwitch, beside GCs, ADDs that are killed
and a daemon that is started again; then its ports are counted, and all the rest.

STORM, STORM_SEED: as in test_storm.py.
"""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin
from harness.ovs import BRIDGE, OpenVSwitch, needs_ovs
from test_storm import (FULL, GATEWAY, SIDE, Storm, aliases, audit, audit_elements, conf_of, each_seed,
                        elements, own, wishes)

pytestmark = needs_ovs
PODS, KILLED = (60, 40) if FULL else (18, 12)


def networks():
    """With a gateway and host ports, and in a VLAN."""
    return [({**conf_of(GATEWAY, "10.1.0.0/22", "fd00:1::/64"), "switch": "ovs", "bridge": BRIDGE}, None),
            ({**conf_of(SIDE, "10.9.0.0/22", isDefaultGateway=False, ipMasq=False), "switch": "ovs",
              "bridge": BRIDGE, "vlan": 7}, None)]


def asked(nth):
    """The part of it that a datapath in user space serves."""
    found = wishes(nth)
    found.get("bandwidth", {}).pop("egressRate", None)
    found.get("bandwidth", {}).pop("egressBurst", None)
    return found


def collect(node, conf, pods):
    return node._judged("GC", {**conf, "cni.dev/valid-attachments": [
        {"containerID": pod.id, "ifname": "eth0"} for pod in pods]}, None)


class OvsStorm(Storm):
    def __init__(self, node, seed):
        super().__init__(node, networks(), seed)
        self.switch = OpenVSwitch(node)
        self.switch.bridge()
        self.killed = []

    def populate(self, count):
        super().populate(count)
        for nth, life in enumerate(self.lives):
            if life.network == GATEWAY:
                life.conf = {**life.conf, "runtimeConfig": asked(nth)}
        self.killed = [self.node.pod() for _ in range(KILLED)]

    def collects(self, node, stop, dice):
        """The runtime's GC: it knows of all pods but of those whose ADD was killed."""
        while plugin.NEWEST >= "1.1.0" and not stop.wait(dice.uniform(0, 0.2)):
            for conf, _ in self.networks:
                collect(node, conf, [life.pod for life in self.lives])

    def kills(self, node, stop, dice):
        for pod in self.killed:
            conf, _ = dice.choice(self.networks)
            node.invoke("ADD", conf, pod, wrapper=("timeout", "-s", "KILL", f"{dice.uniform(0.005, 0.2):.3f}"))
            if stop.wait(dice.uniform(0, 0.02)):
                return

    def restarts(self, _, stop, dice):
        while not stop.wait(dice.uniform(0.3, 1)):
            self.switch.restart_switch()

    def ports_of_pods(self):
        return sorted(name for conf, _ in self.networks for name in self.ports_of(conf))

    def ports_of(self, conf):
        ids = [dict(row["external_ids"][1]) | {"name": row["name"]}
               for row in self.switch.table("Port", "name", "external_ids")]
        assert all(i.get("owner") == "bridge-cni" for i in ids if i["name"] != BRIDGE), ids
        return [i["name"] for i in ids if i.get("network") == conf["name"]]


def not_excused(storm):
    """Two operations on an attachment at once may refuse each other; nothing else may fail."""
    return [f"{verb} of {life.pod.id} on {life.network}: {error}" for life, verb, error in storm.errors()
            if not (life.at_once and verb == "ADD" and isinstance(error, plugin.CniError) and
                    re.search("container pod.* already|DEL.* came by|removed the port", error.msg))]


def take_killed(storm):
    """DEL of the pods whose ADD was killed, on both networks, as nobody knows how far it came."""
    with ThreadPoolExecutor(8) as pool:
        for conf, _ in storm.networks:
            list(pool.map(lambda pod: storm.node.delete(pod, conf), storm.killed))


def audit_ports(storm):
    """A port for each interface of a pod, on the bridge, and no other."""
    assert storm.switch.ports() == storm.ports_of_pods() == sorted(aliases(storm.node).values())


def audit_end(storm):
    node = storm.node
    assert storm.switch.ports() == [] and storm.switch.table("QoS", "type") == []
    assert [name for name in node.links() if name.startswith(("veth", "ifb"))] == []
    assert elements(node) == set()
    for conf, _ in storm.networks:
        assert node.reservations(conf["name"]) == {}
        assert list(own(node, conf["name"]).glob("p-*")) == []


@pytest.mark.parametrize("end", ["DEL", "GC"])
@each_seed
def test_pods_on_open_vswitch(node, seed, end):
    if end == "GC" and plugin.NEWEST < "1.1.0":
        pytest.skip("no GC")
    storm = OvsStorm(node, seed)
    storm.populate(PODS)
    storm.rage(storm.collects, storm.kills, storm.restarts)
    assert not not_excused(storm), "\n".join(not_excused(storm))
    take_killed(storm)
    audit(storm)
    audit_elements(storm)
    audit_ports(storm)
    for life in storm.lives:
        if life.result and life.verbs[-1] == "ADD" and not life.at_once:
            node.check(life.pod, life.conf, life.result)
    if end == "DEL":
        storm.end()
    else:
        for conf, _ in storm.networks:
            collect(node, conf, [])
    audit_end(storm)
