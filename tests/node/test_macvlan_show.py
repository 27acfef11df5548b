# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni show` of networks on a macvlan: the master and the mode, of network and pods."""
import pytest

from harness import command
from harness.node import UPLINK, network
from harness.shown import configured, document, only
from test_macvlan import macvlan

pytestmark = pytest.mark.must_run
OURS = {"type": "bridge-cni", "switch": "macvlan"}
LAN = "link add lan1 type veth peer name lan2\nlink set lan1 up\nlink set lan2 up\n"


def show(node, conf, *names):
    """(the document, the text)"""
    files = configured(node, conf)
    return (document(command.command(node, "show", *names, "--json", *files)),
            command.command(node, "show", *names, *files).stdout)


@pytest.mark.parametrize("named", [None, "lan1"])
def test_the_network_and_its_pods_name_master_and_mode(node, named):
    node.ip_batch(LAN)
    master = named or UPLINK
    conf, pod = macvlan(**OURS, master=named, mode="vepa"), node.pod()
    node.add(pod, conf)
    shown, text = show(node, conf)
    of_network = only(shown)
    assert (of_network["master"], of_network["mode"]) == (master, "vepa")
    [of_pod] = of_network["pods"]
    assert (of_pod["master"], of_pod["mode"]) == (master, "vepa")
    assert f"macvlan, master {master}, mode vepa\n" in text
    assert f"of {master}, mode vepa" in text
    shown, text = show(node, conf, pod.id)
    [whole] = shown["attachments"]
    assert (whole["master"], whole["mode"]) == (master, "vepa")
    [line] = [line.split() for line in text.splitlines() if line.split()[:1] == ["master"]]
    assert line == ["master", f"{master},", "mode", "vepa"]


def test_a_pod_keeps_its_own_whatever_the_configuration_says_by_now(node):
    node.ip_batch(LAN)
    conf, pod = macvlan(**OURS), node.pod()
    node.add(pod, conf)
    shown, _ = show(node, macvlan(**OURS, master="lan1", mode="private"))
    of_network = only(shown)
    assert (of_network["master"], of_network["mode"]) == ("lan1", "private")
    assert [(p["master"], p["mode"]) for p in of_network["pods"]] == [(UPLINK, "bridge")]
    # The pod's own link, seen from inside, when the node has no number for the namespace.
    pod.ip("link", "set", "eth0", "alias", "changed")
    shown, _ = show(node, conf)
    assert [(p["master"], p["mode"]) for p in only(shown)["pods"]] == [(None, None)]
    shown, _ = show(node, conf, pod.id)
    assert [(p["master"], p["mode"]) for p in shown["attachments"]] == [(UPLINK, "bridge")]


def test_a_master_in_the_pod_and_one_that_is_missing(node):
    conf, pod = macvlan(**OURS, master="lan1", linkInContainer=True), node.pod()
    pod.ip_batch(LAN)
    node.add(pod, conf)
    shown, text = show(node, conf)
    assert only(shown)["master"] is None
    assert [(p["master"], p["mode"]) for p in only(shown)["pods"]] == [("lan1", "bridge")]
    assert "macvlan, master lan1 in the pod, mode bridge\n" in text
    shown, text = show(node, macvlan(**OURS, master="eth7"))
    assert only(shown)["master"] is None and "macvlan, master not there, mode bridge\n" in text


def test_a_bridge_has_neither(node):
    conf = network()
    node.add(node.pod(), conf)
    of_network = only(show(node, conf)[0])
    assert [of_network["master"], of_network["mode"]] == [None, None]
    assert [(p["master"], p["mode"]) for p in of_network["pods"]] == [(None, None)]
