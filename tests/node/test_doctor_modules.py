# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` and the modules of the kernel, of which other tests load some, too: no other
file of tests runs beside this one (tests/run)."""
import os
import re
import subprocess

import pytest

from harness.command import begin
from harness.doctor import findings, ours, run, write
from harness.modules import loaded, skip_where_none_is_unloaded, unload
from harness.node import INTERNET4, UPLINK
from harness.trace import CART, CONF, Trace, attached, came_through

pytestmark = pytest.mark.must_run

ALL = {"capabilities": {"portMappings": True, "bandwidth": True}, "hairpinMode": False, "spoofCheck": True,
       "portIsolation": True}
SHARED = {"bridge": None, "isDefaultGateway": None, "ipMasq": None, "master": UPLINK}
# With ALL, these have doctor try all that it can try.
OTHERS = {"vlan": {"vlan": 100}, "fast": {"fastPath": True}, "macvlan": {"switch": "macvlan", **SHARED},
          "ipvlan": {"switch": "ipvlan", **SHARED}}
# All modules that doctor --load loads, but for those that another of them needs. Each thing that is
# tried needs one module of a line at most: none of the others there keeps it from being tried.
NEEDED = [{"macvlan", "sch_tbf", "ifb", "nft_masq", "nft_nat", "nf_flow_table_inet", "nft_limit",
           "nf_conntrack_netlink"},
          {"ipvlan", "sch_ingress", "nft_fib_inet", "nft_flow_offload", "nft_objref"},
          {"cls_u32", "nft_chain_nat", "nft_meta_bridge"},
          {"act_mirred", "nft_ct"}]


def unloaded(done):
    """The modules of which doctor says that --load loads them."""
    lines = re.findall(r"modules that aren't loaded yet: (.*); doctor --load", done.stdout)
    return {name for line in lines for name in line.split(", ")}


def without_users():
    """The modules below net and drivers/net that no other module needs, but for that of the node's uplink."""
    names = [name for name in loaded() - {"veth"} if not os.listdir(f"/sys/module/{name}/holders")]
    done = subprocess.run(["modinfo", "-F", "filename", *names], check=True, capture_output=True, text=True)
    return {name for name, path in zip(names, done.stdout.splitlines(), strict=True)
            if re.search("/kernel/(drivers/)?net/", path)}


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


def test_without_load_no_module_is_loaded_whichever_is_missing(healthy):
    skip_where_none_is_unloaded()
    write(healthy, ours("dual", **ALL))
    for number, (name, keys) in enumerate(OTHERS.items(), 1):
        ranges = [[{"subnet": f"10.77.{number}.0/24"}]]
        write(healthy, ours(**{"name": name, "bridge": f"cni{number}", "ipam": {"ranges": ranges}, **keys}),
              f"20-{name}.conflist")
    while names := without_users():
        unload(*names)
    before = loaded()
    told = unloaded(run(healthy))
    assert loaded() == before
    run(healthy, "--load")
    needed = without_users()
    assert needed <= told and needed <= set().union(*NEEDED)
    for missing in NEEDED:
        missing = missing & needed
        unload(*missing)
        before = loaded()
        assert unloaded(run(healthy)) == missing
        assert loaded() == before
        subprocess.run(["modprobe", "-a", *missing], check=True)


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
