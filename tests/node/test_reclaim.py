# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses whose pods are gone come back; those of living pods never do."""
import json
import os
import signal
import subprocess

import pytest

from harness import netns, plugin, snapshot
from harness.delegates import Delegate
from harness.node import GATEWAY4, NETWORK, addresses_of, network
from harness.reboot import crash, reboot
from harness.waiting import wait_for

HOST_LOCAL = "/usr/lib/cni/host-local"
# Two addresses besides the gateway.
TIGHT = {"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.2",
                      "rangeEnd": "10.1.2.3"}]]}


def tight(**changes):
    return network(ipam=TIGHT, **changes)


def add(node, pod, conf, **kw):
    """An ADD that may have something to say: (result, words on stderr)."""
    done = node.invoke("ADD", conf, pod, **kw)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout), done.stderr


def records(node, name=NETWORK):
    directory = node.store / ".bridge-cni" / name
    return {path.name: path.read_text() for path in directory.glob("p-*")}


# -- what is given back


def test_the_first_ADD_of_a_boot_gives_back_what_earlier_boots_left(node):
    conf = tight()
    for _ in range(2):
        node.add(node.pod(), conf)
    reboot(node)
    result, words = add(node, node.pod(), conf)
    assert addresses_of(result) == ["10.1.2.2"]
    assert "gave back 2" in words and NETWORK in words
    assert len(node.reservations()) == len(records(node)) == 1
    node.add(node.pod(), conf)  # silently: once a boot is enough


def test_what_host_local_reserved_is_given_back_when_its_boot_is_over(node):
    conf = tight()
    host_local(node, "ADD", conf, "reference-pod")
    node.add(node.pod(), conf)
    node.refused(node.pod(), conf, plugin.EXHAUSTED)
    reboot(node)
    add(node, node.pod(), conf)
    assert len(node.reservations()) == 1


def test_what_was_never_seen_before_is_of_this_boot(node):
    """Without an index or a record nothing says when it was made."""
    conf = tight()
    host_local(node, "ADD", conf, "reference-pod")
    node.add(node.pod(), conf)
    assert sorted(node.reservations()) == ["10.1.2.2", "10.1.2.3"]
    node.refused(node.pod(), conf, plugin.EXHAUSTED)


def test_DEL_as_the_first_of_a_boot_gives_back_as_well(node):
    conf = tight()
    pod, other = node.pod(), node.pod()
    node.add(pod, conf)
    node.add(other, conf)
    reboot(node)
    done = node.invoke("DEL", conf, pod)
    assert done.returncode == 0 and done.stdout == ""
    assert node.reservations() == {} and records(node) == {}


def test_layer_2_records_of_earlier_boots_go_too(node):
    conf = network(ipam=None, isDefaultGateway=None, ipMasq=None)
    node.add(node.pod(), conf)
    assert len(records(node)) == 1
    reboot(node)
    add(node, node.pod(), conf)
    assert len(records(node)) == 1


def test_dead_pods_make_room_before_a_range_is_called_full(node):
    conf = tight()
    dead, alive = node.pod(), node.pod()
    node.add(dead, conf)
    node.add(alive, conf)
    crash(dead)
    result, words = add(node, node.pod(), conf)
    assert addresses_of(result) == ["10.1.2.2"]
    assert dead.id in words and "DEL" not in words.replace("deleted", "")
    assert len(node.host_veths()) == len(records(node)) == 2
    assert alive.ping(GATEWAY4)


def test_a_dead_pod_of_the_same_name_is_deleted_first(node):
    """A runtime that uses container IDs again, and never said DEL."""
    conf, pod = network("dual"), node.pod("same")
    first = addresses_of(node.add(pod, conf))
    crash(pod)
    back = node.pod("same")
    back.id = pod.id
    result, words = add(node, back, conf)
    assert pod.id in words
    assert not set(addresses_of(result)) & set(first)
    assert len(node.reservations()) == 2 and len(records(node)) == 1
    assert back.ping(GATEWAY4)
    node.delete(back, conf)
    node.assert_nothing_left(back)


def test_a_container_ID_that_comes_back_after_a_reboot_is_served(node):
    conf, pod = network(), node.pod("same")
    node.add(pod, conf)
    reboot(node)
    back = node.pod("same")
    back.id = pod.id
    result, words = add(node, back, conf)
    assert "gave back 1" in words
    assert list(node.reservations()) == addresses_of(result)


@pytest.mark.parametrize("text", ["", "\r\n", " \0\0\0"])
def test_what_a_power_cut_left_empty_is_given_back_when_addresses_run_short(node, text):
    conf = tight()
    node.add(node.pod(), conf)
    node.add(node.pod(), conf)
    # Torn in place: nothing about the directory has changed.
    (node.store / NETWORK / "10.1.2.2").write_text(text)
    for pod in node.pods[:1]:
        crash(pod)
    result, words = add(node, node.pod(), conf)
    assert addresses_of(result) == ["10.1.2.2"]
    assert "nobody" in words


def test_an_empty_file_that_others_made_is_no_obstacle(node):
    (node.store / NETWORK).mkdir(parents=True)
    (node.store / NETWORK / "10.1.2.2").touch()
    result, words = add(node, node.pod(), network())
    assert addresses_of(result) == ["10.1.2.2"] and "nobody" in words


# -- what is not: each of these pods lives


def live(node, conf, pod):
    """Fills the range, so that the plugin looks for dead ones, and finds none."""
    state = snapshot.kernel(pod)
    node.refused(node.pod(), conf, plugin.EXHAUSTED)
    snapshot.assert_same(state, snapshot.kernel(pod))
    assert pod.ping(GATEWAY4)


@pytest.fixture
def full(node):
    conf = tight()
    pods = [node.pod(), node.pod()]
    for pod in pods:
        node.add(pod, conf)
    return conf, pods[0]


def test_a_namespace_held_open_only_by_a_process_lives(node, full):
    conf, pod = full
    sleeper = pod.popen(["sleep", "600"])
    netns.remove_path(node.mnt_fd, pod.netns)
    live(node, conf, pod)
    sleeper.kill()


def test_a_moved_namespace_file_lives(node, full):
    conf, pod = full
    node.run("touch", "/run/elsewhere")
    node.run("mount", "--bind", pod.netns, "/run/elsewhere")
    netns.remove_path(node.mnt_fd, pod.netns)
    live(node, conf, pod)


def test_a_path_that_shows_another_namespace_now_does_not_kill(node, full):
    conf, pod = full
    other = node.pod()
    sleeper = pod.popen(["sleep", "600"])
    node.run("umount", pod.netns)
    node.run("mount", "--bind", other.netns, pod.netns)
    live(node, conf, pod)
    sleeper.kill()


def test_a_pod_whose_interface_somebody_renamed_lives(node, full):
    """No host veth of that name any more, but its namespace is the one recorded."""
    conf, pod = full
    rename(node, pod)
    node.refused(node.pod(), conf, plugin.EXHAUSTED)
    assert pod.ping(GATEWAY4)


def rename(node, pod):
    host, = [link for link in node.links().values() if pod.id in link.get("ifalias", "")]
    node.ip_batch(f"link set {host['ifname']} down\n"
                  f"link set {host['ifname']} name renamed0\nlink set renamed0 up\n")


def test_one_with_a_renamed_interface_and_no_path_lives_by_its_alias(node, full):
    conf, pod = full
    sleeper = pod.popen(["sleep", "600"])
    rename(node, pod)
    netns.remove_path(node.mnt_fd, pod.netns)
    live(node, conf, pod)
    sleeper.kill()


def test_one_with_a_renamed_interface_whose_reservation_somebody_took_lives(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    rename(node, pod)
    (node.store / NETWORK / "10.1.2.2").unlink()
    node.refused(pod, conf, plugin.EXISTS)
    assert pod.ping(GATEWAY4)


def test_one_of_another_network_namespace_on_the_same_store_lives(node, full):
    """From there neither its interface nor, perhaps, its path is seen."""
    conf, pod = full
    sleeper = pod.popen(["sleep", "600"])
    netns.remove_path(node.mnt_fd, pod.netns)
    node.refused(node.pod(), conf, plugin.EXHAUSTED, wrapper=["unshare", "-n"])
    assert pod.ping(GATEWAY4) and len(records(node)) == 2
    sleeper.kill()


def test_the_references_pods_live_while_their_boot_lasts(node):
    conf = tight()
    host_local(node, "ADD", conf, "reference-1")
    host_local(node, "ADD", conf, "reference-2")
    node.refused(node.pod(), conf, plugin.EXHAUSTED)
    assert len(node.reservations()) == 2


def test_a_record_does_not_speak_for_a_reservation_made_after_it(node):
    """Deleted and added again under the same names by the reference: its pod lives."""
    conf = tight()
    pod = node.pod()
    node.add(pod, conf)
    crash(pod)
    host_local(node, "DEL", conf, pod.id)
    host_local(node, "ADD", conf, pod.id)
    host_local(node, "ADD", conf, "other")
    assert [owner for owner, _ in node.reservations().values()].count(pod.id) == 1
    node.refused(node.pod(), conf, plugin.EXHAUSTED)
    assert pod.id in {owner for owner, _ in node.reservations().values()}


def test_a_record_that_nothing_is_reserved_for_is_no_obstacle(node):
    """The reference deleted what bridge-cni made; the record was left."""
    conf, pod = network(), node.pod()
    result = node.add(pod, conf)
    node.ip("link del", result["interfaces"][1]["name"])
    host_local(node, "DEL", conf, pod.id)
    assert len(records(node)) == 1
    node.add(pod, conf)
    assert pod.ping(GATEWAY4)
    node.delete(pod, conf)
    node.assert_nothing_left(pod)


def test_a_reused_path_of_a_process_is_another_namespace(node):
    """/proc/PID/ns/net: the process is another one now."""
    conf = tight()
    holder = subprocess.Popen(["unshare", "-n", "sleep", "600"])
    wait_for(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") !=
             os.readlink("/proc/self/ns/net"))
    path = f"/run/pid-{holder.pid}"
    env = {"CNI_CONTAINERID": "first", "CNI_NETNS": path, "CNI_IFNAME": "eth0"}
    node.run("ln", "-s", f"/proc/{holder.pid}/ns/net", path)
    node.add(None, conf, env=env)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    wait_for(lambda: not node.host_veths())
    # The same path, as if the process number had come again; node.pod() is the namespace.
    other = node.pod()
    node.run("ln", "-sfn", other.netns, path)
    node.add(node.pod(), conf)
    result, words = add(node, node.pod(), conf)
    assert addresses_of(result) == ["10.1.2.2"] and "first" in words


def test_an_ADD_is_refused_while_the_first_lives_even_without_its_interface(node):
    conf, pod = network(), node.pod()
    host = node.add(pod, conf)["interfaces"][1]["name"]
    node.ip("link del", host)
    error = node.refused(pod, conf, plugin.EXISTS)
    error.says(pod.id, "DEL")
    assert len(node.reservations()) == len(records(node)) == 1
    node.delete(pod, conf)
    node.add(pod, conf)


def of_a_newer_version(node, container):
    """Makes it one, of a format that nobody here knows; its path, and what was in it."""
    [(name, text)] = [item for item in records(node).items() if container in item[1]]
    path = node.store / ".bridge-cni" / NETWORK / name
    path.write_text(text.replace("record 1\n", "record 99\n") + "what do I know\n")
    return path, text


def test_a_record_of_a_newer_version_counts_as_alive(node):
    conf, pod = tight(), node.pod()
    node.add(pod, conf)
    path, _ = of_a_newer_version(node, pod.id)
    crash(pod)
    node.add(node.pod(), conf)
    node.refused(node.pod(), conf, plugin.EXHAUSTED)
    assert path.exists() and len(node.reservations()) == 2


def test_what_a_newer_version_attached_is_not_half_deleted(node):
    """The pod may hold things with its address that only the newer version can take away."""
    conf, pod, other = network("dual", spoofCheck=True), node.pod(), node.pod()
    for one in (pod, other):
        node.add(one, conf)
    path, text = of_a_newer_version(node, pod.id)
    held = of_pod(node.reservations(), pod)
    gc = {**conf, "cni.dev/valid-attachments": []}
    for verb, of in (("DEL", pod), ("GC", None)):
        with plugin.refusal(plugin.IO, path.name, "newer version", "format"):
            plugin.judge(verb, node.invoke(verb, gc, of), plugin.NEWEST)
        assert of_pod(node.reservations(), pod) == held and len(held) == 2
        assert path.exists() and "eth0" in pod.links() and pod.ping(GATEWAY4)
    # GC went on.
    assert node.reservations() == held and len(node.host_veths()) == 1
    # The newer version's DEL, or a person's decision, ends the attachment.
    path.write_text(text)
    node.delete(pod, conf)
    node.assert_nothing_left(pod)
    node.add(pod, conf)
    of_a_newer_version(node, pod.id)[0].unlink()
    node.delete(pod, conf)
    assert not node.host_veths() and not node.reservations()


@pytest.mark.parametrize("ipam", ["none", "delegated"])
def test_GC_leaves_what_a_newer_version_attached_without_a_reservation(node, ipam):
    """Nobody but its interface's alias names it."""
    fake = Delegate(node)
    conf = fake.conf() if ipam == "delegated" else network(
        ipam=None, isDefaultGateway=None, ipMasq=None)
    conf.update(egressRate=10**9, egressBurst=10**6)
    pod, other = node.pod(), node.pod()
    for one in (pod, other):
        fake.add(one, conf)
    path, text = of_a_newer_version(node, pod.id)
    gc = {**conf, "cni.dev/valid-attachments": []}
    with plugin.refusal(plugin.IO, pod.id, path.name, "newer version"):
        plugin.judge("GC", node.invoke("GC", gc, env=fake.env), plugin.NEWEST)
    assert path.exists() and "eth0" in pod.links() and "eth0" not in other.links()
    assert len(node.host_veths()) == 1
    path.write_text(text)
    fake.delete(pod, conf)
    assert not node.host_veths()


def test_as_an_IPAM_plugin_it_leaves_what_a_newer_version_holds(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    path, _ = of_a_newer_version(node, pod.id)
    link = node.directory / "host-local"
    link.symlink_to(os.path.realpath(plugin.BRIDGE_CNI))
    with pytest.raises(plugin.CniError) as error:
        node.delete(pod, conf, executable=str(link))
    error.value.says(path.name, "newer version")
    assert path.exists() and node.reservations()


def of_pod(reservations, pod):
    return {ip: owner for ip, owner in reservations.items() if owner[0] == pod.id}


def host_local(node, verb, conf, container):
    """Debian's host-local, called as the reference's bridge calls it."""
    if not os.path.exists(HOST_LOCAL):
        pytest.skip("Debian's containernetworking-plugins is not installed")
    env = plugin.environment(verb, CNI_CONTAINERID=container, CNI_NETNS="/run/none",
                             CNI_IFNAME="eth0", CNI_PATH="/usr/lib/cni")
    done = node.run(HOST_LOCAL, input=json.dumps({**conf, "cniVersion": "1.0.0"}),
                    env=env)
    return json.loads(done.stdout) if verb == "ADD" else None
