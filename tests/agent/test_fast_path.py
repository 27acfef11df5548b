# SPDX-License-Identifier: GPL-2.0-or-later
"""What a template may ask for, and a kernel may lack: the agent looks after fastPath's uplinks and a
VLAN's gateway."""
import json

import pytest

from harness import distribution
from harness.nftables import has_flowtables
from harness.waiting import wait_for, within

NEW_UPLINK = ("link add up1 type veth peer name far1\nlink set far1 up\nlink set up1 up\naddr add 203.0.113.2/24 dev up1\n"
              "route replace default via 203.0.113.1 dev up1\n")


def started(cluster, tmp_path, **keys):
    """A node with these keys in its template. Its agent does nothing without a reason for an hour."""
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"plugins": [{"type": "bridge-cni", **keys}]}))
    node = cluster.node("v4")
    node.start_agent("--conflist-template", template, "--resync-seconds", "3600")
    wait_for(node.ready)
    wait_for(lambda: node.metrics()["bridge_cni_repairs_total"] >= 1)
    node.wait_for_no_repair()
    return node


def differences(node, what):
    return node.metrics()[f'bridge_cni_differences_total{{what="{what}"}}']


def devices(node):
    """The flowtable's."""
    listed = node.run("nft", "list", "flowtables", "inet").stdout.split("flowtable fast_path")[1]
    return sorted(listed.split("devices = {")[1].split("}")[0].replace('"', "").replace(" ", "").split(","))


@pytest.mark.parametrize("fast_path", [True, False])
def test_another_uplink_is_seen_for_fastPath_alone(cluster, tmp_path, fast_path):
    node = started(cluster, tmp_path, fastPath=fast_path)
    repairs = node.metrics()["bridge_cni_repairs_total"]
    node.ip_batch(NEW_UPLINK)
    if fast_path:
        wait_for(lambda: node.metrics()["bridge_cni_repairs_total"] > repairs)
        assert differences(node, "uplinks") >= 1  # one each second until the repair
    node.wait_for_no_repair()
    assert (differences(node, "uplinks") > 0) == fast_path
    assert (node.metrics()["bridge_cni_repairs_total"] > repairs) == fast_path


def with_flowtables(cluster, tmp_path):
    node = started(cluster, tmp_path, fastPath=True)
    if not has_flowtables(node):
        raise distribution.Lacks("this kernel's nftables has no flowtables")
    node.attach()
    node.wait_for_no_repair()
    assert devices(node) == ["cni0", "eth0"]
    return node


def test_another_uplink_gets_into_the_flowtable(cluster, tmp_path):
    node = with_flowtables(cluster, tmp_path)
    node.ip_batch(NEW_UPLINK)
    wait_for(lambda: "up1" in devices(node))
    node.wait_for_no_repair()
    # It is another one by the same name.
    node.ip("link del up1")
    node.ip_batch(NEW_UPLINK)
    wait_for(lambda: "up1" in devices(node))


def test_an_uplink_that_becomes_a_port_leaves_the_flowtable(cluster, tmp_path):
    node = with_flowtables(cluster, tmp_path)
    node.ip_batch(NEW_UPLINK)
    wait_for(lambda: "up1" in devices(node))
    node.wait_for_no_repair()
    node.ip_batch("link add br-ex type bridge\nlink set br-ex up\naddr flush dev up1\n"
                  "link set up1 master br-ex\naddr add 203.0.113.2/24 dev br-ex\n"
                  "route replace default via 203.0.113.1 dev br-ex\n")
    wait_for(lambda: "br-ex" in devices(node) and "up1" not in devices(node))


def test_a_device_that_somebody_takes_out_of_the_flowtable_comes_back(cluster, tmp_path):
    node = with_flowtables(cluster, tmp_path)
    node.nft('delete flowtable inet bridge_cni fast_path { devices = { "eth0" }; }')
    wait_for(lambda: devices(node) == ["cni0", "eth0"])


GATEWAY = "cni0.7"


def test_a_change_of_a_VLANs_gateway_is_seen(cluster, tmp_path):
    """As far as the agent goes, which doesn't care how it was made."""
    node = started(cluster, tmp_path, vlan=7)
    for change in (f"link add {GATEWAY} type veth peer name port0", f"link set {GATEWAY} up",
                   "link set port0 up", f"addr add 10.7.0.1/24 dev {GATEWAY}",
                   f"link set {GATEWAY} down", f"link set {GATEWAY} name lost0"):
        what = "addresses" if change.startswith("addr") else "gateway"
        before = differences(node, what)
        node.ip(change)
        wait_for(lambda before=before, what=what: differences(node, what) > before)
        node.wait_for_no_repair()


@pytest.mark.parametrize("change", ["link set {0} down", "link del {0}", "addr flush dev {0}",
                                    "link set {0} down\nlink set {0} name lost0\nlink set lost0 up"])
def test_a_VLANs_gateway_comes_back(cluster, tmp_path, vlan_filtering, change):
    if not vlan_filtering:
        raise distribution.Lacks("this kernel's bridges don't filter VLANs")
    node = started(cluster, tmp_path, vlan=7)
    pod = node.attach()
    node.wait_for_no_repair()
    with node.asleep():
        node.ip_batch(change.format(GATEWAY) + "\n")
        # Under another name it serves on, but new pods' ADD would not find it.
        serves = "name" in change
        assert pod.ping(node.gateway(pod.address4), wait=None if serves else 1) == serves
    within(node, 5, lambda: GATEWAY in node.links() and pod.ping(node.gateway(pod.address4), wait=1))
