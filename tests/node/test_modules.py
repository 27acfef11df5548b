# SPDX-License-Identifier: GPL-2.0-or-later
"""show and doctor ask the kernel nothing for which it would load a module."""
import os
import re

import pytest

from harness import plugin
from harness.command import command
from harness.node import network
from harness.shown import (GUARDED, MAPPINGS, RATES, configured, document, named, only)

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/modules"),
                                reason="this kernel loads no modules")
LOADING = re.compile(r"socket\(AF_NETLINK, [^,]*, NETLINK_(NETFILTER|SOCK_DIAG)")


@pytest.fixture
def unloaded(node):
    """A node whose kernel seems to have none of these modules, neither loaded nor built in."""
    (node.run_dir / "empty").mkdir()
    (node.run_dir / "none").write_text("")

    def hide():
        node.run("mount", "--bind", "/run/empty", "/sys/module")
        node.run("mount", "--bind", "/run/none", "/proc/kallsyms")
        return node
    return hide


def looked(node, *argv, status=(0,)):
    """The finished command, which opened no connection that has a module loaded."""
    trace = node.directory / "trace"
    done = command(node, *argv, wrapper=plugin.strace(trace, "socket"), env=plugin.TRACED)
    calls = trace.read_text()
    assert done.returncode in status and "NETLINK_ROUTE" in calls, done
    assert not LOADING.search(calls), LOADING.search(calls)
    return done


def test_of_a_network_without_pods(node, unloaded):
    files = configured(node, network("dual", **GUARDED))
    unloaded()
    assert only(document(looked(node, "show", "--json", *files)))["rules"] == []
    assert document(looked(node, "show", "--json"))["networks"] == []
    looked(node, "doctor", *files, status=(0, 1, 2))


def test_of_pods_that_need_no_rules(node, unloaded):
    conf, pod = network("dual", ipMasq=False), node.pod()
    node.add(pod, conf)
    files = configured(node, conf)
    unloaded()
    found = document(looked(node, "show", "--json", *files))
    assert only(found)["rules"] == [] and found["unseen"] == []
    found = document(looked(node, "show", pod.id, "--json", *files))
    [shown] = found["attachments"]
    assert (shown["elements"], shown["connections"]) == ([], None)
    # It looks whether there are rules, too.
    assert shown["check"]["outcome"] == "not done" and "nf_tables" in shown["check"]["message"]
    [line] = found["unseen"]
    assert line.startswith("connections: ") and "nf_conntrack_netlink" in line
    looked(node, "doctor", *files, status=(0, 1, 2))


def test_of_pods_whose_rules_are_gone_with_the_module(node, unloaded):
    conf, pod = network("dual", **GUARDED), node.pod()
    node.add(pod, {**conf, "runtimeConfig": {"portMappings": MAPPINGS, "bandwidth": RATES}},
             args=named("cart"))
    files = configured(node, conf)
    unloaded()
    found = document(looked(node, "show", "--json", *files))
    assert only(found)["rules"] is None and "nf_tables is not loaded" in found["unseen"][0]
    found = document(looked(node, "show", "cart", "--json", *files))
    [shown] = found["attachments"]
    assert shown["check"]["outcome"] == "not done" and "nf_tables" in shown["check"]["message"]
    assert shown["elements"] == [] and len(shown["queues"]) == 2
    done = looked(node, "doctor", *files, status=(2,))
    assert "its pods need rules, and there are none: nf_tables is not loaded" in done.stdout
