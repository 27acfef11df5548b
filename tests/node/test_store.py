# SPDX-License-Identifier: GPL-2.0-or-later
"""The store as the real executable keeps it: requested addresses, records, damage, kills,
and Debian's host-local at the same time."""
import json
import os
import random
import re
import shutil
import signal
import threading

import pytest

from harness import plugin, snapshot
from harness.node import GATEWAY4, INTERNET4, NETWORK, addresses_of, network
from harness.reboot import crash
from harness.waiting import wait_for

HOST_LOCAL = "/usr/lib/cni/host-local"
DUAL = [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00:1:2::/64"}]]


def own(node, name=NETWORK):
    return node.store / ".bridge-cni" / name


def records(node, name=NETWORK):
    return {path.name: path.read_text() for path in own(node, name).glob("p-*")}


# -- addresses that somebody asks for


def asking(how, *ips):
    """The keys of a configuration that ask for addresses."""
    if how == "runtimeConfig.ips":
        return {"runtimeConfig": {"ips": list(ips)}}
    return {"args": {"cni": {"ips": list(ips)}}}


@pytest.mark.parametrize("how", ["runtimeConfig.ips", "args.cni.ips"])
@pytest.mark.parametrize("prefix", ["", "/24"])
def test_an_address_asked_for_is_given(node, how, prefix):
    pod, conf = node.pod(), network("dual", **asking(how, f"10.1.2.77{prefix}"))
    given = addresses_of(node.add(pod, conf))
    assert given == ["10.1.2.77", "fd00:1:2::2"]
    assert pod.ping(GATEWAY4)
    assert sorted(node.reservations()) == sorted(given)


@pytest.mark.parametrize("args", ["IP=10.1.2.78", "IP=10.1.2.78/24"])
def test_CNI_ARGS_ask_for_one(node, args):
    assert addresses_of(node.add(node.pod(), network(), args=args)) == ["10.1.2.78"]


def test_one_of_each_family_may_be_asked_for_by_different_means(node):
    conf = network("dual", **asking("args.cni.ips", "fd00:1:2::99"))
    given = addresses_of(node.add(node.pod(), conf, args="IP=10.1.2.99"))
    assert given == ["10.1.2.99", "fd00:1:2::99"]


WRONG = {"of another network": ("10.9.9.9", "in none"),
         "the gateway": ("10.1.2.1", "gateway"),
         "the network": ("10.1.2.0", "10.1.2.0"),
         "broadcast": ("10.1.2.255", "10.1.2.255"),
         "no address": ("10.1.2", "not an IP address")}


@pytest.mark.parametrize("how", ["runtimeConfig.ips", "args.cni.ips"])
@pytest.mark.parametrize("what", WRONG)
def test_what_can_not_be_given_is_refused_with_its_key(node, how, what):
    ip, words = WRONG[what]
    node.refused(node.pod(), network(**asking(how, ip)), plugin.CONFIG).says(
                 f"{how}[0]", ip, words)
    assert node.reservations() == {} and not own(node).exists()


def test_two_of_one_set_are_refused(node):
    conf = network(**asking("runtimeConfig.ips", "10.1.2.7", "10.1.2.8"))
    node.refused(node.pod(), conf, plugin.CONFIG).says("10.1.2.7", "10.1.2.8")


def test_a_taken_one_is_refused_and_its_owner_named(node):
    first = node.pod()
    node.add(first, network(), args="IP=10.1.2.9")
    before = node.state()
    second = node.pod()
    node.refused(second, network(**asking("runtimeConfig.ips", "10.1.2.9")),
                 plugin.EXISTS).says("10.1.2.9", first.id)
    after = node.state()
    after.pop(second.name)
    snapshot.assert_same(before, after)


# -- runtimeConfig.ipRanges


def ranges(*subnets):
    return {"runtimeConfig": {"ipRanges": [[{"subnet": s}] for s in subnets]}}


def rules(node):
    listing = node.run("nft", "-a", "-s", "list", "table", "inet", "bridge_cni").stdout
    return [line for line in listing.splitlines() if "# handle" in line]


def test_ranges_of_the_runtime_go_first_and_are_masqueraded(node):
    usual, special, other = node.pod(), node.pod(), node.pod()
    node.add(usual, network())
    conf = network(isGateway=True, **ranges("10.77.0.0/24"))
    assert addresses_of(node.add(special, conf)) == ["10.77.0.2", "10.1.2.3"]
    for pod in (usual, special):
        assert pod.ping(INTERNET4)
    before = rules(node)
    node.add(other, network())
    node.add(node.pod(), conf)
    assert rules(node) == before, "rules were written again"
    # A flush harms those pods no more than others.
    node.nft("flush ruleset")
    node.add(node.pod(), network())
    for pod in (usual, special, other):
        assert pod.ping(INTERNET4)


def test_wrong_ranges_of_the_runtime_are_named(node):
    error = node.refused(node.pod(), network(**ranges("10.77.0.1/24")), plugin.CONFIG)
    error.says("runtimeConfig.ipRanges[0][0].subnet", "10.77.0.0/24")


def test_pods_of_an_older_range_stay_masqueraded(node):
    old, new = node.pod(), node.pod()
    node.add(old, network())
    changed = network(forceAddress=True,
                      ipam={"ranges": [[{"subnet": "10.88.0.0/24"}]]})
    assert node.invoke("ADD", changed, new).returncode == 0
    node.ip("addr add 10.1.2.1/24 dev cni0")  # forceAddress took it away
    assert new.ping(INTERNET4) and old.ping(INTERNET4)
    count = len(rules(node))
    node.add(node.pod(), changed)
    assert len(rules(node)) == count


# -- records


def test_every_attachment_has_a_record_until_it_is_deleted(node):
    pods = [node.pod(), node.pod()]
    layer2 = network(name="second", bridge="cni1", isDefaultGateway=None, ipMasq=None,
                     ipam={"type": "", "ranges": None})
    node.add(pods[0], network("dual"))
    node.add(pods[1], layer2)
    text, = records(node).values()
    for word in (NETWORK, pods[0].id, "eth0", pods[0].netns, "10.1.2.2/24",
                 "fd00:1:2::2/64", "0a:58:0a:01:02:02", "boot ", "cookie ", "cni0"):
        assert word in text
    assert pods[1].id in "".join(records(node, "second").values())
    assert oct(own(node).stat().st_mode & 0o777) == "0o700"
    node.delete(pods[0], network("dual"))
    node.delete(pods[1], layer2)
    assert records(node) == records(node, "second") == {}


def test_a_path_can_not_forge_a_line_of_the_record(node):
    pod, conf = node.pod(), network()
    path = "/run/a\nmac 00:11:22:33:44:55\nnetwork other"
    node.run("ln", "-s", pod.netns, path)
    node.add(pod, conf, env={"CNI_NETNS": path})
    text, = records(node).values()
    assert text.count("\nmac ") == text.count("\nnetwork ") == 1
    node.delete(pod, conf, env={"CNI_NETNS": path})
    node.assert_nothing_left(pod)


def test_second_DEL_writes_nothing(node):
    conf, pod = network("dual"), node.pod()
    node.add(node.pod(), conf)
    node.add(pod, conf)
    node.delete(pod, conf)
    before = times(node)
    node.delete(pod, conf)
    assert times(node) == before


def times(node):
    return {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns)
            for path in node.store.rglob("*")}


# LeakSanitizer, where that is built in, doesn't work under strace.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}


def system_calls(node, verb, conf, pod):
    trace = node.directory / "trace"
    done = node.invoke(verb, conf, pod, env=TRACED,
                       wrapper=["strace", "-qq", "-o", str(trace)])
    assert "strace" not in done.stderr, done.stderr
    return done.returncode, len(trace.read_text().splitlines())


def test_cost_does_not_grow_with_what_is_reserved(node):
    """Counted in system calls, which don't depend on the machine."""
    conf = network(ipam={"ranges": [[{"subnet": "10.1.0.0/16"}]]})
    node.add(node.pod(), conf)
    pod = node.pod()
    verbs = ["ADD", "ADD", "DEL", "DEL"]
    bare = [system_calls(node, verb, conf, pod) for verb in verbs]
    directory = node.store / NETWORK
    for i in range(3000):
        (directory / f"10.1.{10 + i // 250}.{i % 250}").write_text(f"pod-{i}\r\neth0")
    # At the beginning of what is taken.
    (directory / "last_reserved_ip.0").write_text("10.1.9.255")
    other = node.pod()
    node.add(other, conf)
    (directory / "last_reserved_ip.0").write_text("10.1.9.255")
    full = [system_calls(node, verb, conf, pod) for verb in verbs]
    for verb, (code, few), (same, many) in zip(verbs, bare, full):
        assert code == same
        assert many <= few + 15, f"{verb}: {few} calls, {many} with 3000 reservations"


# -- damage


def damage(node):
    """Damages the store as accidents and other programs may."""
    directory = node.store / NETWORK
    directory.mkdir(parents=True, exist_ok=True)
    own(node).mkdir(parents=True, exist_ok=True)
    (directory / "10.1.2.3").write_text("torn-id")
    (directory / "10.1.2.4").write_bytes(b"\xff\x00\xfe" * 200)
    (directory / "10.1.2.5").mkdir()
    (directory / "10.1.2.6").symlink_to("/etc/passwd")
    os.mkfifo(directory / "10.1.2.7")
    (directory / "10.1.2.8").write_text("old-format-id\n")
    (directory / "10.01.2.9").write_text("stray\r\neth0")
    (directory / "notes.txt").write_text("stray\r\neth0")
    (directory / "dir").mkdir()
    (directory / "last_reserved_ip.0").write_text("10.1.2.")
    for name, text in {"index": "garbage" * 4000, "p-0123456789abcdef": "torn",
                       "p-xyz": "stray", ".record": "left", ".reservation.0": "left"
                       }.items():
        (own(node) / name).write_text(text)
    (own(node) / "p-fedcba9876543210").mkdir()


def test_a_damaged_store_is_worked_with(node):
    damage(node)
    conf, pods = network(), [node.pod(), node.pod()]
    given = [addresses_of(node.add(pod, conf))[0] for pod in pods]
    assert given == ["10.1.2.2", "10.1.2.9"]
    for pod in pods:
        assert pod.ping(GATEWAY4)
        node.delete(pod, conf)
        node.assert_nothing_left(pod, others=len(node.pods) - 1 - pods.index(pod))
    held = {path.name for path in (node.store / NETWORK).iterdir()}
    assert {"10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6", "10.1.2.7", "10.1.2.8",
            "10.01.2.9", "notes.txt", "dir"} <= held
    node.delete(None, conf, env={"CNI_CONTAINERID": "old-format-id", "CNI_NETNS": "",
                                 "CNI_IFNAME": "eth0"})
    assert not (node.store / NETWORK / "10.1.2.8").exists()


INDEX_HARM = {
    "removed": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, 100),
    "header zeroed": lambda path: overwrite(path, 0, bytes(64)),
    "slots zeroed": lambda path: overwrite(path, 64, bytes(path.stat().st_size - 64)),
    "noise": lambda path: overwrite(path, 64, random.Random(1).randbytes(16000)),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
    "a link": lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
}


def overwrite(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


@pytest.mark.parametrize("harm", INDEX_HARM)
def test_a_broken_index_costs_a_reading_and_nothing_else(node, harm):
    conf = network("dual")
    pods = [node.pod() for _ in range(3)]
    given = [addresses_of(node.add(pod, conf)) for pod in pods[:2]]
    (node.store / NETWORK / "last_reserved_ip.0").write_text("10.1.2.254")
    INDEX_HARM[harm](own(node) / "index")
    given.append(addresses_of(node.add(pods[2], conf)))
    assert len({ip for ips in given for ip in ips}) == 6
    if harm != "a directory":  # it is one still
        INDEX_HARM[harm](own(node) / "index")
    for pod in pods:
        node.delete(pod, conf)
    assert node.reservations() == {} and records(node) == {}


@pytest.mark.parametrize("harm", ["removed", "torn", "foreign"])
def test_DEL_without_its_record(node, harm):
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    path, = own(node).glob("p-*")
    text = path.read_text()
    if harm == "removed":
        path.unlink()
    elif harm == "torn":
        path.write_text(text[:len(text) // 2])
    else:
        path.write_text(text.replace(pod.id, "another"))
    node.delete(pod, conf)
    assert node.reservations() == {} and node.host_veths() == []


def test_a_disk_that_is_read_only_is_named(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.run("mount", "--bind", "/var/lib/cni/networks", "/var/lib/cni/networks")
    node.run("mount", "-o", "remount,bind,ro", "/var/lib/cni/networks")
    node.refused(node.pod(), conf, plugin.IO).says("/var/lib/cni/networks", "read-write")
    node.delete(node.pods[1], conf)  # nothing of it is there
    with pytest.raises(plugin.CniError) as error:
        node.delete(pod, conf)
    error.value.says("10.1.2.2", "EROFS")
    assert error.value.code == plugin.IO
    node.run("umount", "/var/lib/cni/networks")
    node.delete(pod, conf)
    assert node.reservations() == {} and records(node) == {}


def test_a_full_disk_is_named_and_DEL_works(node):
    conf, pod = network("dual"), node.pod()
    (node.var_lib / "cni").mkdir()
    node.run("mount", "-t", "tmpfs", "-o", "size=96k,nr_inodes=40", "tmpfs",
             "/var/lib/cni")
    node.add(pod, conf)
    node.run("sh", "-c", "dd if=/dev/zero of=/var/lib/cni/fill bs=4k; true")
    other = node.pod()
    node.refused(other, conf, plugin.IO).says("ENOSPC", "/var/lib/cni/networks")
    node.delete(other, conf)
    node.delete(pod, conf)
    left = node.run("find", "/var/lib/cni/networks", "-name", "*[:.][0-9]*").stdout
    assert "10.1.2." not in left and "fd00" not in left, left
    assert "p-" not in node.run("ls", f"/var/lib/cni/networks/.bridge-cni/{NETWORK}").stdout
    node.run("rm", "/var/lib/cni/fill")
    node.add(other, conf)
    assert other.ping(GATEWAY4)


@pytest.mark.parametrize("inodes", range(1, 9))
def test_without_inodes_an_ADD_fails_and_what_never_was_can_be_deleted(node, inodes):
    """ADD gets as far as they let it: to a network's directory without its lock."""
    (node.var_lib / "cni").mkdir()
    node.run("mount", "-t", "tmpfs", "-o", f"nr_inodes={inodes}", "tmpfs", "/var/lib/cni")
    conf, pod = network("dual"), node.pod()
    node.delete(pod, conf)
    node.refused(pod, conf, plugin.IO).says("ENOSPC", "/var/lib/cni/networks")
    for _ in range(2):
        node.delete(pod, conf)
        node._judged("GC", {**conf, "cni.dev/valid-attachments": []}, None)
    assert node.host_veths() == []
    lock = node.run("test", "-e", f"/var/lib/cni/networks/{NETWORK}/lock", check=False)
    if lock.returncode and not node.run("test", "-d", f"/var/lib/cni/networks/{NETWORK}",
                                        check=False).returncode:
        with plugin.refusal(plugin.UNAVAILABLE, "no room for a file",
                            f"/var/lib/cni/networks/{NETWORK}"):
            node._judged("STATUS", conf, None)


@pytest.mark.parametrize("inodes", [1, 2])
def test_without_room_for_the_node_lock_a_pod_can_be_deleted(node, inodes):
    conf, pod, late = network("dual", spoofCheck=True), node.pod(), node.pod()
    node.add(pod, conf)
    node.run("mount", "-t", "tmpfs", "-o", f"nr_inodes={inodes}", "tmpfs",
             "/run/bridge-cni")
    node.refused(late, conf, plugin.IO).says("ENOSPC", "/run/bridge-cni/node-")
    for gone in (late, pod, pod):
        node.delete(gone, conf)
    node.assert_nothing_left(pod)
    node._judged("GC", {**conf, "cni.dev/valid-attachments": []}, None)


# -- rewritten in place as host-local's oldest versions had it, the container ID alone


def rewrite(node, *addresses):
    """As in place as an editor's or a script's: the directory's mtime stays."""
    for address in addresses:
        path = node.store / NETWORK / address
        path.write_bytes(path.read_bytes().split(b"\r\n")[0])


@pytest.mark.parametrize("rewritten", [["10.1.2.2"], ["fd00:1:2::2"],
                                       ["10.1.2.2", "fd00:1:2::2"]], ids="-".join)
@pytest.mark.parametrize("recorded", [True, False])
def test_one_DEL_frees_what_was_rewritten_as_the_bare_container_ID(node, rewritten, recorded):
    conf, pod, other = network("dual"), node.pod(), node.pod()
    result = node.add(pod, conf)
    node.add(other, conf)
    rewrite(node, *rewritten)
    node.check(pod, conf, result)
    if not recorded:
        for path in own(node).glob("p-*"):
            path.unlink()
    node.delete(pod, conf)
    assert {owner for owner, _ in node.reservations().values()} == {other.id}
    node.assert_nothing_left(pod, others=1)
    node.delete(other, conf)
    assert node.reservations() == {}


def test_another_interfaces_reservation_of_the_same_container_stays(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.add(pod, conf, ifname="net1")
    rewrite(node, "10.1.2.2")
    node.delete(pod, conf)
    assert node.reservations() == {"10.1.2.3": (pod.id, "net1")}


def test_as_host_local_it_checks_and_frees_what_was_rewritten(node, tmp_path):
    program = tmp_path / "host-local"
    program.symlink_to(plugin.BRIDGE_CNI)
    conf, pod = network("dual"), node.pod()
    result = node.add(pod, conf, executable=str(program))
    rewrite(node, "10.1.2.2", "fd00:1:2::2")
    node.check(pod, conf, result, executable=str(program))
    node.delete(pod, conf, executable=str(program))
    assert node.reservations() == {}


def test_GC_and_a_reclaim_free_what_was_rewritten(node):
    conf, pods = network(), [node.pod(), node.pod()]
    for pod in pods:
        node.add(pod, conf)
    rewrite(node, "10.1.2.2", "10.1.2.3")
    node._judged("GC", {**conf, "cni.dev/valid-attachments": [
        {"containerID": pods[1].id, "ifname": "eth0"}]}, None)
    assert node.reservations() == {"10.1.2.3": (pods[1].id,)}
    crash(pods[1])
    tight = network(ipam={"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.3",
                                       "rangeEnd": "10.1.2.3"}]]})
    pod = node.pod()
    done = node.invoke("ADD", tight, pod)
    assert done.returncode == 0, done.stdout
    assert node.reservations() == {"10.1.2.3": (pod.id, "eth0")}


@pytest.mark.parametrize("what", [".bridge-cni", NETWORK])
def test_a_file_where_a_directory_must_be_is_named(node, what):
    node.store.mkdir(parents=True)
    (node.store / what).write_text("a file")
    node.refused(node.pod(), network(), plugin.IO).says(f"networks/{what}")
    assert (node.store / what).read_text() == "a file"


# -- killed


def calls_of(node, conf, pod, verb):
    """How many system calls the operation makes after it has opened the store."""
    trace = node.directory / "trace"
    node.invoke(verb, conf, pod, env=TRACED,
                wrapper=["strace", "-qq", "-o", str(trace)])
    lines = trace.read_text().splitlines()
    names = [re.match(r"\w+", line)[0] for line in lines if re.match(r"\w+\(", line)]
    first = next(i for i, line in enumerate(lines) if "/var/lib/cni/networks" in line)
    return names[:first], names[first:]


def kill_at(before, after, nth):
    """strace's words for SIGKILL at call number nth after the store was opened."""
    name = after[nth]
    when = (before + after[:nth + 1]).count(name)
    return ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={name}",
            "-e", f"inject={name}:signal=KILL:when={when}"]


@pytest.mark.parametrize("verb", ["ADD", "DEL"])
def test_killed_at_any_call_it_leaves_what_a_DEL_finishes(node, verb):
    conf = network("dual")
    stays = node.pod()
    kept = addresses_of(node.add(stays, conf))
    rehearsal = node.pod()
    before, after = calls_of(node, conf, rehearsal, "ADD")
    if verb == "DEL":
        before, after = calls_of(node, conf, rehearsal, "DEL")
    node.delete(rehearsal, conf)
    pod = node.pod()
    for nth in range(0, len(after) - 1, 3):
        if verb == "DEL":
            node.add(pod, conf)
        done = node.invoke(verb, conf, pod, env=TRACED,
                           wrapper=kill_at(before, after, nth))
        assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL, 0), done
        whole(node)
        node.delete(pod, conf)
        node.assert_nothing_left(pod, others=1)
        assert sorted(node.reservations()) == sorted(kept), f"after {after[nth]}, {nth}"
    assert addresses_of(node.add(pod, conf)) and pod.ping(GATEWAY4)


def whole(node):
    """Reservations and records are whole, and each new reservation is in its record."""
    for ip, owner in node.reservations().items():
        assert len(owner) == 2 and owner[1] == "eth0", (ip, owner)
    texts = records(node)
    for name, text in texts.items():
        assert re.search(r"\nend [0-9a-f]{16}\n$", text), (name, text)
    for ip, (container, _) in node.reservations().items():
        assert any(f"address {ip}/" in text and container in text
                   for text in texts.values()), f"{ip} is in no record"


def test_what_a_killed_ADD_took_is_taken_back_when_addresses_run_short(node):
    conf = network(ipam={"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.2",
                                      "rangeEnd": "10.1.2.2"}]]})
    rehearsal = node.pod()
    before, after = calls_of(node, conf, rehearsal, "ADD")
    node.delete(rehearsal, conf)
    for nth in range(0, len(after) - 1, 12):
        pod = node.pod()
        node.invoke("ADD", conf, pod, env=TRACED, wrapper=kill_at(before, after, nth))
        pod.remove()
        wait_for(lambda: not node.host_veths())
        back = node.pod()
        done = node.invoke("ADD", conf, back)
        assert done.returncode == 0, f"after {after[nth]}, {nth}: {done.stdout}"
        node.delete(back, conf)
        assert node.reservations() == {}


# -- Debian's host-local on the same store


def host_local(node, verb, conf, container):
    env = plugin.environment(verb, CNI_CONTAINERID=container, CNI_NETNS="/run/none",
                             CNI_IFNAME="eth0", CNI_PATH="/usr/lib/cni")
    done = node.run(HOST_LOCAL, input=json.dumps({**conf, "cniVersion": "1.0.0"}), env=env)
    return addresses_of(json.loads(done.stdout)) if verb == "ADD" else None


needs_host_local = pytest.mark.skipif(
    not shutil.which(HOST_LOCAL), reason="containernetworking-plugins is not installed")


@needs_host_local
@pytest.mark.must_run
def test_host_local_and_bridge_cni_make_one_sequence(node):
    conf = network("dual")
    given = []
    for i in range(3):
        given += [addresses_of(node.add(node.pod(), conf)),
                  host_local(node, "ADD", conf, f"reference-{i}")]
    assert given == [[f"10.1.2.{n}", f"fd00:1:2::{n}"] for n in range(2, 8)]


@needs_host_local
@pytest.mark.must_run
def test_each_releases_what_the_other_reserved(node):
    conf = network("dual")
    pods = [node.pod(), node.pod()]
    for pod in pods:
        node.add(pod, conf)
    host_local(node, "ADD", conf, "theirs")
    host_local(node, "ADD", conf, "theirs-too")
    node.delete(None, conf, env={"CNI_CONTAINERID": "theirs", "CNI_NETNS": "",
                                 "CNI_IFNAME": "eth0"})
    host_local(node, "DEL", conf, pods[0].id)
    assert {owner for owner, _ in node.reservations().values()} == {pods[1].id,
                                                                   "theirs-too"}
    assert pods[1].id in "".join(records(node).values())
    host_local(node, "DEL", conf, "theirs-too")
    for pod in pods:
        node.delete(pod, conf)
    assert node.reservations() == {} and records(node) == {}


@needs_host_local
@pytest.mark.must_run
def test_both_at_once_give_no_address_twice(node):
    conf = network(ipam={"ranges": [[{"subnet": "10.1.2.0/25"}]]})
    given, errors = [], []

    def reference(first):
        for i in range(first, first + 12):
            given.append(host_local(node, "ADD", conf, f"reference-{i}")[0])
            if i % 3 == 0:
                host_local(node, "DEL", conf, f"reference-{i}")

    def ours(pods):
        for pod in pods:
            try:
                given.append(addresses_of(node.add(pod, conf))[0])
            except Exception as error:
                errors.append(error)

    pods = [node.pod() for _ in range(16)]
    threads = [threading.Thread(target=reference, args=(0,)),
               threading.Thread(target=reference, args=(100,)),
               threading.Thread(target=ours, args=(pods[:8],)),
               threading.Thread(target=ours, args=(pods[8:],))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    assert len(given) == 40
    held = node.reservations()
    assert len(held) == 32 and len({owner for owner in held.values()}) == 32
    for pod in pods:
        assert pod.id in {owner for owner, _ in held.values()}
        node.delete(pod, conf)
    assert all(owner.startswith("reference-") for owner, _ in node.reservations().values())
