# SPDX-License-Identifier: GPL-2.0-or-later
"""The node lock: a file below /run that only root can hold."""
import fcntl
import os
import shutil
import stat

import pytest

from harness import plugin
from harness.node import GATEWAY4, INTERNET4, network
from harness.waiting import is_locked, wait_for

AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
HOLD = ("flock", "-n")


def lock_file(node):
    found, = (node.run_dir / "bridge-cni").glob("*.lock")
    return found


def test_it_is_roots_own(node):
    node.add(node.pod(), network())
    path = lock_file(node)
    for what, mode in ((path.parent, 0o700), (path, 0o600)):
        found = what.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (mode, 0), what


def test_without_privileges_nobody_can_hold_it(node):
    """A user who could hold the lock would keep every pod of the node from starting and ending."""
    node.add(node.pod(), network())
    path = f"/run/bridge-cni/{lock_file(node).name}"
    control = node.run_dir / "anybodys"
    control.touch()
    control.chmod(0o644)
    held = node.run(*AS_NOBODY, *HOLD, "/run/anybodys", "true", check=False)
    assert held.returncode == 0, held.stderr
    refused = node.run(*AS_NOBODY, *HOLD, path, "true", check=False)
    assert refused.returncode != 0 and "Permission denied" in refused.stderr
    assert node.run(*HOLD, path, "true", check=False).returncode == 0


def test_each_network_namespace_has_its_own(node):
    """Nodes in namespaces of one machine share /run and don't wait for each other."""
    node.add(node.pod(), network())
    inode = os.fstat(node.net_fd).st_ino
    assert lock_file(node).name == f"node-{inode}.lock"


def test_one_that_is_gone_or_left_behind_is_no_obstacle(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    lock_file(node).write_text("left behind")
    node.delete(pod, conf)
    lock_file(node).unlink()
    node.add(pod, conf)
    lock_file(node).unlink()
    lock_file_dir = node.run_dir / "bridge-cni"
    shutil.rmtree(lock_file_dir)
    node.delete(pod, conf)
    node.assert_nothing_left(pod)


def test_a_link_of_that_name_is_not_followed(node):
    node.add(node.pod(), network())
    path = lock_file(node)
    path.unlink()
    target = node.var_lib / "target"
    path.symlink_to("/var/lib/target")
    with plugin.refusal(plugin.IO, f"/run/bridge-cni/{path.name}"):
        node.add(node.pod(), network())
    assert not target.exists()


def test_shared_work_goes_on_while_it_is_shared_and_exclusive_work_waits(node):
    conf, pods = network(), [node.pod(), node.pod()]
    node.add(pods[0], conf)
    with open(lock_file(node)) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        node.add(pods[1], conf)  # nothing shared is to be changed
        node.ip("addr del 10.1.2.1/24 dev cni0")
        late = node.pod()
        call = node.start("ADD", conf, late)  # the gateway is to be put back
        gate = lock_file(node).with_suffix(".gate")
        wait_for(lambda: is_locked(gate, fcntl.LOCK_SH))
        assert node.addresses("cni0") == []
        fcntl.flock(file, fcntl.LOCK_UN)
        plugin.judge("ADD", call(), plugin.NEWEST)
    assert late.ping(GATEWAY4) and late.ping(INTERNET4)


def test_who_waits_for_the_exclusive_lock_is_not_starved_by_those_who_share(node):
    """A network's first ADD wants it exclusively while others hold it, one after another."""
    node.add(node.pod(), network())
    path = lock_file(node)
    gate = path.with_suffix(".gate")
    share = ("flock -s {gate} true; exec flock -s {path} sh -c 'printf . >>/run/turns; sleep 0.2'"
             .format(gate=f"/run/bridge-cni/{gate.name}", path=f"/run/bridge-cni/{path.name}"))

    def turns():
        return len((node.run_dir / "turns").read_text())

    finish = [node.begin("sh", "-c", f"until [ -e /run/enough ]; do ({share}); done") for _ in range(3)]
    try:
        wait_for(lambda: is_locked(path, fcntl.LOCK_EX) and turns())
        pod, before = node.pod(), turns()
        node.add(pod, network(name="another", bridge="cni1", ipam={
            "ranges": [[{"subnet": "10.77.0.0/24"}]]}))
        # Each of the three may have some while ADD comes to the lock, and one that it began before.
        assert turns() - before < 20
    finally:
        (node.run_dir / "enough").touch()
        for done in finish:
            done()


@pytest.mark.parametrize("operation", ["LOCK_EX", "LOCK_SH"])
def test_an_error_names_the_file_that_is_locked(node, tmp_path, operation):
    """From shared to exclusive, and back: what `fuser` is to be asked about."""
    node.add(node.pod(), network())
    path = f"/run/bridge-cni/{lock_file(node).name}"
    trace = tmp_path / "trace"
    new = network(name="another", bridge="cni1", ipam={
        "ranges": [[{"subnet": "10.77.0.0/24"}]]}, spoofCheck=True)
    strace = plugin.strace(trace, "flock", "-y")
    node.add(node.pod(), new, wrapper=strace, env=plugin.TRACED)
    calls = [line for line in trace.read_text().splitlines() if "flock(" in line]
    nth = [i for i, line in enumerate(calls, 1)
           if f"<{node.run_dir}/bridge-cni/{lock_file(node).name}>, {operation}" in line
           or f"<{path}>, {operation}" in line][-1]
    assert nth > 2, calls
    newer = {**new, "name": "third", "bridge": "cni2", "ipam": {
        **new["ipam"], "ranges": [[{"subnet": "10.78.0.0/24"}]]}}
    with plugin.refusal(plugin.IO, f"locking {path}: "):
        node.add(node.pod(), newer, env=plugin.TRACED,
                 wrapper=[*strace, "-e", f"inject=flock:error=ENOLCK:when={nth}"])
