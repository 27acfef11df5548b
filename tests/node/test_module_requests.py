# SPDX-License-Identifier: GPL-2.0-or-later
"""No operation asks the kernel by an ioctl for an interface that there isn't: the kernel then runs modprobe twice
and waits for it, which takes longer than all else of an ADD."""
import pytest

from harness import plugin
from harness.command import begin, command, written
from harness.node import UPLINK, network
from harness.ovs import needs_ovs, ovs_network
from harness.shown import RATES

pytestmark = pytest.mark.must_run
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
def test_nor_by_doctor_for_a_rule_about_an_interface_that_a_hook_does_not_know(node):
    conf, trace = network("dual"), node.directory / "trace"
    node.add(node.pod(), conf)
    node.nft(f"""table inet others {{
        chain in {{ type filter hook input priority 0; oif {UPLINK} accept; }}
        chain out {{ type filter hook output priority 0; iif {UPLINK} accept; }}
    }}""")
    begin(node, "doctor", *written(node, conf), wrapper=plugin.strace(trace, "ioctl"), env=plugin.TRACED)()
    found = trace.read_text()
    assert "SIOCGIFINDEX" in found and asked_in_vain({"doctor": found}) == {}


@pytest.mark.any_kernel
@needs_ovs[1]
def test_nor_in_that_of_a_pod_of_Open_vSwitch(node, ovs):
    assert asked_in_vain(calls_of(node, node.pod(), ovs_network())) == {}
