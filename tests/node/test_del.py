# SPDX-License-Identifier: GPL-2.0-or-later
"""DEL: by the identity alone, as often as anyone likes, and nobody else's things."""
import pytest

from harness import plugin, snapshot
from harness.node import (GATEWAY4, GATEWAY6, NETWORK, UPLINK, addresses_of, named,
                          network)
from harness.standing import Standing
from harness.waiting import wait_for


@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
@pytest.mark.parametrize("with_result", [True, False])
def test_nothing_of_the_attachment_is_left(node, families, with_result):
    conf, pod = network(families), node.pod()
    result = node.add(pod, conf)
    node.delete(pod, conf, result if with_result else None)
    node.assert_nothing_left(pod)


def test_what_is_shared_stays_for_the_next_pod(node):
    conf = network("dual")
    first = node.pod()
    node.add(first, conf)
    node.delete(first, conf)
    assert node.addresses("cni0") == [f"{GATEWAY4}/24", f"{GATEWAY6}/64"]
    before = node.state()
    second = node.pod()
    node.add(second, conf)
    node.delete(second, conf)
    after = node.state()
    after.pop(second.name)
    for state in (before, after):
        for name in list(state["disk"]):
            if "last_reserved_ip" in name or ".bridge-cni" in name:
                del state["disk"][name]
    snapshot.assert_same(before, after)


def test_other_pods_do_not_notice(node):
    conf = network("dual")
    staying, going = node.pod(), node.pod()
    kept = addresses_of(node.add(staying, conf))
    node.add(going, conf)
    before = snapshot.kernel(staying)
    node.delete(going, conf)
    snapshot.assert_same(before, snapshot.kernel(staying))
    assert sorted(node.reservations()) == sorted(kept)
    node_reaches = [node.ping(address) for address in kept]
    assert all(node_reaches) and staying.ping(GATEWAY4) and staying.ping("198.51.100.1")


@pytest.mark.parametrize("times", [2, 3])
def test_again_is_success(node, times):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    for _ in range(times):
        node.delete(pod, conf)
    node.assert_nothing_left(pod)


def test_of_what_never_was_is_success_and_changes_nothing(node):
    pod = node.pod()
    before = node.state()
    node.delete(pod, network("dual"))
    snapshot.assert_same(before, node.state())


@pytest.mark.parametrize("with_result", [True, False])
@pytest.mark.parametrize("how", ["empty", "missing", "gone", "file"])
def test_without_the_namespace(node, how, with_result):
    conf, pod = network("dual"), node.pod()
    result = node.add(pod, conf) if with_result else (node.add(pod, conf), None)[1]
    env = {"CNI_NETNS": {"empty": "", "missing": None}.get(how, pod.netns)}
    if how in ("gone", "file"):
        pod.remove()
    if how == "file":  # what is left of a namespace after an unclean unmount
        (node.run_dir / "netns" / pod.name).write_text("")
    node.delete(pod, conf, result, env=env)
    node.assert_nothing_left(pod)
    node.delete(pod, conf, result, env=env)


def test_only_the_interface_named(node):
    pod, conf = node.pod(), network()
    node.add(pod, conf)
    node.add(pod, network(isDefaultGateway=False, isGateway=True), ifname="eth1")
    node.delete(pod, conf, ifname="eth1")
    assert "eth1" not in pod.links()
    assert list(node.reservations().values()) == [(pod.id, "eth0")]
    assert pod.ping(GATEWAY4)


def test_only_the_network_named(node):
    pod, conf = node.pod(), network()
    other = network(name="second", isDefaultGateway=False, isGateway=True, bridge="cni1",
                    ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    node.add(pod, conf)
    node.add(pod, other, ifname="eth1")
    node.delete(pod, conf)
    assert pod.ping("10.9.0.1")
    assert list(node.reservations("second").values()) == [(pod.id, "eth1")]
    assert node.reservations(NETWORK) == {}


@pytest.mark.parametrize("key, value", [
    ("ipam", {"ranges": [[{"subnet": "10.200.0.0/24"}]]}),
    ("ipam", {"ranges": [[{"subnet": "not a subnet"}]]}), ("ipam", {"routes": "none"}),
    ("mtu", "big"), ("hairpinMode", 3), ("prevResult", {"ips": "what"})])
def test_whatever_became_of_the_configuration(node, key, value):
    """Ranges changed since, or keys that DEL does not use and that are wrong now."""
    pod = node.pod()
    node.add(pod, network("dual"))
    node.delete(pod, network("dual", **{key: value}))
    node.assert_nothing_left(pod)


def test_after_someone_removed_the_bridge_and_the_rules(node):
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    node.ip("link del cni0")
    node.nft("flush ruleset")
    node.delete(pod, conf)
    node.assert_nothing_left(pod)


def test_after_someone_removed_the_host_veth(node):
    conf, pod = network("dual"), node.pod()
    result = node.add(pod, conf)
    node.ip("link del", named(result, sandbox=False)[1]["name"])
    node.delete(pod, conf)
    node.assert_nothing_left(pod)


def test_after_someone_removed_the_store(node):
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    node.run("rm", "-r", "/var/lib/cni")
    node.delete(pod, conf)
    node.assert_nothing_left(pod)


def test_an_interface_that_is_not_ours_stays(node):
    """Same name, in the pod, but no port of this bridge behind it."""
    pod = node.pod()
    node.add(node.pod(), network())
    pod.ip("link add eth0 type veth peer name eth1")
    before = node.state()
    node.delete(pod, network())
    snapshot.assert_same(before, node.state())


def test_the_nodes_own_interfaces_stay(node):
    """CNI_NETNS that names the node: its interfaces are not a container's."""
    node.add(node.pod(), network())
    before = node.state()
    for ifname in (UPLINK, "cni0", *node.host_veths()):
        done = node.invoke("DEL", network(), node.pods[0], ifname=ifname,
                           env={"CNI_NETNS": "/proc/self/ns/net",
                                "CNI_CONTAINERID": "another"})
        assert done.returncode in (0, 1)
    snapshot.assert_same(before, node.state())


def test_an_address_is_given_back_only_by_its_owner(node):
    conf, pod, other = network(), node.pod(), node.pod()
    node.add(pod, conf)
    node.delete(other, conf)
    node.delete(other, conf, env={"CNI_CONTAINERID": pod.id[:-1]})
    node.delete(other, conf, env={"CNI_CONTAINERID": pod.id + "0"})
    node.delete(other, conf, ifname="eth1", env={"CNI_CONTAINERID": pod.id})
    assert node.reservations() == {"10.1.2.2": (pod.id, "eth0")}
    assert pod.ping(GATEWAY4)


def test_a_DEL_during_its_ADD_waits_for_it(node, tmp_path):
    """Otherwise both succeed, and the pod has an address that is somebody else's next."""
    pod, conf = node.pod(), network()
    node.add(node.pod(), conf)
    at_work, waits = Standing(tmp_path / "trace", "sendto", 2), tmp_path / "waits"
    add = node.start("ADD", conf, pod, wrapper=at_work.wrapper, env=at_work.env)
    with at_work.standing():
        delete = node.start("DEL", conf, pod, wrapper=plugin.strace(waits, "fcntl"), env=plugin.TRACED)
        wait_for(lambda: "EAGAIN" in waits.read_text())
    plugin.judge("ADD", add(), conf["cniVersion"])
    plugin.judge("DEL", delete(), conf["cniVersion"])
    node.assert_nothing_left(pod, others=1)


def test_DEL_of_a_refused_ADD_leaves_the_pods_interface(node):
    pod, conf = node.pod(), network()
    result = node.add(pod, conf)
    other = dict(conf, name="other")
    for wrong, changes in ((conf, {"CNI_CONTAINERID": "another"}), (other, None)):
        with pytest.raises(plugin.CniError):
            node.add(pod, wrong, env=changes)
        node.delete(pod, wrong, env=changes)
        node.check(pod, conf, result)


def test_a_name_on_the_node_that_is_anothers_by_chance_is_told_and_left(node):
    """35 bits of a hash: these two IDs were searched for."""
    conf, first, second = network(), node.pod(), node.pod()
    first.id, second.id = "pod-50585", "pod-963594"
    result = node.add(first, conf)
    with plugin.refusal(plugin.EXISTS, first.id, second.id, result["interfaces"][1]["name"],
                        "another ID"):
        node.add(second, conf)
    node.delete(second, conf)
    node.check(first, conf, result)
    node.delete(first, conf)
    node.assert_nothing_left(first)
