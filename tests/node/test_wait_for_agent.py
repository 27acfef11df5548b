# SPDX-License-Identifier: GPL-2.0-or-later
"""The key waitForAgent: no new pods before the node agent has made its routes since the boot."""
import pathlib

import pytest

from harness import plugin, snapshot
from harness.node import network

READY = pathlib.Path("/run/bridge-cni/ready")
WORDS = "waitForAgent", "testnet", str(READY)


def status(node, conf):
    return plugin.judge("STATUS", node.invoke("STATUS", conf), conf["cniVersion"])


@pytest.fixture
def ready(node):
    path = node.run_dir / "bridge-cni" / READY.name
    path.parent.mkdir(exist_ok=True)
    return path


def test_without_the_file_ADD_and_STATUS_answer_50_and_make_nothing(node, ready):
    conf, pod = network("dual", waitForAgent=True), node.pod()
    before = node.state()
    node.refused(pod, conf, plugin.UNAVAILABLE, *WORDS)
    with plugin.refusal(plugin.UNAVAILABLE, *WORDS):
        status(node, conf)
    snapshot.assert_same(before, node.state())
    for other in {**conf, "waitForAgent": False}, network("dual"):
        status(node, other)
    ready.touch()
    status(node, conf)
    node.add(pod, conf)


def test_pods_that_run_are_checked_and_deleted_without_the_file(node, ready):
    conf, pod = network("dual", waitForAgent=True), node.pod()
    ready.touch()
    result = node.add(pod, conf)
    ready.unlink()
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod)
