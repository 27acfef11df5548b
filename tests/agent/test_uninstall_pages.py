# SPDX-License-Identifier: GPL-2.0-or-later
"""deploy/README.md, "Uninstalling it" and "Switching to another CNI", command by command."""
import json
import os

import pytest

from harness.delegates import DEBIAN
from harness.pages import by_hand, commands, of_node
from harness.waiting import wait_for

pytest.importorskip("yaml")
from harness.daemonset import DaemonSet  # noqa: E402

PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]
OTHERS = {"ptp", "host-local", "portmap"}
# kindnet brings no loopback of its own here.
LOOPBACK = {"loopback", "bridge-cni", ".bridge-cni"}


def run_all(daemon_set, block, name=None):
    return [daemon_set.run(of_node(line, name) if name else line) for line in block]


def next_in_turn(daemon_set, block, seen):
    """The node to which the rollout has come, by the page's own command."""
    def found():
        (ready,) = run_all(daemon_set, block)
        assert sum(ready.values()) >= len(ready) - 1
        return [name for name in ready if not ready[name] and name not in seen]

    name, = wait_for(found)
    seen.append(name)
    return name


@pytest.fixture
def daemon_set(cluster):
    """Two nodes with pods, one of them a DaemonSet's."""
    made = DaemonSet(cluster, 2)
    for node in made.nodes.values():
        node.runtime.run("cart-1", PORTS)
        node.runtime.run("daemon-1")
    return made


def test_uninstalling(daemon_set):
    begin, look, clear, end, *_ = commands("Uninstalling it")
    run_all(daemon_set, begin)
    seen = []
    for _ in daemon_set.nodes:
        name = next_in_turn(daemon_set, look, seen)
        # Nodes whose turn has not come go on as they are.
        for other in daemon_set.nodes.keys() - seen:
            daemon_set.nodes[other].runtime.run("cart-2")
            daemon_set.nodes[other].runtime.delete("cart-2")
        run_all(daemon_set, clear, name)
    run_all(daemon_set, end)
    assert sorted(seen) == sorted(daemon_set.nodes)
    assert {name: node.left() for name, node in daemon_set.nodes.items()} == \
        dict.fromkeys(daemon_set.nodes, [])


def test_uninstalling_by_hand_when_the_DaemonSet_is_gone(daemon_set):
    *_, end, drain, on_node = commands("Uninstalling it")
    daemon_set.run(end[-1])
    node = daemon_set.nodes["node1"]
    node.runtime.run("cart-2")
    done = by_hand(node, on_node)
    assert done.returncode != 0 and "attachments are left" in done.stderr
    assert node.conflist()
    run_all(daemon_set, drain, node.name)
    for pod in list(node.runtime.sandboxes):
        node.runtime.delete(pod)  # a DaemonSet's: its own is deleted, too
    assert by_hand(node, on_node).returncode == 0
    assert node.left() == []


def install_kindnet(node):
    """Puts onto a node what kindnet's DaemonSet leaves there: plugins, and gives its file."""
    if not (DEBIAN / "ptp").exists():
        pytest.skip("containernetworking-plugins isn't installed")
    for name in OTHERS:
        os.symlink(DEBIAN / name, node.bin_dir / name)
    ipam = {"type": "host-local", "dataDir": str(node.directory / "kindnet"),
            "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": node.cidrs[0]}]]}
    return {"cniVersion": "0.3.1", "name": "kindnet", "plugins": [
        {"type": "ptp", "ipMasq": False, "ipam": ipam, "mtu": 1500},
        {"type": "portmap", "capabilities": {"portMappings": True}}]}


def left_but_loopback(node):
    """The names of what is left, but for loopback and the one version that it leads to."""
    left = [str(what) for what in node.left()]
    version = os.path.dirname(os.path.realpath(node.bin_dir / "loopback"))
    names = {os.path.basename(path) for path in left if not path.startswith(version)}
    assert names > LOOPBACK
    return names - LOOPBACK


def test_switching_to_another_CNI(daemon_set):
    begin, turn, end = commands("Switching to another CNI")
    for node in daemon_set.nodes.values():
        conflist = install_kindnet(node)
        (node.conf_dir / "10-kindnet.conflist").write_text(json.dumps(conflist))
        node.runtime.run("cart-2")
        assert "cni0" in node.links()
    run_all(daemon_set, begin)
    seen = []
    for _ in daemon_set.nodes:
        name = next_in_turn(daemon_set, turn[:1], seen)
        run_all(daemon_set, turn[1:], name)
        node = daemon_set.nodes[name]
        assert not node.cordoned and not node.runtime.sandboxes
        pod = node.runtime.run("cart-3")
        assert "cni0" not in node.links() and pod.ping(node.address4)
    run_all(daemon_set, end)
    for node in daemon_set.nodes.values():
        node.runtime.delete("cart-3")
        assert left_but_loopback(node) == {*OTHERS, "10-kindnet.conflist"}


def test_pods_whose_DEL_went_to_the_other_CNI_leave_nothing(daemon_set):
    """The other CNI's file sorts before ours."""
    node = daemon_set.nodes["node1"]
    conflist = install_kindnet(node)
    conflist["plugins"].pop()  # portmap has nothing to do here, and wants iptables
    (node.conf_dir / "05-kindnet.conflist").write_text(json.dumps(conflist))
    for pod in list(node.runtime.sandboxes):
        node.runtime.delete(pod)
    assert node.reservations("pods")
    # Nobody reaches a dead pod's address by the host port.
    wait_for(lambda: "8080" not in node.run("nft", "list", "ruleset").stdout)
    begin, *_ = commands("Uninstalling it")
    run_all(daemon_set, begin)
    wait_for(lambda: "uninstalled" in node.page("/readyz")[1])
    assert left_but_loopback(node) == {*OTHERS, "05-kindnet.conflist"}
