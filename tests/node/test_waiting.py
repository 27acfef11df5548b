# SPDX-License-Identifier: GPL-2.0-or-later
"""Who waits for a lock at a terminal, or by a command, is told so; a runtime isn't."""
import fcntl
import os
import pty
import select

import pytest

from harness import plugin
from harness.command import begin, written
from harness.netns import TIMEOUT
from harness.node import NETWORK, network
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run


@pytest.fixture
def conf(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    return conf


def lock_of(node, which):
    if which == "store":
        return node.store / NETWORK / "lock"
    [path] = (node.run_dir / "bridge-cni").glob("*.lock")
    return path


def with_stderr(path):
    return ["sh", "-c", f'exec "$@" 2>{path}', "sh"]


@pytest.mark.parametrize("which", ["node", "store"])
@pytest.mark.parametrize("verb", ["repair", "cleanup"])
def test_a_command_that_waits_says_for_what_and_how_long(node, conf, verb, which):
    path, said = lock_of(node, which), node.directory / "said"
    with open(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = begin(node, verb, *written(node, conf), wrapper=with_stderr(said))
        wait_for(lambda: said.read_text().endswith("\n"))
        fcntl.flock(lock, fcntl.LOCK_UN)
        done = ended()
    assert done.returncode == 0 and done.stdout
    [line] = said.read_text().splitlines()
    limit = {"node": 28, "store": 8}[which]
    assert line.startswith("bridge-cni: waiting for the lock ")
    assert f"{path.name}, for up to {limit} more seconds" in line
    assert f"{path.name}` tells who holds it" in line


def test_a_lock_that_is_soon_free_is_not_told(node, conf):
    trace = node.directory / "trace"
    with open(lock_of(node, "node")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = begin(node, "repair", *written(node, conf), env=plugin.TRACED,
                      wrapper=plugin.strace(trace, "flock"))
        wait_for(lambda: trace.read_text().endswith("LOCK_EX"))  # it sleeps there
        fcntl.flock(lock, fcntl.LOCK_UN)
        done = ended()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("verb, terminal, told", [
    ("GC", True, True), ("GC", False, False), ("ADD", True, False)])
def test_of_the_verbs_GC_at_a_terminal_alone_is_told(node, conf, verb, terminal, told):
    conf = {**conf, "cni.dev/valid-attachments": []} if verb == "GC" else conf
    leader, follower = pty.openpty()
    words = with_stderr(os.ttyname(follower)) if terminal else []
    with open(lock_of(node, "node")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = node.start(verb, conf, None if verb == "GC" else node.pod(), wrapper=words)
        # It says a word after two seconds. Whoever is not told has twice the time.
        select.select([leader], [], [], TIMEOUT if told else 4)
        fcntl.flock(lock, fcntl.LOCK_UN)
        done = ended()
    assert done.returncode == 0
    os.set_blocking(leader, False)
    os.close(follower)
    try:
        text = os.read(leader, 4096).decode()
    except OSError:
        text = ""
    os.close(leader)
    assert ("waiting for the lock" in text + done.stderr) == told
