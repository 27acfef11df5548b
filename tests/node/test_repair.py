# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni repair`: what somebody flushed or deleted under running pods comes back."""
import json

import pytest

from harness import plugin, snapshot
from harness.delegates import Delegate
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NODE4, NODE6,
                          addresses_of, network)
from harness.wire import source_seen


def conflist(conf, *others):
    """As it stands in /etc/cni/net.d."""
    conf = dict(conf)
    head = {key: conf.pop(key) for key in ("cniVersion", "name")}
    return {**head, "plugins": [conf, *others]}


def written(node, *confs, name="{:02}.conflist"):
    """Files with a list each; their paths."""
    paths = []
    for number, conf in enumerate(confs):
        paths.append(node.directory / name.format(number))
        paths[-1].write_text(json.dumps(conf if "plugins" in conf else conflist(conf)))
    return list(map(str, paths))


def command(node, *argv, wrapper=(), env=None):
    """The finished process, unjudged."""
    return node.run(*wrapper, plugin.BRIDGE_CNI, *argv, check=False,
                    env={k: v for k, v in plugin.environment("", **(env or {})).items()
                         if k != "CNI_COMMAND"})


def repair(node, *confs, **kw):
    """What was mended, line by line; success without a word on stderr."""
    done = command(node, "repair", *written(node, *confs), **kw)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.splitlines()


NOTHING = ["nothing to mend"]


def state(node):
    """What holds still; ports come back in another order."""
    found = node.state()
    for link in found["node"]["links"].values():
        for key in ("id", "no", "designated_port"):
            link.get("linkinfo", {}).get("info_slave_data", {}).pop(key, None)
    return found


def attached(node, conf, n=2, **kw):
    pods = [node.pod() for _ in range(n)]
    return pods, [node.add(pod, conf, **kw) for pod in pods]


def assert_connected(pods, results):
    """Each pod reaches the others, the gateway and, masqueraded, the world."""
    for pod in pods:
        for result in results:
            for address in addresses_of(result):
                assert pod.ping(address), f"{pod.name} doesn't reach {address}"
        assert pod.ping(GATEWAY4) and pod.ping(GATEWAY6)
        assert source_seen(pod, pod.node.outside, INTERNET4) == NODE4
        assert source_seen(pod, pod.node.outside, INTERNET6) == NODE6


HARM = {
    "ruleset flushed": lambda node: node.nft("flush ruleset"),
    "table deleted": lambda node: node.nft("delete table inet bridge_cni"),
    "bridge deleted": lambda node: node.ip("link del cni0"),
    "bridge down": lambda node: node.ip("link set cni0 down"),
    "ports taken off": lambda node: [node.ip(f"link set {veth} nomaster")
                                     for veth in node.host_veths()],
    "ports down": lambda node: [node.ip(f"link set {veth} down")
                                for veth in node.host_veths()],
    "addresses flushed": lambda node: node.ip("addr flush dev cni0 scope global"),
    "forwarding off": lambda node: (node.sysctl("ipv4.ip_forward", 0),
                                    node.sysctl("ipv6.conf.all.forwarding", 0)),
}


@pytest.mark.parametrize("harm", HARM)
def test_pods_are_connected_again(node, harm):
    conf = network("dual", hairpinMode=True)
    pods, results = attached(node, conf)
    assert_connected(pods, results)
    before = state(node)
    HARM[harm](node)
    assert not (pods[0].ping(INTERNET4, wait=0.3) and pods[0].ping(INTERNET6, wait=0.3))
    lines = repair(node, conf)
    assert lines and lines != NOTHING
    assert_connected(pods, results)
    snapshot.assert_same(before, state(node))
    assert repair(node, conf) == NOTHING
