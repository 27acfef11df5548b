# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of what the kernel can do, which is tried without having it load a module."""
import json
import os
import shutil

import pytest

from harness import distribution, plugin
from harness.doctor import POLICY, findings, one, ours, run, write
from harness.node import UPLINK

pytestmark = pytest.mark.must_run


def test_no_module_is_loaded_by_looking(healthy):
    """Where the kernel seems to have no nf_tables, nobody is asked for rules of it."""
    healthy.nft(POLICY % "forward")
    (healthy.run_dir / "empty").mkdir()
    (healthy.run_dir / "none").write_text("")
    healthy.run("mount", "--bind", "/run/empty", "/sys/module")
    for path in ("/proc/modules", "/proc/kallsyms"):
        if healthy.call(os.path.exists, path):
            healthy.run("mount", "--bind", "/run/none", path)
    if healthy.call(os.path.exists, "/proc/modules"):
        assert findings(healthy) == []
        assert "doctor --load" in run(healthy).stdout
        assert "doctor --load" not in run(healthy, "--load").stdout


def test_vlan_filtering_is_tried(healthy, vlan_filtering):
    write(healthy, ours("v4", vlan=7))
    assert bool(findings(healthy, "kernel")) == (not vlan_filtering)
    if not vlan_filtering:
        one(healthy, "kernel", "problem", "VLANs")
    write(healthy, ours("v4"))
    assert findings(healthy, "kernel") == []
    assert set(healthy.links()) == {"lo", UPLINK}


# -- a kernel that lacks something: strace(1) has its answers fail, where it is tried

ALL = {"capabilities": {"portMappings": True, "bandwidth": True}, "hairpinMode": False, "spoofCheck": True,
       "portIsolation": True}
strace = pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace")


def lacks(node, fault, *only):
    """What doctor says of the kernel when it is called with this fault."""
    done = run(node, "--json", "--load", env=plugin.TRACED,
               wrapper=["strace", "-f", "-qq", "-o", "/dev/null", *only, "-e", fault])
    assert done.stderr == ""
    return [finding for finding in json.loads(done.stdout)
            if finding["check"] == "kernel" and finding["level"] != "ok"]


# A way to name each thing that is tried, by its advice.
TRIED = {"CONFIG_BRIDGE", "CONFIG_VETH", "Linux 5.2", "CONFIG_NET_SCH_TBF", "CONFIG_IFB", "CONFIG_NFT_MASQ",
         "CONFIG_NFT_FIB_INET, or remove the capability", "Linux 5.6", "CONFIG_NFT_FIB_INET, or remove these",
         "CONFIG_NF_TABLES_BRIDGE", "CONFIG_NF_CT_NETLINK"}


def seen(node):
    """Each message that is sent while the kernel is tried fails once, a call of doctor each."""
    found = []
    for number in range(1, 11):
        found += lacks(node, f"inject=sendto,sendmsg:error=EOPNOTSUPP:when={number}")
    assert all("ot supported" in f["message"] or "isolated" in f["message"] for f in found), found
    return {word for word in TRIED for finding in found if word in finding["advice"]}


@strace
@pytest.mark.any_kernel
def test_what_the_networks_need_and_nothing_else_is_tried(healthy):
    write(healthy, ours("dual", **ALL))
    assert findings(healthy, "kernel") == []
    assert seen(healthy) == TRIED
    write(healthy, ours("dual", capabilities={"portMappings": False}, ipMasq=False))
    assert seen(healthy) == {"CONFIG_BRIDGE", "CONFIG_VETH"}
    write(healthy, ours("dual", capabilities={"portMappings": False}, ipMasq=False, isolate=True))
    assert seen(healthy) == {"CONFIG_BRIDGE", "CONFIG_VETH", "CONFIG_NFT_FIB_INET, or remove these"}


@strace
@pytest.mark.any_kernel
@pytest.mark.parametrize("gateway", [True, False])
def test_the_rules_of_a_VLANs_gateway_are_tried(healthy, gateway):
    keys = {} if gateway else {"isDefaultGateway": None, "isGateway": None}
    write(healthy, ours("v4", vlan=100, ipMasq=False, capabilities={"portMappings": False}, **keys))
    found = [finding["level"] for number in range(1, 9)
             for finding in lacks(healthy, f"inject=sendto,sendmsg:error=EOPNOTSUPP:when={number}")
             if "gateway of a VLAN" in finding["message"]]
    assert set(found) == ({"warning"} if gateway else set())


@strace
@pytest.mark.any_kernel
@pytest.mark.parametrize("path, level, word, without", [
    ("/proc/sys/net/ipv6/conf/try0/disable_ipv6", "problem", "IPv6", ours("v4")),
    ("/proc/sys/net/netfilter/nf_conntrack_sctp_timeout_established", "warning", "SCTP",
     ours("dual", capabilities={"portMappings": False}))])
def test_a_kernel_parameter_that_is_missing(healthy, path, level, word, without):
    fault = "inject=openat:error=ENOENT", "-P", path
    [finding] = lacks(healthy, *fault)
    assert (finding["level"], finding["network"]) == (level, "testnet") and word in finding["message"]
    write(healthy, without)
    assert lacks(healthy, *fault) == []


def with_modules():
    if not os.path.exists("/proc/modules"):
        raise distribution.Lacks("this kernel has no modules")


def test_rates_of_the_configuration_are_tried(healthy):
    """Not only the capability asks for them; the module of an ifb is needed for what a pod sends alone."""
    with_modules()
    (healthy.run_dir / "empty").mkdir()
    (healthy.run_dir / "none").write_text("")
    healthy.run("mount", "--bind", "/run/empty", "/sys/module")
    healthy.run("mount", "--bind", "/run/none", "/proc/kallsyms")
    for keys, modules in (({}, set()), ({"ingressRate": 8000, "ingressBurst": 8000}, {"sch_tbf"}),
                          ({"egressRate": 8000, "egressBurst": 8000}, {"sch_tbf", "ifb"})):
        write(healthy, ours("dual", **keys))
        [line] = [line for line in run(healthy).stdout.splitlines() if "doctor --load" in line]
        assert {name for name in ("sch_tbf", "ifb") if name in line} == modules
