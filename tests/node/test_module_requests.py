# SPDX-License-Identifier: GPL-2.0-or-later
"""No operation asks the kernel by an ioctl for an interface that there isn't: the kernel then runs modprobe twice
and waits for it, which takes longer than all else of an ADD."""
import itertools

import pytest

from harness import plugin
from harness.command import begin, command, written
from harness.node import UPLINK, network
from harness.ovs import needs_ovs, ovs_network
from harness.shown import RATES

pytestmark = pytest.mark.must_run
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
LIMITED = {"capabilities": {"bandwidth": True}, "runtimeConfig": {"bandwidth": RATES}}


def calls_of(node, pod, conf):
    """What a pod's life gives by ioctl."""
    trace, found = node.directory / "trace", {}
    traced = {"wrapper": plugin.strace(trace, "ioctl"), "env": plugin.TRACED}
    result = node.add(pod, conf, **traced)
    found["ADD"] = trace.read_text()
    for verb, run in {
            "CHECK": lambda: node.check(pod, conf, result, **traced),
            "STATUS": lambda: node.invoke("STATUS", conf, **traced),
            "repair": lambda: command(node, "repair", *written(node, conf), **traced),
            "show": lambda: command(node, "show", *written(node, conf), **traced),
            "DEL": lambda: node.delete(pod, conf, result, **traced),
            "a second DEL": lambda: node.delete(pod, conf, result, **traced)}.items():
        run()
        found[verb] = trace.read_text()
    return found


def asked_in_vain(found):
    return {verb: line for verb, text in found.items() for line in text.splitlines() if "ENODEV" in line}


@pytest.mark.any_kernel
@pytest.mark.parametrize("keys", [{}, LIMITED, {"isolate": True, "spoofCheck": True}, {"quietBridge": True}],
                         ids=["plain", "rates", "rules", "quiet"])
def test_no_module_is_looked_for_in_a_pods_life(node, keys):
    found = calls_of(node, node.pod(), network("dual", **keys))
    assert all("SIOCGSKNS" in text for verb, text in found.items() if verb in ("ADD", "CHECK")), found
    assert asked_in_vain(found) == {}


@pytest.mark.any_kernel
@pytest.mark.parametrize("has_pod", [True, False], ids=["with a pod", "before any pod"])
@pytest.mark.parametrize("uplink", ["there", "gone"])
def test_nor_by_doctor_for_a_rule_about_an_interface_that_is_not_there(node, has_pod, uplink):
    """Such as the interface that a hook doesn't know, the bridge and its ports before the first pod, or the
    uplink, when it has gone."""
    conf, trace = network("dual"), node.directory / "trace"
    if has_pod:
        node.add(node.pod(), conf)
    for family, hook in itertools.product(("inet", "bridge"), HOOKS):
        node.nft(f"""add table {family} others
            add chain {family} others {hook} {{ type filter hook {hook} priority 0; }}
            add rule {family} others {hook} meta iif {UPLINK} accept
            add rule {family} others {hook} meta oif {UPLINK} accept""")
    if uplink == "gone":
        node.ip(f"link del {UPLINK}")
    begin(node, "doctor", *written(node, conf), wrapper=plugin.strace(trace, "ioctl"), env=plugin.TRACED)()
    found = trace.read_text()
    assert "SIOCGSKNS" in found and asked_in_vain({"doctor": found}) == {}


@pytest.mark.any_kernel
@needs_ovs[1]
def test_nor_in_that_of_a_pod_of_Open_vSwitch(node, ovs):
    assert asked_in_vain(calls_of(node, node.pod(), ovs_network())) == {}
