# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations to put faults into: a line in SCENARIOS each."""
import pytest

import bed
from harness.node import network
from harness.ovs import DAEMONS, OpenVSwitch
from harness.service import netfilter_on_the_bridge

# There are so few addresses that the next ADDs miss one that is lost.
FEW = [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.12"}],
       [{"subnet": "fd00:1:2::/64", "rangeStart": "fd00:1:2::10",
         "rangeEnd": "fd00:1:2::12"}]]
# The routes stage refuses it: what stages before it made has to be undone.
BAD_ROUTE = [{"dst": "198.18.0.0/15", "gw": "203.0.113.1"}]

DELEGATE = """#!/bin/sh
cat >/dev/null
case $CNI_COMMAND in
ADD)
    set -- {leases}/*
    [ -e "$1" ] && n=6 || n=5
    echo "$CNI_CONTAINERID" >{leases}/$n
    echo '{{"cniVersion":"1.1.0","ips":[{{"address":"10.77.0.'$n'/16"}},'
    echo '{{"address":"fd77::'$n'/64"}}]}}' ;;
DEL)
    for lease in {leases}/*; do
        if [ -e "$lease" ] && read -r id <"$lease" && [ "$id" = "$CNI_CONTAINERID" ]; then
            rm "$lease"
        fi
    done ;;
GC)
    exit 0 ;;
esac
"""


class Scenario:
    """`fresh`: before each case the node has no bridge, no table and no store; else
    another pod is attached, with the changes `beside`. `refused`: what can't succeed on
    purpose. `furnished`: the pod has another interface with the default routes, and IPv6
    off for those to come."""

    def __init__(self, name, fresh=False, delegated=False, refused=False, beside=None,
                 furnished=False, ovs=False, **changes):
        self.name, self.fresh, self.refused = name, fresh, refused
        self.furnished = furnished
        self.delegated, self.env, self.leases = delegated, {}, None
        self.ovs, self.switch = ovs, None  # of Open vSwitch
        if ovs:
            changes = {"switch": "ovs", "bridge": "cni0", **changes}
        ipam = {"type": "leases", "ranges": None} if delegated else {"ranges": FEW}
        self.good_conf = network("dual", ipam=ipam, **changes)
        self.conf = self.good_conf
        self.beside = network("dual", ipam=ipam, **{**changes, **(beside or {})})
        if refused:
            self.conf = network("dual", ipam={**ipam, "routes": BAD_ROUTE}, **changes)

    def furnish(self, node):
        """Makes the things that the configuration needs on a node."""
        node.ip("link set uplink0 mtu 1400")
        netfilter_on_the_bridge(node, False)
        if self.ovs:
            self.switch = OpenVSwitch(node)
            self.switch.bridge("cni0")
        if not self.delegated:
            return
        self.leases = node.directory / "leases"
        self.leases.mkdir()
        program = node.directory / "ipam" / "leases"
        program.parent.mkdir()
        program.write_text(DELEGATE.format(leases=self.leases))
        program.chmod(0o755)
        self.env = {"CNI_PATH": str(program.parent)}

    def furnish_pod(self, pod):
        if not self.furnished:
            return
        pod.ip_batch("""
            link add far0 type veth peer name far1
            link set far0 up
            link set far1 up
            addr add 203.0.113.2/24 dev far0
            addr add 2001:db8:cccc::2/64 dev far0 nodad
            route add default via 203.0.113.1
            route add ::/0 via 2001:db8:cccc::1
            """)
        pod.sysctl("ipv6.conf.default.disable_ipv6", 1)

    def elsewhere(self):
        """The addresses that a delegated IPAM holds for attachments, or ports of Open vSwitch."""
        leases = sorted(p.name for p in self.leases.iterdir()) if self.leases else []
        return leases + (self.switch.ports("cni0") if self.switch else [])


FULL = {"macspoofchk": True, "spoofCheck": True, "portIsolation": True, "hairpinMode": True}
# Elements of both kinds in one transaction; on DEL some of them are not there.
RUNTIME = {
    "macspoofchk": True,
    "capabilities": {"portMappings": True, "bandwidth": True},
    "runtimeConfig": {
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                         {"hostPort": 8053, "containerPort": 53, "protocol": "udp"}],
        "bandwidth": {"ingressRate": 8000000, "ingressBurst": 8000000,
                      "egressRate": 8000000, "egressBurst": 8000000}}}
GUARDED = {"spoofCheck": True, "portIsolation": True}
# Detection of duplicates would take a second and more in each case.
MACVLAN = {"switch": "macvlan", "bridge": None, "isDefaultGateway": None, "ipMasq": None,
           "enabledad": False}
SCENARIOS = [
    Scenario("fresh node", fresh=True, **FULL),
    Scenario("warm node", **FULL),
    Scenario("ports and rates, fresh node", fresh=True, **RUNTIME),
    Scenario("ports and rates", beside={"runtimeConfig": None}, **RUNTIME),
    Scenario("refused", refused=True, **FULL),
    Scenario("furnished pod", furnished=True, **FULL),
    # The other pod's ADD had no ipMasq; it is another owner's, whose rules stay.
    Scenario("edited", beside={"ipMasq": False}, **FULL),
    Scenario("another owner", beside={"bridge": "cni1", "isDefaultGateway": False}, **FULL),
    Scenario("routed, fresh node", fresh=True, podLink="routed"),
    Scenario("routed", podLink="routed"),
    Scenario("quiet, fresh node", fresh=True, quietBridge=True),
    Scenario("quiet", quietBridge=True),
    Scenario("quiet and checked, fresh node", fresh=True, quietBridge=True, spoofCheck=True),
    Scenario("quiet and checked", quietBridge=True, spoofCheck=True),
    Scenario("delegated, fresh node", fresh=True, delegated=True),
    Scenario("delegated", delegated=True),
    # The port is opened before the delegate runs, and closed after its DEL.
    Scenario("delegated and checked", delegated=True, **FULL),
    # Rules and sets that all owners share; the other pod's network has the key, too.
    Scenario("isolated, fresh node", fresh=True, isolate=True),
    Scenario("isolated", beside={"bridge": "cni1", "isDefaultGateway": False}, isolate="strict"),
    Scenario("delegated and quiet, fresh node", fresh=True, delegated=True, quietBridge=True),
    Scenario("delegated and quiet", delegated=True, quietBridge=True),
    Scenario("delegated, quiet and checked", delegated=True, quietBridge=True, spoofCheck=True),
    # Elements in both tables.
    Scenario("guarded", **GUARDED),
    Scenario("delegated and guarded, fresh node", fresh=True, delegated=True, **GUARDED),
    # The pod's interface has no other end on the node.
    Scenario("macvlan, fresh node", fresh=True, **MACVLAN),
    Scenario("macvlan", **MACVLAN),
    Scenario("macvlan, refused", refused=True, **MACVLAN),
    Scenario("macvlan, delegated", delegated=True, **MACVLAN),
]
if all(DAEMONS.values()):
    SCENARIOS.append(Scenario("Open vSwitch", ovs=True))


# Each kind of thing that cleanup removes, with and without another IPAM plugin.
CLEANED = ("ports and rates, fresh node", "delegated and guarded, fresh node",
           "isolated, fresh node")
# Scenarios whose things repair puts back one by one.
QUIET = ("quiet", "quiet and checked", "delegated, quiet and checked")


def pairs(*verbs, only=()):
    """(verb, scenario), as far as they go together, with names for pytest."""
    found = []
    for scenario in SCENARIOS:
        for verb in verbs:
            # Only an attached pod can be removed or checked, and another pod is beside it.
            # Cleanup leaves nothing where the node had nothing.
            fits = (scenario.fresh if verb in bed.CLEANUPS else
                    verb == "ADD" or not (scenario.fresh or scenario.refused))
            if fits and (not only or scenario.name in only):
                found.append(pytest.param(verb, scenario, id=f"{verb} {scenario.name}"))
    return found
