# SPDX-License-Identifier: GPL-2.0-or-later
"""DEL returns when the kernel has announced the interface's end; a child sits out the rest."""
import ctypes
import os
import re
import shutil

import pytest

from harness import plugin
from harness.netns import libc
from harness.node import OUTSIDE4, network

PR_SET_CHILD_SUBREAPER = 36
# A child lives for 10 to 20 ms longer than its DEL, and on a busy machine the test may look later than that.
ROUNDS = 300
ONE_ADDRESS = {"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.9",
                            "rangeEnd": "10.1.2.9"}]]}


@pytest.fixture
def orphans():
    """Processes that others leave behind become ours; gives their numbers, when asked."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)

    def found():
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]

    yield found
    libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(0), 0, 0, 0)


def reap(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def descriptors(pid):
    """The files that a process has open; None: it has ended."""
    try:
        return {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return None


def test_the_child_has_nothing_open_that_anybody_waits_for(node, orphans):
    pod, conf, seen = node.pod(), network(spoofCheck=True), []
    for _ in range(ROUNDS):
        node.add(pod, conf)
        node.delete(pod, conf)  # returns when its output has ended, too
        for pid in orphans():
            seen.append(descriptors(pid))
            assert reap(pid) == 0
        seen = [links for links in seen if links]
        if len(seen) == 10:
            break
    assert seen, "no DEL has returned before its child"
    for links in seen:
        # Sockets, and the pipe to the DEL: no lock, no file of the store, no terminal.
        assert {link.split(":")[0] for link in links} <= {"socket", "pipe"}
        assert len(links) <= 3


def test_the_child_has_the_socket_open_whose_end_may_wait(node, orphans):
    """By it connections were forgotten; who changes rules meanwhile makes its end wait."""
    pod, conf, sockets = node.pod(), network(), []
    for _ in range(ROUNDS):
        node.add(pod, conf)
        pod.ping(OUTSIDE4)
        node.delete(pod, conf)
        for pid in orphans():
            links = descriptors(pid) or ()
            sockets.append(sum(link.startswith("socket") for link in links))
            assert reap(pid) == 0
        if 2 in sockets:
            return
    raise AssertionError(sockets)


def test_it_is_woken_by_the_end_of_its_own_interface_alone(node, tmp_path):
    """Among many DELs each would be woken by all others."""
    pod, conf, trace = node.pod(), network(), tmp_path / "trace"
    node.add(pod, conf)
    node.add(node.pod(), conf)  # the last one's DEL asks for the rules, by a socket of that number
    done = node.invoke("DEL", conf, pod, env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "bind,poll,recvfrom"))
    assert done.returncode == 0, done.stdout
    listened = re.search(r"bind\((\d+),", trace.read_text()).group(1)
    taken = re.findall(rf"recvfrom\({listened}, .*= (-?\d+)", trace.read_text())
    assert [int(n) > 0 for n in taken] == [True, False], "one notice, then none"


def test_nothing_is_left_when_it_returns(node):
    pod, conf = node.pod(), network("dual", spoofCheck=True)
    for _ in range(10):
        node.add(pod, conf)
        node.delete(pod, conf)
        node.assert_nothing_left(pod)


def test_the_attachment_can_be_added_again_at_once(node):
    pod, conf = node.pod(), network()
    for _ in range(100):
        result = node.add(pod, conf)
        node.delete(pod, conf)
    node.assert_nothing_left(pod)
    node.check(pod, conf, node.add(pod, conf))
    assert result["interfaces"][2]["name"] == "eth0"


def test_the_address_can_be_given_to_another_pod_at_once(node):
    conf = network(ipam=ONE_ADDRESS)
    pods = [node.pod(), node.pod()]
    for i in range(20):
        node.add(pods[i % 2], conf)
        assert node.ping("10.1.2.9")
        node.delete(pods[i % 2], conf)


def test_the_namespace_may_go_at_the_same_time(node):
    conf = network()
    for _ in range(10):
        pod = node.pod()
        node.add(pod, conf)
        finish = node.start("DEL", conf, pod)
        pod.remove()
        plugin.judge("DEL", finish(), plugin.NEWEST)
        node.assert_nothing_left(pod)


# The only process that makes this system call is the child.
CHILDS_OWN = "close_range"


@pytest.mark.parametrize("fault", [
    "clone,fork,vfork:error=EAGAIN", "pipe2:error=EMFILE", "bind:error=ENOBUFS",
    "setsockopt:error=ENOMEM",
    "poll:error=ENOMEM", f"{CHILDS_OWN}:error=ENOSYS", f"{CHILDS_OWN}:signal=KILL",
    "write:signal=KILL"])
def test_a_child_that_fails_or_is_killed_changes_nothing(node, tmp_path, fault):
    pod, conf = node.pod(), network()
    node.add(pod, conf)
    calls = fault.split(":")[0]
    trace = plugin.strace(tmp_path / "trace", calls, "-e", f"inject={fault}")
    node.delete(pod, conf, wrapper=trace, env=plugin.TRACED)
    assert re.search("INJECTED|SIGKILL", (tmp_path / "trace").read_text())
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("waits", [True, False])
def test_the_key_turns_it_off(node, tmp_path, waits):
    pod, conf = node.pod(), network(delWaits=waits)
    node.add(pod, conf)
    trace = plugin.strace(tmp_path / "trace", "clone,fork,vfork,close_range")
    node.delete(pod, conf, wrapper=trace, env=plugin.TRACED)
    assert (CHILDS_OWN in (tmp_path / "trace").read_text()) == (not waits)
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("waits", [True, False])
def test_what_the_kernel_refuses_is_told(node, waits):
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    pod, conf = node.pod(), network(delWaits=waits)
    node.add(pod, conf)
    with plugin.refusal(plugin.KERNEL, "Operation not permitted", "EPERM"):
        node.delete(pod, conf, wrapper=["setpriv", "--bounding-set=-net_admin"])
    assert len(node.host_veths()) == 1


@pytest.mark.parametrize("waits", [True, False])
def test_it_does_not_sit_out_what_the_kernel_does_once_the_interface_is_gone(node, tmp_path, waits):
    """The kernel's work takes 10 to 20 ms, and here the child's message is held up for two seconds:
    so the order tells, however busy the machine is."""
    pod, conf, trace = node.pod(), network(delWaits=waits), tmp_path / "trace"
    node.add(pod, conf)
    node.delete(pod, conf, env=plugin.TRACED,
                wrapper=plugin.strace(trace, "sendto,exit_group", "-e",
                                      "inject=sendto:delay_exit=2000000:when=1"))
    calls = re.findall(r"^(\d+) +(\w+)\(", trace.read_text(), re.M)
    ends = [pid for pid, call in calls if call == "exit_group"]
    assert len(ends) == (1 if waits else 2)
    assert ends[0] == calls[0][0], "the child has ended first"
    node.assert_nothing_left(pod)


def test_the_key_is_a_bool(node):
    with plugin.refusal(plugin.CONFIG, "delWaits", '"no"'):
        node.delete(node.pod(), network(delWaits="no"))
