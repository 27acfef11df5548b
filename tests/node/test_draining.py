# SPDX-License-Identifier: GPL-2.0-or-later
"""The key draining: a network that leaves the node takes no new pods and serves the others."""
import pytest

from harness import plugin, snapshot
from harness.command import cleanup, command, repair, written
from harness.delegates import Delegate
from harness.node import INTERNET4, network
from harness.portmap import ports


def status(node, conf, **kw):
    return plugin.judge("STATUS", node.invoke("STATUS", conf, **kw), conf["cniVersion"])


def collect(node, conf, valid):
    conf = {**conf, "cni.dev/valid-attachments": valid}
    return plugin.judge("GC", node.invoke("GC", conf), conf["cniVersion"])


def draining(conf):
    return {**conf, "draining": True}


@pytest.mark.parametrize("conf", [network("dual"), network(ipam={"ranges": None, "type": ""},
                                                           isDefaultGateway=None, ipMasq=None)],
                         ids=["host-local", "no addresses"])
def test_ADD_and_STATUS_answer_50_and_make_nothing(node, conf):
    pod = node.pod()
    before = node.state()
    words = "draining", "testnet", "drain the node", "BRIDGE_CNI_UNINSTALL"
    node.refused(pod, draining(conf), plugin.UNAVAILABLE, *words)
    with plugin.refusal(plugin.UNAVAILABLE, *words):
        status(node, draining(conf))
    snapshot.assert_same(before, node.state())
    node.add(pod, {**conf, "draining": False})
    status(node, {**conf, "draining": False})


def test_ADD_and_STATUS_ask_no_other_IPAM_plugin(node):
    fake = Delegate(node)
    node.refused(node.pod(), draining(fake.conf()), plugin.UNAVAILABLE, env=fake.env)
    with plugin.refusal(plugin.UNAVAILABLE):
        status(node, draining(fake.conf()), env=fake.env)
    assert fake.calls() == []


def test_pods_that_are_left_are_checked_repaired_collected_and_deleted(node):
    conf, pods = network("dual", spoofCheck=True), [node.pod(), node.pod()]
    results = [node.add(pod, conf) for pod in pods]
    conf = draining(conf)
    node.nft("flush ruleset")
    assert repair(node, conf)
    for pod, result in zip(pods, results):
        node.check(pod, conf, result)
    collect(node, conf, [{"containerID": pods[1].id, "ifname": "eth0"}])
    node.assert_nothing_left(pods[0], others=1)
    assert pods[1].ping(INTERNET4)
    node.delete(pods[1], conf, results[1])
    node.assert_nothing_left(pods[1])
    assert cleanup(node, conf)


def test_DEL_and_GC_make_nothing_where_everything_is_removed(node):
    """A configuration that stays for the runtime's late DELs leaves a node that has nothing
    of the network as it is."""
    conf, pod = ports((8080, 80), spoofCheck=True), node.pod()
    node.add(pod, conf)
    done = command(node, "cleanup", "--force", *written(node, conf))
    assert (done.returncode, done.stderr) == (0, ""), done
    node.store.rmdir()
    node.store.parent.rmdir()
    before = node.state()
    for _ in range(2):
        node.delete(pod, draining(conf))
        collect(node, draining(conf), [])
    snapshot.assert_same(before, node.state())
    assert list(node.var_lib.iterdir()) == []
    assert "bridge_cni" not in node.run("nft", "list", "tables").stdout
    assert [path.name for path in (node.run_dir / "bridge-cni").iterdir()
            if not path.name.startswith("node-")] == []
