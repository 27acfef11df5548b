# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for the thing itself, and for nothing longer than that."""
import fcntl
import os
import pathlib
import resource
import time

# Where processors are emulated, beside other tests, all limits of time are so many times as long.
# How long something takes is told by the tests on a real machine.
SLOWNESS = 5 if os.environ.get("BRIDGE_CNI_VM") else 1
ANSWER = 5  # seconds in which whoever is reached answers


def wait_for(what, seconds=30.0, step=0.01):
    """The first true value of what(), or a failed assertion with what() last failed with. The longer
    it takes the less often it is asked for, and the less where processors are emulated: most of what() are
    commands, and the processor is theirs that are waited for. seconds: on a real machine."""
    began, seconds = time.monotonic(), seconds * SLOWNESS
    while True:
        error = None
        try:
            value = what()
            if value:
                return value
        except (AssertionError, OSError, KeyError, ValueError) as caught:
            error = caught
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"not within {seconds} s: {what.__qualname__}") from error
        # Never past the end, at which it is asked for once more.
        time.sleep(min(max(step, min(waited / 20, 0.1) * SLOWNESS), max(seconds - waited, 0.001)))


def within(node, seconds, what):
    """The first true value of what(), which comes in less than so many seconds. Those in which the node's agent
    or this process had no processor are left out: they are the machine's."""
    began, pid = time.monotonic(), node.agent_pid()
    waited = kept_waiting(pid) + kept_waiting("self")
    value = wait_for(what)
    took = time.monotonic() - began - (kept_waiting(pid) + kept_waiting("self") - waited)
    assert took < seconds * SLOWNESS, f"{what.__qualname__} took {took:.1f} s"
    return value


def answered(ask):
    """The value of ask(), which sends something, and is true if an answer came. What is sent once is
    to be answered. Only where processors are emulated it is sent again for a while: there the kernel
    takes so long to turn on a link that was just made that the first packets are lost."""
    end = time.monotonic() + ANSWER * SLOWNESS
    while not (value := ask()) and SLOWNESS > 1 and time.monotonic() < end:
        time.sleep(0.1)
    return value


def processor_seconds():
    """The processors' time of all commands that have ended, which does not grow where others are at work."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def kept_waiting(pid):
    """Seconds in which a process's first thread has waited for a processor so far."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def is_locked(path, operation):
    """Would somebody who asks for LOCK_EX or LOCK_SH of this file have to wait?"""
    with open(path) as file:
        try:
            fcntl.flock(file, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
