# SPDX-License-Identifier: GPL-2.0-or-later
"""Who waits for a lock at a terminal, or by a command, is told so; a runtime isn't."""
import fcntl
import os
import pty
import time

import pytest

from harness.command import begin, written
from harness.node import NETWORK, network

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


@pytest.mark.parametrize("which", ["node", "store"])
@pytest.mark.parametrize("verb", ["repair", "cleanup"])
def test_a_command_that_waits_says_for_what_and_how_long(node, conf, verb, which):
    path = lock_of(node, which)
    with open(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = begin(node, verb, *written(node, conf))
        time.sleep(4)
        fcntl.flock(lock, fcntl.LOCK_UN)
        done = ended()
    assert done.returncode == 0 and done.stdout
    [line] = done.stderr.splitlines()
    limit = {"node": 28, "store": 8}[which]
    assert line.startswith("bridge-cni: waiting for the lock ")
    assert f"{path.name}, for up to {limit} more seconds" in line
    assert f"{path.name}` tells who holds it" in line


def test_a_lock_that_is_soon_free_is_not_told(node, conf):
    with open(lock_of(node, "node")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = begin(node, "repair", *written(node, conf))
        time.sleep(0.5)
        fcntl.flock(lock, fcntl.LOCK_UN)
        done = ended()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("verb, terminal, told", [
    ("GC", True, True), ("GC", False, False), ("ADD", True, False)])
def test_of_the_verbs_GC_at_a_terminal_alone_is_told(node, conf, verb, terminal, told):
    conf = {**conf, "cni.dev/valid-attachments": []} if verb == "GC" else conf
    leader, follower = pty.openpty()
    words = ["sh", "-c", f'exec "$@" 2>{os.ttyname(follower)}', "sh"] if terminal else []
    with open(lock_of(node, "node")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = node.start(verb, conf, None if verb == "GC" else node.pod(), wrapper=words)
        time.sleep(4)
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
