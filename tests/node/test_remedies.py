# SPDX-License-Identifier: GPL-2.0-or-later
"""An error says what to change, in its message or in its details."""
import json

import pytest

from harness import plugin
from harness.node import network

pytestmark = pytest.mark.must_run

ONE_ADDRESS = {"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.7",
                            "rangeEnd": "10.1.2.7"}]]}


def remedy(node, verb, pod, conf, code, **kw):
    """All that is told of the failure."""
    done = node.invoke(verb, conf, pod, **kw)
    error = json.loads(done.stdout)
    assert (done.returncode, error["code"]) == (1, code), done
    assert error["msg"] in done.stderr and error.get("details", "") in done.stderr
    return f"{error['msg']} {error.get('details', '')}"


def ip(address):
    return {"args": f"IP={address}"}


REFUSED = {
    "full": (network(ipam=ONE_ADDRESS), plugin.EXHAUSTED, {}, "delete pods, or widen the range"),
    "taken": (network(ipam=ONE_ADDRESS), plugin.EXISTS, ip("10.1.2.7"),
              "ask for another address, or delete the pod that has it"),
    "no range": (network(), plugin.CONFIG, ip("10.9.9.9"), "ask for an address of one of these"),
    "excluded": (network(), plugin.CONFIG, ip("10.1.2.1"), "ask for another address"),
    "no IPAM": (network(ipam={"type": "nowhere"}), plugin.CONFIG, {}, "install it there"),
    "gateway": (network(ipam={"ranges": [[{"subnet": "10.1.2.0/24", "gateway": "10.9.9.1"}]]}),
                plugin.CONFIG, {}, "take an address of the subnet"),
    "host port": (network("v4", capabilities={"portMappings": True}, runtimeConfig={
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "hostIP": "2001:db8::1"}]}),
        plugin.CONFIG, {}, "map the port on an address of the other family"),
}


@pytest.mark.parametrize("conf, code, kw, words", REFUSED.values(), ids=REFUSED)
def test_what_to_change_is_said_of_an_ADD_that_fails(node, conf, code, kw, words):
    if code in (plugin.EXHAUSTED, plugin.EXISTS):
        node.add(node.pod(), conf)
    assert words in remedy(node, "ADD", node.pod(), conf, code, **kw)


def test_an_interface_of_that_name_is_told_with_what_to_do(node):
    pod = node.pod()
    pod.ip("link add eth0 type bridge")
    assert "remove it, or give this one another name" in remedy(
        node, "ADD", pod, network(), plugin.EXISTS)


@pytest.mark.parametrize("change, words", [
    ("link set {host} nomaster", "`bridge-cni repair` puts right what is on the node"),
    ("link set cni0 down", "`bridge-cni repair` sets it up")])
def test_a_difference_that_CHECK_finds_is_told_with_what_helps(node, change, words):
    pod, conf = node.pod(), network()
    result = node.add(pod, conf)
    [host] = node.host_veths()
    node.ip(change.format(host=host))
    text = remedy(node, "CHECK", pod, {**conf, "prevResult": result}, plugin.CHECK)
    assert words in text and text.count("bridge-cni repair") == 1
