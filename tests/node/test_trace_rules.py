# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules by which `bridge-cni doctor --trace` follows a packet: they see one flow alone, disturb
nobody, and are gone with the process, however that ends."""
import contextlib
import itertools
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import plugin
from harness.node import INTERNET4, INTERNET6, OUTSIDE4, UPLINK
from harness.trace import CART, CONF, TABLE, attached, begin_trace, came_through, held, let_go, tables, trace
from harness.waiting import SLOWNESS, wait_for

pytestmark = pytest.mark.must_run

DEAF = """
    table inet deaf {{
        chain c {{
            type filter hook input priority 0
            {what} drop
        }}
    }}
"""


def silent(node):
    """Nothing answers, so that a trace takes seconds."""
    node.outside.nft(DEAF.format(what="meta l4proto { icmp, icmpv6, tcp }"))


def nothing_left(node, pod):
    assert tables(node) == tables(pod) == []


@pytest.mark.parametrize("target", [INTERNET4, INTERNET6], ids=["v4", "v6"])
def test_killed_it_leaves_no_rule(node, target):
    [pod] = attached(node)
    before = node.run("nft", "list", "ruleset").stdout
    silent(node)
    with held(node, CART, target) as process:
        assert len(tables(node)) == len(tables(pod)) == 2
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    nothing_left(node, pod)
    assert node.run("nft", "list", "ruleset").stdout == before


@pytest.mark.any_kernel
def test_killed_at_any_message_to_the_kernel_it_leaves_no_rule(node, tmp_path):
    [pod] = attached(node, "v4")
    killed = 0
    for number in itertools.count(1):
        done = node.run("strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", "trace=sendto", "-e",
                        f"inject=sendto:signal=KILL:when={number}", plugin.BRIDGE_CNI, "doctor", "--trace",
                        CART, INTERNET4, CONF, check=False)
        nothing_left(node, pod)
        if done.returncode == 0:
            break
        killed += 1
        assert number < 100
    assert killed > 10


def test_killed_at_any_moment_it_leaves_no_rule(node):
    [pod] = attached(node, "v4")
    silent(node)
    for delay in (0.001, 0.003, 0.005, 0.01, 0.02, 0.05, 0.2):
        process = node.popen([plugin.BRIDGE_CNI, "doctor", "--trace", CART, INTERNET4, CONF],
                             stdout=subprocess.DEVNULL)
        time.sleep(delay * SLOWNESS)
        process.kill()
        process.wait()
        nothing_left(node, pod)


def test_the_rules_are_bound_to_the_process(node):
    attached(node)
    silent(node)
    with held(node, CART, INTERNET4):
        listed = node.run("nft", "list", "ruleset").stdout
        assert len(re.findall(rf"table \w+ {TABLE}\d+ {{.*\n\s+flags owner", listed)) == 2
        [ip, bridge] = [line.split()[1] for line in tables(node)]
        assert (ip, bridge) == ("ip", "bridge")
        done = node.run("nft", "flush", "ruleset", check=False)
        assert len(tables(node)) == 2, done


def packets_of(monitor):
    return [line for line in monitor.splitlines() if " packet: " in line]


NETFILTER, TRACES = "12", 1 << 9 - 1  # linux/netlink.h; NFNLGRP_NFTRACE, as a bit


def unread():
    """The bytes that each socket which hears of traces has not read yet, in the thread's namespace."""
    with open("/proc/thread-self/net/netlink") as file:
        lines = [line.split() for line in file][1:]
    return [int(line[4]) for line in lines if line[1] == NETFILTER and int(line[3], 16) & TRACES]


def sleeps(process):
    return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@contextlib.contextmanager
def monitor(node, tmp_path):
    """What `nft monitor trace` prints while the block runs; a list that has it afterwards."""
    path, out = tmp_path / "monitor", []
    with open(path, "w") as file:
        process = node.popen(["nft", "monitor", "trace"], stdout=file)
    wait_for(lambda: node.call(unread))
    yield out
    # It has read all, and sleeps: so it has printed all.
    wait_for(lambda: not any(node.call(unread)) and sleeps(process))
    process.terminate()
    process.wait()
    out.append(path.read_text())


def test_they_see_this_flow_alone(node, tmp_path):
    pod, other = attached(node, n=2)
    silent(node)
    with monitor(node, tmp_path) as seen, held(node, CART, INTERNET4):
        for namespace, target in itertools.product((pod, other), (INTERNET4, OUTSIDE4, "10.1.2.1", INTERNET6)):
            namespace.ping(target, 0.1)
        assert pod.ping("10.1.2.1")  # others' packets go on
    packets = packets_of(seen[0])
    assert packets and all("10.1.2.2" in line or " ip saddr 192.0.2.2 " in line for line in packets)
    assert all(INTERNET4 in line for line in packets)
    assert len({re.search(r"icmp id (\d+)", line)[1] for line in packets}) == 1


def test_of_other_connections_to_the_same_port_nothing_is_traced(node, tmp_path):
    [pod] = attached(node, "v4")
    silent(node)
    with monitor(node, tmp_path) as seen, held(node, CART, INTERNET4 + ":443"):
        for _ in range(3):
            with pod.socket() as sock, contextlib.suppress(OSError):
                sock.settimeout(0.1)
                sock.connect((INTERNET4, 443))
    ports = {re.search(r"tcp sport (\d+)", line)[1] for line in packets_of(seen[0])}
    assert len(ports) == 1


@pytest.mark.any_kernel
def test_they_run_side_by_side(node):
    attached(node, n=3)
    calls = [begin_trace(node, name, target) for name in (CART, CART, "other-1", "other-2")
             for target in (INTERNET4, INTERNET6)]
    for call in calls:
        came_through(call())


@pytest.mark.any_kernel
def test_one_of_them_that_is_killed_takes_nothing_from_another(node):
    attached(node)
    silent(node)
    with held(node, CART, INTERNET4) as first, held(node, CART, INTERNET4) as second:
        assert len(tables(node)) == 4
        first.kill()
        first.wait()
        assert len(tables(node)) == 2
        traced = let_go(second)
    assert traced.status == 2 and traced.wrong() == [] and UPLINK in traced.end["message"]


@pytest.mark.any_kernel
def test_where_the_kernel_cannot_bind_rules_the_hops_are_told_without(node, tmp_path):
    """Before Linux 5.12 it refuses the table so."""
    [pod] = attached(node, "v4")
    log = tmp_path / "trace"
    trace(node, CART, INTERNET4, wrapper=plugin.strace(log, "sendto"))
    sent = [line for line in log.read_text().splitlines() if "sendto(" in line]
    # strace doesn't know each socket for one of netfilter: 0xa00 is NFT_MSG_NEWTABLE.
    first = 1 + next(i for i, line in enumerate(sent) if re.search("NFT_MSG_NEWTABLE|type=0xa00 ", line))
    # The pod's, and behind a question the node's.
    traced = came_through(trace(node, CART, INTERNET4, wrapper=[
        *plugin.strace(log, "sendto"), "-e", f"inject=sendto:error=EOPNOTSUPP:when={first}..{first + 2}+2"]))
    for hop in ("pod-rules", "rules"):
        assert "can't bind rules to a process" in traced.text(hop), traced.findings
    assert "sent on as from" in traced.text("connection")
    silent(node)
    traced = trace(node, CART, INTERNET4, wrapper=[
        *plugin.strace(log, "sendto"), "-e", f"inject=sendto:error=EOPNOTSUPP:when={first}..{first + 2}+2"])
    assert traced.status == 2 and f"it left the node by {UPLINK}, from " in traced.end["message"]
    nothing_left(node, pod)


def test_rules_of_iptables_legacy_are_said_to_be_out_of_sight(node):
    if not shutil.which("iptables-legacy"):
        pytest.skip("there is no iptables-legacy")
    attached(node, "v4")
    done = node.run("iptables-legacy", "-A", "FORWARD", "-d", INTERNET4, "-j", "DROP", check=False)
    if done.returncode:
        pytest.skip("the kernel has no iptables-legacy")
    traced = trace(node, CART, INTERNET4)
    assert traced.status == 2 and "iptables-legacy has rules as well, which can't be traced" in traced.text("rules")
    node.run("iptables-legacy", "-D", "FORWARD", "-d", INTERNET4, "-j", "DROP")
    assert "iptables-legacy" not in came_through(trace(node, CART, INTERNET4)).text("rules")


@pytest.mark.any_kernel
def test_what_it_changes_is_gone_afterwards(node):
    [pod] = attached(node)
    trace(node, CART, INTERNET4)
    before = node.state(), pod.run("nft", "list", "ruleset").stdout
    trace(node, CART, INTERNET4)
    trace(node, CART, INTERNET4 + ":443")
    assert (node.state(), pod.run("nft", "list", "ruleset").stdout) == before
