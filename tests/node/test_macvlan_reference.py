# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference's macvlan, as Debian has it, beside this one: the same answer, the same link."""
import copy
import json

import pytest

from harness import plugin, snapshot
from harness.delegates import DEBIAN
from harness.node import UPLINK, network

pytestmark = [pytest.mark.must_run,
              pytest.mark.skipif(not (DEBIAN / "macvlan").exists(),
                                 reason="Debian's macvlan is wanted")]
MAC = "02:00:00:00:00:07"
# Both know these keys.
CONFIGURATIONS = {
    "default": {},
    "master": {"master": UPLINK},
    "private": {"mode": "private"},
    "vepa": {"mode": "vepa"},
    "passthru": {"mode": "passthru", "runtimeConfig": None},
    "mtu": {"mtu": 1300},
    "dual": {"families": "dual"},
    "routes": {"ipam": {"routes": [{"dst": "0.0.0.0/0"},
                                   {"dst": "198.51.100.0/24", "gw": "10.1.2.9"}]}},
    "dns": {"dns": {"nameservers": ["192.0.2.53"], "search": ["example.net"]}},
    "no ipam": {"ipam": {"type": None, "ranges": None}},
}
# Keys that follow from the order of things, or this program says of its own; and the length of a queue
# that such a link doesn't have (noqueue): this version of the reference sets 0.
OWN = {"ifalias", "ifindex", "link_index", "link_netnsid", "operstate", "txqlen"}


def conf_of(name, store):
    changes = copy.deepcopy(CONFIGURATIONS[name])
    families = changes.pop("families", "v4")
    ipam = changes.pop("ipam", {})
    if ipam.get("type", "") is not None:
        ipam["dataDir"] = store
    return network(families, **{
        "cniVersion": "1.0.0", "type": "macvlan", "bridge": None, "isDefaultGateway": None,
        "ipMasq": None, "capabilities": {"mac": True}, "runtimeConfig": {"mac": MAC},
        "ipam": ipam, **changes})


def link_of(pod):
    return {k: v for k, v in pod.links()["eth0"].items() if k not in OWN}


def run(node, name, **kw):
    """(result, what the pod has) of an ADD; a CHECK and a DEL by the same program follow."""
    pod, conf = node.pod("same"), conf_of(name, kw.pop("store"))
    done = node.invoke("ADD", conf, pod, **kw)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    has = (link_of(pod), pod.addresses("eth0"), pod.sysctl("ipv4.conf.eth0.arp_notify"), snapshot.kernel(pod)["routes4"],
           snapshot.kernel(pod)["routes6"])
    for verb in ("CHECK", "DEL"):
        after = node.invoke(verb, {**conf, "prevResult": result}, pod, **kw)
        assert after.returncode == 0, after.stdout + after.stderr
    assert list(pod.links()) == ["lo"]
    pod.remove()
    return result, has


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_both_give_the_same_answer_and_make_the_same_link(node, name):
    theirs = run(node, name, store="/run/theirs", executable=str(DEBIAN / "macvlan"),
                 env={"CNI_PATH": str(DEBIAN)})
    # By the reference's name, as a runtime finds it.
    link = node.directory / "macvlan"
    link.symlink_to(plugin.BRIDGE_CNI)
    ours = run(node, name, store="/run/ours", executable=str(link))
    # The default route's gateway is told here, and left to the reader there.
    for route in theirs[0].get("routes", []):
        route.setdefault("gw", "10.1.2.1")
    assert ours[0] == theirs[0]
    for mine, other in zip(ours[1], theirs[1]):
        assert mine == other


def test_what_the_reference_made_is_checked_and_deleted_here(node):
    pod, conf = node.pod(), conf_of("routes", "/run/both")
    done = node.invoke("ADD", conf, pod, executable=str(DEBIAN / "macvlan"),
                       env={"CNI_PATH": str(DEBIAN)})
    result = json.loads(done.stdout)
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    assert list(pod.links()) == ["lo"]
    assert not any("10.1.2" in path for path in snapshot.files(node.run_dir / "both"))
