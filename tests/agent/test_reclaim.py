# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses of pods whose runtime never sent a DEL."""
import contextlib
import fcntl
import pathlib
import time

from harness import netns
from harness.waiting import wait_for

NETWORK = "pods"


def reserved(node):
    return {owner for owner, _ in node.reservations(NETWORK).values()}


def test_what_dead_pods_left_is_given_back(cluster):
    node, = cluster.ready(1, "--resync-seconds", "1")
    alive, dead = node.attach(), node.attach()
    dead.remove()
    wait_for(lambda: reserved(node) == {alive.id})
    wait_for(lambda: node.metrics()["bridge_cni_reclaimed_total"] == 1)
    assert alive.ping(node.address4)


def test_nobody_is_dead_where_no_namespace_is_seen(cluster):
    """A container without propagation sees plain files in /run/netns, or nothing."""
    node = cluster.node()
    node.start_agent("--resync-seconds", "1",
                     more="mkdir -p /run/netns; mount -t tmpfs none /run/netns; mount --make-private /run/netns")
    wait_for(node.ready)
    alive, dead = node.attach(), node.attach()
    dead.remove()
    wait_for(lambda: node.metrics()["bridge_cni_reclaim_refused"] == 1)
    time.sleep(2.5)
    assert reserved(node) == {alive.id, dead.id}
    assert "propagation" in node.log()


def test_a_pod_that_is_being_added_is_not_dead(cluster):
    """The pod has a record and a namespace already, but no interface yet."""
    node, = cluster.ready(1, "--resync-seconds", "1")
    other, pod = node.attach(), node.attach()
    node.ip(f"link del {pod.result['interfaces'][1]['name']}")
    time.sleep(2.5)
    assert reserved(node) == {other.id, pod.id}


def dels_of(node):
    """The DELs that the agent has started and that have not ended."""
    children = f"/proc/{node.agent_pid()}/task/{node.agent_pid()}/children"
    with open(children) as file:
        return [pid for pid in file.read().split()
                if b"CNI_COMMAND=DEL" in pathlib.Path(f"/proc/{pid}/environ").read_bytes()]


def wait_for_held_DEL(node, lock):
    """Waits until a DEL waits for the store's lock, which is held. A repair is let through."""
    def is_held():
        if dels_of(node):
            return True
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(0.001)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return False
    wait_for(is_held)


def reclaimed(node):
    return node.metrics()["bridge_cni_reclaimed_total"]


@contextlib.contextmanager
def held_DEL(cluster):
    """A node with a pod that lives and three that are dead: the DEL of the first of the dead
    waits as long as the block runs."""
    node, = cluster.ready(1, "--resync-seconds", "1")
    alive, *dead = [node.attach() for _ in range(4)]
    with open(node.store / NETWORK / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for pod in dead:
            pod.remove()
        wait_for_held_DEL(node, lock)
        yield node, alive, dead


def test_who_lives_again_before_its_DEL_is_due_is_not_dead(cluster):
    """A DEL takes its time; the names of the next of the dead may be a live one's by then."""
    with held_DEL(cluster) as (node, alive, dead):
        before = reclaimed(node)
        for pod in dead:
            netns.new_namespace(node.mnt_fd, pod.netns)
    wait_for(lambda: reclaimed(node) == before + 1)
    time.sleep(1.5)
    assert len(reserved(node)) == 4 - reclaimed(node) == 3 - before
    assert alive.id in reserved(node)


def test_dead_whose_record_goes_before_their_DEL_is_due_get_none(cluster):
    """Somebody else has given them a DEL meanwhile."""
    with held_DEL(cluster) as (node, _, dead):
        before = reclaimed(node)
        environment = pathlib.Path(f"/proc/{wait_for(lambda: dels_of(node))[0]}/environ").read_text()
        for record in (node.store / ".bridge-cni" / NETWORK).glob("p-*"):
            if any(pod.id in record.read_text() for pod in dead
                   if f"CNI_CONTAINERID={pod.id}\0" not in environment):
                record.unlink()
    wait_for(lambda: reclaimed(node) == before + 1)
    assert node.agent.poll() is None
    time.sleep(1.5)
    assert reclaimed(node) == before + 1
    assert node.metrics()["bridge_cni_reclaim_failures_total"] == 0
