# SPDX-License-Identifier: GPL-2.0-or-later
"""--links: a node without other plugins has loopback, by the agent, as long as a runtime needs it."""
import json
import os

import pytest

from harness import plugin
from harness.runtime import LOOPBACK, Runtime
from harness.waiting import wait_for

QUICK = "--uninstall-linger-seconds", "0"
OTHERS = {"cniVersion": "1.0.0", "name": "others", "plugins": [{"type": "others"}]}


def lines(node, words):
    return [line for line in node.log().splitlines() if words in line]


def loopback(node, verb, pod):
    done = node.invoke(verb, LOOPBACK, pod, ifname="lo", executable=str(node.bin_dir / "loopback"))
    return plugin.judge(verb, done, LOOPBACK["cniVersion"])


def names(node):
    return sorted(path.name for path in node.bin_dir.iterdir())


def test_a_fresh_node_has_loopback_and_keeps_it(cluster):
    node = cluster.node()
    assert names(node) == []
    node.start_agent()
    wait_for(lambda: node.conflist())
    assert names(node) == [".bridge-cni", "bridge-cni", "loopback"]
    link = node.bin_dir / "loopback"
    assert os.readlink(link) == "bridge-cni"
    runtime = Runtime(node)
    assert runtime.run("cart-1").ping("127.0.0.1")
    line, = lines(node, "link made")
    assert "link=loopback" in line
    link.unlink()
    wait_for(lambda: os.path.lexists(link))
    runtime.delete("cart-1")

    # What takes the name, by a package for example, is its owner's, and is told once.
    with node.asleep():
        link.unlink()
        link.write_text("somebody's own")
    wait_for(lambda: lines(node, "somebody else has the name"))
    node.stop_agent()
    node.start_agent(BRIDGE_CNI_LINKS="host-local,bridge,loopback")
    wait_for(lambda: names(node) == [".bridge-cni", "bridge", "bridge-cni", "host-local", "loopback"])
    wait_for(lambda: len(lines(node, "somebody else has the name")) == 2)
    assert link.read_text() == "somebody's own"
    node.stop_agent()
    node.run(*node.agent_argv("--cleanup"))
    assert names(node) == ["loopback"] and link.read_text() == "somebody's own"


@pytest.mark.parametrize("value, words", [
    ("loopback,", ["none", "host-local"]), ("bridge-cni", ["BRIDGE_CNI_LINKS", "bridge-cni"])])
def test_other_names_are_refused(cluster, value, words):
    node = cluster.node()
    done = node.run(*node.agent_argv("--links", value), check=False)
    assert done.returncode == 1 and all(word in done.stderr for word in words)


def test_without_links_the_agent_makes_none_and_takes_those_away_that_it_made(cluster):
    node = cluster.node()
    node.start_agent(*QUICK)
    wait_for(lambda: "loopback" in names(node) and node.ready())
    node.stop_agent()
    (node.bin_dir / "loopback").unlink()
    (node.bin_dir / "bridge").symlink_to("bridge-cni")
    node.start_agent(*QUICK, "--links", "none")
    wait_for(node.ready)
    assert names(node) == [".bridge-cni", "bridge", "bridge-cni"]
    node.stop_agent()
    node.start_agent(*QUICK, BRIDGE_CNI_UNINSTALL="drain")
    wait_for(lambda: node.page("/readyz")[1].startswith("ok\nuninstalled"))
    assert node.left() == []


def test_links_to_an_executable_of_somebody_else_are_his(cluster):
    """As `make install-bundle` and `bridge-cni links` make them."""
    node = cluster.node()
    (node.bin_dir / "bridge-cni").touch()
    for name in "host-local", "loopback":
        (node.bin_dir / name).symlink_to("bridge-cni")
    node.run(*node.agent_argv("--cleanup"))
    assert names(node) == ["bridge-cni", "host-local", "loopback"]


@pytest.mark.parametrize("whose", ["pod", "configuration"])
def test_uninstalling_leaves_loopback_while_somebody_needs_it(cluster, whose):
    """Another network's runtime calls it for each of its pods."""
    node, = cluster.ready(1, *QUICK)
    pod, path = node.pod(), node.conf_dir / "99-others.conflist"
    if whose == "configuration":
        path.write_text(json.dumps(OTHERS))
        needed_by = path.name
    else:
        needed_by = pod.netns
    node.stop_agent()
    node.start_agent(*QUICK, BRIDGE_CNI_UNINSTALL="drain")
    wait_for(lambda: node.page("/readyz")[1].startswith("ok\nuninstalled, but"))
    assert needed_by in node.page("/readyz")[1] and node.conflist() is None
    line, = lines(node, "uninstalled")
    assert "level=warn" in line and needed_by in line and str(node.bin_dir) in line
    assert names(node) == [".bridge-cni", "bridge-cni", "loopback"]
    loopback(node, "ADD", pod)
    loopback(node, "DEL", pod)

    # Others that take the node over find it as they find it on any node.
    node.stop_agent()
    done = node.run(*node.agent_argv("--cleanup"))
    assert needed_by in done.stderr and "loopback" in names(node)
    node.start_agent(*QUICK, BRIDGE_CNI_UNINSTALL="drain")
    wait_for(lambda: len(lines(node, "uninstalled, but")) == 2)
    pod.remove()
    path.unlink(missing_ok=True)
    wait_for(lambda: lines(node, "uninstalled: nothing"))
    assert node.left() == [] and "the node has nothing" in node.page("/readyz")[1]
