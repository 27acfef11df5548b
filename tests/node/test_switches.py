# SPDX-License-Identifier: GPL-2.0-or-later
"""The key `switch`: what is refused, and what becomes of pods whose network gets another
switch, or whose record tells of one."""
import json

import pytest

from harness import plugin
from harness.command import command
from harness.node import NETWORK, UPLINK, network
from harness.ovs import ovs_network
from harness.shown import configured, only, record_write, records_of, show, show_text
from test_gc import gc
from test_macvlan import macvlan
from test_validate import listed, ours, single, validate

pytestmark = pytest.mark.must_run

# Each is a configuration by which DEL and GC take the network to be on another switch, or
# can't tell.
CHANGES = {"macvlan": {"switch": "macvlan", "bridge": None},
           "by type": {"type": "macvlan"},
           "ovs": {"switch": "ovs"},
           "bad word": {"switch": "sriov"},
           "no word": {"switch": 7}}


def changed(**changes):
    conf = network(**changes)
    return {key: value for key, value in conf.items() if value is not None}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_DEL_takes_a_pod_from_the_switch_that_its_record_names(node, change):
    conf, pod, other = network("dual", ipMasq=True), node.pod(), node.pod()
    node.add(pod, conf)
    node.add(other, conf)
    node.delete(pod, changed(**change))
    node.assert_nothing_left(pod, others=1)
    assert len(records_of(node, NETWORK)) == 1
    node.delete(other, changed(**change))
    assert not node.host_veths() and not node.reservations()
    assert records_of(node, NETWORK) == []


def test_GC_of_a_network_on_another_switch_leaves_pods_that_are_on_a_bridge(node):
    """It is another owner, as one on another bridge is."""
    conf, pod = network(), node.pod()
    result = node.add(pod, conf)
    gc(node, changed(switch="macvlan", bridge=None), [])
    assert len(node.host_veths()) == 1 and len(node.reservations()) == 1
    node.check(pod, conf, result)
    gc(node, conf, [])
    assert not node.host_veths() and not node.reservations()


@pytest.mark.parametrize("first, then", [
    (lambda: network(), lambda: macvlan(master=UPLINK)),
    (lambda: network(), lambda: ovs_network()),
    (lambda: macvlan(master=UPLINK), lambda: network()),
    (lambda: macvlan(master=UPLINK), lambda: ovs_network()),
], ids=["bridge, macvlan", "bridge, ovs", "macvlan, bridge", "macvlan, ovs"])
def test_CHECK_says_that_the_network_has_another_switch_by_now(node, first, then):
    """And not what differs for that; repair of the pod is no remedy."""
    pod = node.pod()
    result = node.add(pod, first())
    with plugin.refusal(plugin.CHECK, "switch: expected", "delete the pod") as error:
        node.check(pod, then(), result)
    assert "bridge-cni repair` puts" not in str(error.value)
    node.check(pod, first(), result)


@pytest.mark.parametrize("changes, words", [
    ({"switch": "sriov"}, ("switch", "sriov")),
    ({"switch": "Bridge"}, ("switch", "Bridge")),
    ({"switch": True}, ("switch",)),
    ({"switch": "bridge", "type": "macvlan"}, ("switch", "bridge", "macvlan", "type")),
    ({"switch": "macvlan", "type": "bridge"}, ("switch", "macvlan", "bridge", "type")),
    ({"type": "ovs", "switch": "ipvlan"}, ("switch", "ipvlan", "ovs", "type")),
], ids=str)
def test_a_switch_that_is_none_or_contradicts_the_type_is_refused(node, changes, words):
    pod, before = node.pod(), node.state()
    node.refused(pod, changed(**changes), plugin.CONFIG, *words)
    assert node.state() == before


def test_a_bridge_may_be_named_as_the_switch(node):
    pod = node.pod()
    result = node.add(pod, network(switch="bridge"))
    node.check(pod, network(), result)
    [record] = records_of(node, NETWORK)
    # A version that knows no switch can take it away.
    assert record.read_text().startswith("bridge-cni record 1\n")
    assert "\nswitch " not in record.read_text()
    node.delete(pod, network(type="bridge-cni"))
    node.assert_nothing_left(pod)


def test_a_record_of_a_switch_of_a_later_version_is_left_to_that_version(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    [path] = records_of(node, NETWORK)
    lines = path.read_text().splitlines()[:-1]
    record_write(node, NETWORK, ["bridge-cni record 3", *lines[1:], "switch sriov"])
    with plugin.refusal(plugin.IO, "newer version"):
        node.delete(pod, conf)
    assert node.host_veths() and node.reservations() and path.exists()
    record_write(node, NETWORK, lines)
    node.delete(pod, conf)
    node.assert_nothing_left(pod)


def test_show_names_the_switch(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    shown = only(show(node, conf))
    assert shown["switch"] == "bridge" and shown["bridge"]["name"] == "cni0"
    assert shown["pods"][0]["hostInterface"]["exists"]


def findings(node, *files):
    """The lines in which doctor finds something wrong, in the files' networks."""
    done = command(node, "doctor", "--json", *files)
    return [item for item in json.loads(done.stdout) if item["level"] != "ok"]


def test_nothing_is_said_of_a_bridge_that_a_switch_has_not(node):
    conf, pod = macvlan(master=UPLINK, type="bridge-cni", switch="macvlan"), node.pod()
    node.add(pod, conf)
    shown = only(show(node, conf))
    assert shown["switch"] == "macvlan" and shown["bridge"] is None
    assert shown["gateways"] == []
    [entry] = shown["pods"]
    assert entry["state"] == "connected" and entry["hostInterface"] is None
    text = show_text(node, conf)
    assert "macvlan" in text and ":macvlan" not in text and "not there" not in text
    files = configured(node, conf)
    whole = command(node, "show", pod.id, *files).stdout
    assert "in the pod" in whole and "on the node" not in whole
    assert whole.rstrip().endswith("right")
    checks = {item["check"] for item in findings(node, *files)}
    assert not checks & {"bridge", "subnets", "pods", "firewall", "mtu", "reference", "kernel", "store",
                         "duplicates"}
    done = command(node, "doctor", "--trace", pod.id, "10.1.2.1", *files)
    assert "no interface on the node" in done.stdout
    assert command(node, "repair", *files).stdout == "nothing to mend\n"
    refused = command(node, "cleanup", *files)
    assert refused.returncode and "(switch macvlan, dataDir" in refused.stderr
    assert command(node, "cleanup", "--force", *files).returncode == 0
    assert not node.reservations() and "eth0" not in pod.links()
    assert not (node.store / ".bridge-cni" / NETWORK).exists()


@pytest.mark.parametrize("later", [{"switch": "bridge"}, {"bridge": "cni7"}, {"switch": "sriov"}], ids=str)
def test_a_pod_without_a_bridge_is_taken_away_whatever_the_network_is_by_then(node, later):
    pod, stays = node.pod(), node.pod()
    conf = macvlan(master=UPLINK)
    node.add(pod, conf)
    result = node.add(stays, conf)
    node.delete(pod, network(**later))
    assert "eth0" not in pod.links() and len(node.reservations()) == 1
    assert len(records_of(node, NETWORK)) == 1
    gc(node, network(**{**later, "switch": None}), [])
    node.check(stays, conf, result)


@pytest.mark.parametrize("noted", [True, False], ids=["by its note", "by its record"])
def test_cleanup_finds_such_a_network_without_a_configuration(node, noted):
    """And leaves a pod of the same name's network that is on a bridge to that network."""
    pod, bridged = node.pod(), node.pod()
    asked = [(pod, macvlan(master=UPLINK)), (bridged, network())]
    for one, conf in asked if noted else reversed(asked):
        node.add(one, conf)
    # Whoever makes the store, or a bridge, leaves a note.
    notes = sorted(path.name for path in (node.store / ".bridge-cni" / NETWORK).glob(".network-*"))
    assert notes == [".network-:macvlan", ".network-cni0"][not noted:]
    refused = command(node, "cleanup")
    assert refused.returncode and "(switch macvlan, dataDir" in refused.stderr
    assert "(bridge cni0, dataDir" in refused.stderr
    assert command(node, "cleanup", "--force").returncode == 0
    assert not node.reservations() and "eth0" not in pod.links() and "cni0" not in node.links()
    assert not (node.store / ".bridge-cni" / NETWORK).exists()


def test_a_kernel_without_ipvlan_is_told(node):
    """Both kinds are tried where doctor may load modules; a kernel that has one says nothing."""
    conf = macvlan(master=UPLINK, type="bridge-cni", switch="ipvlan", mode="l2")
    done = command(node, "doctor", "--json", "--load", *configured(node, conf))
    said = [item for item in json.loads(done.stdout)
            if item["check"] == "kernel" and item["level"] != "ok"]
    has = not node.run("ip", "link", "add", "tried", "link", UPLINK, "type", "ipvlan",
                      check=False).returncode
    assert bool(said) == (not has), said
    if not has:
        assert "CONFIG_IPVLAN" in json.dumps(said[0])


@pytest.mark.parametrize("conf, level, word", [
    (listed(ours(switch="sriov")), "error", "switch"),
    (listed(ours(switch="bridge")), None, None),
    (single(switch="macvlan", type="bridge-cni", bridge="cni0"), "error", "macvlan"),
    (listed(ours(swtich="bridge")), "warning", "swtich"),
], ids=["a bad word", "a bridge", "a key of another switch", "a mistyped key"])
def test_validate_judges_the_switch(tmp_path, conf, level, word):
    path = tmp_path / ("pods.conflist" if "plugins" in conf else "pods.conf")
    path.write_text(json.dumps(conf))
    done = validate("--json", path)
    found = json.loads(done.stdout)
    if not level:
        assert [item for item in found if item["level"] == "error"] == []
        return
    assert any(item["level"] == level and word in item["message"] for item in found), found
