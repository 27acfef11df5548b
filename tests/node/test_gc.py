# SPDX-License-Identifier: GPL-2.0-or-later
"""GC deletes what the runtime doesn't name, and nothing else; STATUS says if ADD can."""

import pytest

from harness import plugin
from harness.delegates import Delegate
from harness.node import network
from harness.reboot import crash

SMALL = {"ranges": [[{"subnet": "10.1.2.0/29"}]]}


def gc(node, conf, pods=None, key="cni.dev/valid-attachments"):
    if pods is not None:
        conf = dict(conf, **{key: [{"containerID": pod.id, "ifname": "eth0"}
                                   for pod in pods]})
    return plugin.judge("GC", node.invoke("GC", conf), conf["cniVersion"])


def status(node, conf):
    return plugin.judge("STATUS", node.invoke("STATUS", conf), conf["cniVersion"])


@pytest.mark.parametrize("key", ["cni.dev/valid-attachments", "cni.dev/attachments"])
def test_what_is_not_named_goes_and_what_is_stays(node, key):
    conf = network("dual")
    kept, gone = node.pod(), node.pod()
    result = node.add(kept, conf)
    node.add(gone, conf)
    gc(node, conf, [kept], key)
    node.check(kept, conf, result)
    node.assert_nothing_left(gone, others=1)


def test_without_a_list_nothing_goes(node):
    conf, pod = network(), node.pod()
    result = node.add(pod, conf)
    gc(node, conf)
    node.check(pod, conf, result)


def test_an_empty_list_means_all(node):
    conf = network()
    pods = [node.pod() for _ in range(3)]
    for pod in pods:
        node.add(pod, conf)
    gc(node, conf, [])
    for pod in pods:
        node.assert_nothing_left(pod)


def test_either_key_protects(node):
    conf = network()
    first, second = node.pod(), node.pod()
    results = [node.add(pod, conf) for pod in (first, second)]
    conf_both = dict(conf, **{"cni.dev/attachments":
                              [{"containerID": first.id, "ifname": "eth0"}]})
    gc(node, conf_both, [second])
    node.check(first, conf, results[0])
    node.check(second, conf, results[1])


def test_other_networks_are_not_touched(node):
    ours, other = network(), network(name="other", bridge="cni1", ipam={
        "ranges": [[{"subnet": "10.9.0.0/24"}]]})
    pod, stranger = node.pod(), node.pod()
    node.add(pod, ours)
    result = node.add(stranger, other)
    gc(node, ours, [])
    node.check(stranger, other, result)


def test_an_interface_without_record_or_reservation_goes(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.run("rm", "-rf", "/var/lib/cni/networks")
    gc(node, conf, [])
    assert not node.host_veths()


def test_an_interface_without_a_record_goes_by_the_DEL_of_whom_its_alias_names(node):
    """An IPAM plugin holds an address for it, once; the ifb beside it goes with it."""
    fake, pod = Delegate(node), node.pod()
    conf = fake.conf(egressRate=10**9, egressBurst=10**6)
    fake.add(pod, conf)
    node.run("rm", "-rf", "/var/lib/cni/networks")
    conf["cni.dev/valid-attachments"] = []
    plugin.judge("GC", node.invoke("GC", conf, env=fake.env), conf["cniVersion"])
    assert fake.verbs() == ["ADD", "DEL", "GC"]
    assert fake.calls()[1]["env"]["CNI_CONTAINERID"] == pod.id
    assert not [name for name in node.links() if name.startswith(("veth", "ifb"))]


def test_reservations_that_another_program_made_go(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.run("sh", "-c", "printf 'gone\\r\\neth0' >/var/lib/cni/networks/testnet/10.1.2.77")
    gc(node, conf, [pod])
    assert set(node.reservations()) == {"10.1.2.2"}


@pytest.mark.parametrize("value", [5, {}, [5], [{"containerID": "x"}], [{"ifname": "eth0"}]])
def test_a_list_that_is_none_is_refused_and_nothing_goes(node, value):
    conf, pod = network(), node.pod()
    result = node.add(pod, conf)
    with plugin.refusal(plugin.CONFIG):
        plugin.judge("GC", node.invoke("GC", dict(
            conf, **{"cni.dev/valid-attachments": value})), conf["cniVersion"])
    node.check(pod, conf, result)


def test_GC_goes_on_past_errors_and_tells_them(node):
    """A delegate whose DEL fails for all does not keep the interfaces."""
    directory = node.directory / "delegates"
    directory.mkdir()
    (directory / "stubborn").write_text("""#!/bin/sh
case $CNI_COMMAND in
ADD) echo '{"cniVersion":"1.1.0","ips":[{"address":"10.5.0.'$(($$ % 200 + 9))'/24"}]}' ;;
*) echo '{"code":150,"msg":"no '$CNI_COMMAND' of '$CNI_CONTAINERID'"}'; exit 1 ;;
esac""")
    (directory / "stubborn").chmod(0o755)
    conf = network(ipam={"type": "stubborn", "ranges": None}, isDefaultGateway=None)
    env = {"CNI_PATH": str(directory)}
    pods = [node.pod(), node.pod()]
    for pod in pods:
        node.add(pod, conf, env=env)
    conf["cni.dev/valid-attachments"] = []
    with pytest.raises(plugin.CniError) as error:
        plugin.judge("GC", node.invoke("GC", conf, env=env), conf["cniVersion"])
    error.value.says("no DEL", "no GC", *(pod.id for pod in pods))
    assert not node.host_veths()


def test_a_fresh_node_is_ready(node):
    before = node.state()
    status(node, network("dual"))
    assert node.state() == before


def test_a_full_range_is_not_ready_unless_that_is_wanted(node):
    conf = network(ipam=SMALL)
    pods = [node.pod() for _ in range(5)]
    for pod in pods:
        status(node, conf)
        node.add(pod, conf)
    with plugin.refusal(plugin.UNAVAILABLE, "10.1.2", "statusOnExhaustion"):
        status(node, conf)
    status(node, dict(conf, statusOnExhaustion="ready"))
    node.delete(pods[0], conf)
    status(node, conf)


def test_addresses_of_the_dead_count_as_free(node):
    conf = network(ipam=SMALL)
    pods = [node.pod() for _ in range(5)]
    for pod in pods:
        node.add(pod, conf)
    crash(pods[0])
    before = node.reservations()
    status(node, conf)
    assert node.reservations() == before, "STATUS makes and takes nothing"


def test_a_dataDir_that_cannot_be_written_is_not_ready(node):
    (node.directory / "file").write_text("")
    with pytest.raises(plugin.CniError) as error:
        status(node, network(ipam={"dataDir": str(node.directory / "file" / "store")}))
    error.value.says("dataDir")


def test_a_wrong_configuration_is_not_ready(node):
    with plugin.refusal(plugin.CONFIG):
        status(node, network(ipam={"ranges": [[{"subnet": "10.1.2.3/24"}]]}))


@pytest.mark.parametrize("verb", ["GC", "STATUS"])
def test_versions_before_it_are_refused(node, verb):
    conf = network(cniVersion="1.0.0")
    with plugin.refusal(plugin.VERSION):
        plugin.judge(verb, node.invoke(verb, conf), "1.0.0")
