# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of the store: records, free addresses, and room on the disk."""
import pytest

from harness.doctor import findings, one, ours, run, write
from harness.node import SUBNET4
from harness.shown import record_write, records_of
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run


def test_a_damaged_record(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    [path] = records_of(healthy, "testnet")
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    one(healthy, "store", "warning", "damaged")
    path.write_bytes(whole)
    assert findings(healthy, "store") == []


@pytest.mark.parametrize("record, reservation", [(True, False), (False, True), (False, False)])
def test_a_pod_of_which_the_store_has_not_all(healthy, record, reservation):
    write(healthy, ours("v4"))
    pod = healthy.pod()
    [ip] = healthy.add(pod, ours("v4"))["ips"]
    address = ip["address"].split("/")[0]
    if not record:
        for path in records_of(healthy, "testnet"):
            path.unlink()
    if not reservation:
        (healthy.store / "testnet" / address).unlink()
    one(healthy, "store", "problem", "no record" if not record else address, pod.id)
    healthy.delete(pod, ours("v4"))
    assert findings(healthy, "store") == []


def test_two_attachments_of_one_address(healthy):
    pods = [healthy.pod() for _ in range(2)]
    first, second = (healthy.add(pod, ours("v4"))["ips"][0]["address"] for pod in pods)
    write(healthy, ours("v4"))
    for path in records_of(healthy, "testnet"):
        lines = path.read_text().splitlines()[:-1]
        if any(second in line for line in lines):
            record_write(healthy, "testnet", [line.replace(second, first) for line in lines])
    one(healthy, "store", "problem", first.split("/")[0])


@pytest.mark.parametrize("pods, level", [(9, "warning"), (10, "problem")])
def test_a_range_that_is_nearly_full(healthy, pods, level):
    conf = ours("v4", ipam={"ranges": [[{"subnet": SUBNET4, "rangeStart": "10.1.2.10",
                                            "rangeEnd": "10.1.2.19"}]]})
    write(healthy, conf)
    for number in range(pods):
        reserve(healthy, f"10.1.2.{10 + number}")
    one(healthy, "addresses", level, f"{pods} of 10")


def test_addresses_of_the_dead_are_free(healthy):
    conf = ours("v4", ipam={"ranges": [[{"subnet": SUBNET4, "rangeStart": "10.1.2.10",
                                            "rangeEnd": "10.1.2.11"}]]})
    write(healthy, conf)
    dead, alive = healthy.pod(), healthy.pod()
    healthy.add(dead, conf)
    healthy.add(alive, conf)
    one(healthy, "addresses", "problem", "2 of 2")
    dead.remove()
    wait_for(lambda: len(healthy.host_veths()) == 1)
    assert findings(healthy, "addresses") == []
    assert healthy.invoke("ADD", conf, healthy.pod()).returncode == 0


def reserve(node, address):
    directory = node.store / "testnet"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / address).write_text("somebody\r\neth0")


def test_a_full_disk(healthy):
    healthy.run("mkdir", "-p", "/var/lib/cni")
    healthy.run("mount", "-t", "tmpfs", "-o", "size=64k", "none", "/var/lib/cni")
    assert findings(healthy, "disk") == []
    healthy.run("dd", "if=/dev/zero", "of=/var/lib/cni/fill", "bs=4k", check=False)
    one(healthy, "disk", "problem", "full")
    healthy.run("rm", "/var/lib/cni/fill")
    assert findings(healthy, "disk") == []


def test_a_disk_that_is_nearly_full(healthy):
    healthy.run("mkdir", "-p", "/var/lib/cni")
    healthy.run("mount", "-t", "tmpfs", "-o", "size=400k", "none", "/var/lib/cni")
    healthy.run("dd", "if=/dev/zero", "of=/var/lib/cni/fill", "bs=4k", "count=97", check=False)
    one(healthy, "disk", "warning", "nearly full", "/var/lib/cni/networks")
    healthy.run("rm", "/var/lib/cni/fill")
    assert findings(healthy, "disk") == []


def test_a_disk_that_is_read_only(healthy):
    healthy.run("mkdir", "-p", "/var/lib/cni")
    healthy.run("mount", "-t", "tmpfs", "-o", "ro", "none", "/var/lib/cni")
    one(healthy, "disk", "problem", "/var/lib/cni/networks", "read-only")
    healthy.run("mount", "-o", "remount,rw", "/var/lib/cni")
    assert findings(healthy, "disk") == []


def test_a_store_that_a_boot_empties(healthy):
    """Also one that isn't there yet; a boot ends the pods as well."""
    healthy.run("mkdir", "-p", "/var/lib/cni")
    healthy.run("mount", "-t", "tmpfs", "none", "/var/lib/cni")
    [line] = [line for line in run(healthy).stdout.splitlines() if " disk: " in line]
    assert line.startswith("ok: disk: ") and "is in memory: a boot empties it" in line


def test_a_record_of_a_newer_version(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    [path] = records_of(healthy, "testnet")
    lines = path.read_text().splitlines()[:-1]
    assert lines[0] == "bridge-cni record 1"
    record_write(healthy, "testnet", ["bridge-cni record 99", *lines[1:]])
    found = findings(healthy, "store")
    assert [f["level"] for f in found] == ["warning"] and "1 record is of a newer version" in found[0]["message"]
