# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` and the modules of the kernel, of which other tests load some, too: no other
file of tests runs beside this one (tests/run)."""
import os
import re

import pytest

from harness.command import begin
from harness.doctor import findings, ours, run, write
from harness.modules import loaded, unload
from harness.node import INTERNET4
from harness.trace import CART, CONF, Trace, attached, came_through

pytestmark = pytest.mark.must_run

ALL = {"capabilities": {"portMappings": True, "bandwidth": True}, "hairpinMode": False, "spoofCheck": True,
       "portIsolation": True}


def unloaded(done):
    """The modules of which doctor says that --load loads them."""
    lines = re.findall(r"modules that aren't loaded yet: (.*); doctor --load", done.stdout)
    return {name for line in lines for name in line.split(", ")}


def test_without_load_no_module_is_loaded_for_a_trace(node):
    attached(node, "v4")
    before = loaded()
    traced = came_through(Trace(begin(node, "doctor", "--json", "--trace", CART, INTERNET4, CONF)()))
    assert loaded() == before
    assert traced.text("connection").startswith(("not looked at: ", "the node tracks it, sent on as from "))


def test_without_load_rules_of_bridges_are_not_traced_and_the_trace_says_so(node):
    """The kernel loads nft_meta_bridge for a rule of bridges that has its packets traced."""
    attached(node, "v4")
    if os.path.exists("/proc/modules"):
        unload("nft_meta_bridge")
    node.nft("table bridge others { chain forwarded { type filter hook forward priority 0; }; }")
    before = loaded()
    with open("/proc/kallsyms") as symbols:
        would_load = bool(before) and " nft_meta_bridge_select_ops" not in symbols.read()
    traced = came_through(Trace(begin(node, "doctor", "--json", "--trace", CART, INTERNET4, CONF)()))
    assert loaded() == before
    assert ("the rules of bridges" in traced.text("rules")) == would_load
    assert ("nft_meta_bridge" in traced.text("rules")) == would_load


def test_modules_are_loaded_only_when_asked_for(healthy):
    """And then all are that an ADD needs, but for what it can do without: the fence of 127.0.0.0/8, and
    the search for processes that listen on a host port."""
    write(healthy, ours("dual", **ALL))
    unload("ifb", "sch_tbf")
    before = loaded()
    done = run(healthy)
    assert loaded() - before == set()
    assert {"ifb", "sch_tbf"} <= unloaded(done)
    assert unloaded(run(healthy, "--load")) == set()
    assert findings(healthy, "kernel") == [] and unloaded(run(healthy)) == set()
    now = loaded()
    assert {"ifb", "sch_tbf"} <= now
    rates = {"ingressRate": 10 ** 6, "ingressBurst": 10 ** 6, "egressRate": 10 ** 6, "egressBurst": 10 ** 6}
    ports = [{"hostPort": 8080, "containerPort": 80, "protocol": protocol} for protocol in ("tcp", "sctp")]
    conf = ours("dual", **ALL)
    pod = healthy.pod()
    healthy.add(pod, {**conf, "runtimeConfig": {"portMappings": ports, "bandwidth": rates}})
    healthy.delete(pod, conf)
    assert loaded() - now - {"cls_bpf", "inet_diag", "tcp_diag"} == set()
