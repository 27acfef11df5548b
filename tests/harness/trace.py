# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor --trace` as tests run it."""
import contextlib
import json
import os
import signal
import subprocess

from . import plugin
from .command import begin
from .doctor import STATUS, write
from .netns import TIMEOUT
from .node import network
from .shown import named

CONF = "/run/net.d"  # in the node
CART = "shop/cart"
TABLE = "bridge_cni_trace_"  # begins the name of each of its tables


class Trace:
    """What one call told: `hops` has a list of findings by the name of each hop."""

    def __init__(self, done):
        assert done.stderr == "", done
        self.status, self.findings = done.returncode, json.loads(done.stdout)
        assert self.status == max(STATUS[finding["level"]] for finding in self.findings)
        self.hops = {}
        for finding in self.findings:
            self.hops.setdefault(finding["check"], []).append(finding)

    @property
    def end(self):
        assert self.findings[-1]["check"] == "end", self.findings
        return self.findings[-1]

    def text(self, hop):
        return "\n".join(finding["message"] for finding in self.hops.get(hop, []))

    def wrong(self):
        """The hops that are said to keep it, but for the last lines, which follow from them."""
        return [f["check"] for f in self.findings
                if f["level"] == "problem" and f["check"] not in ("answer", "end")]


def begin_trace(node, pod, target, *arguments, **kw):
    """Starts it; call what is returned for its Trace. A kernel with modules may load them."""
    finish = begin(node, "doctor", "--json", "--load", *arguments, "--trace", pod, target, CONF, **kw)
    return lambda: Trace(finish())


def trace(node, pod, target, *arguments, **kw):
    return begin_trace(node, pod, target, *arguments, **kw)()


@contextlib.contextmanager
def held(node, pod, target):
    """A trace that has sent its packet, and stands still as it begins to wait for the answer: its rules
    are there for as long as the test wants. Gives the process; see let_go()."""
    hold = ["-D", "-e", "inject=poll,ppoll:signal=STOP:when=1"]  # -D: strace is not the process's parent
    process = node.popen([*plugin.strace(os.devnull, "poll,ppoll", *hold), plugin.BRIDGE_CNI, "doctor", "--json",
                          "--load", "--trace", pod, target, CONF],
                         env={**os.environ, **plugin.TRACED}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        found = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert found.si_code == os.CLD_STOPPED, process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


def let_go(process):
    """Has a trace that is held go on, and gives it once it has ended."""
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=TIMEOUT)
    return Trace(subprocess.CompletedProcess(process.args, process.returncode, out.decode(), err.decode()))


def attached(node, families="dual", n=1, **changes):
    """Pods of a network whose configuration is in CONF; the first is CART."""
    conf = network(families, **changes)
    write(node, conf)
    pods = [node.pod() for _ in range(n)]
    for number, pod in enumerate(pods):
        node.add(pod, conf, args=named("cart" if number == 0 else f"other-{number}"))
    return pods


def came_through(traced):
    assert traced.status == 0, traced.findings
    assert all(finding["level"] == "ok" for finding in traced.findings)
    assert traced.end["message"].startswith("it came through to ")
    return traced


def ended_at(traced, hop, *words):
    """It ended there, and the last line has these words."""
    assert traced.status == 2, traced.findings
    assert traced.end["level"] == "problem"
    assert traced.end["message"].startswith(f"it ended at {hop}: "), traced.findings
    for word in words:
        assert word in traced.end["message"], traced.end
    return traced


def tables(node):
    """Of all traces in the namespace."""
    return [line for line in node.run("nft", "list", "tables").stdout.splitlines()
            if TABLE in line]
