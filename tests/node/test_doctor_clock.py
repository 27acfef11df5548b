# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of times and boot IDs in records that can't be right."""
import os
import time

import pytest

from harness.doctor import findings, one, ours, run, write
from harness.shown import record_write, records_of

pytestmark = pytest.mark.must_run

BOOT_ID = "/proc/sys/kernel/random/boot_id"


@pytest.fixture
def attached(healthy):
    """A node with a pod, and a function that gives the pod another time and another boot."""
    write(healthy, ours("v4"))
    pod = healthy.pod()
    [ip] = healthy.add(pod, ours("v4"))["ips"]

    def change(when, boot=None):
        reservation = healthy.store / "testnet" / ip["address"].split("/")[0]
        os.utime(reservation, (when, when))
        lines = records_of(healthy, "testnet")[0].read_text().splitlines()[:-1]
        for i, line in enumerate(lines):
            if line.startswith("address "):
                words = line.split()
                lines[i] = " ".join([*words[:-1], f"{when}.000000000"])
            if line.startswith("boot ") and boot:
                lines[i] = f"boot {boot}"
        record_write(healthy, "testnet", lines)
        return healthy
    change.pod = pod
    return change


def test_a_pod_of_the_future(attached):
    node = attached(int(time.time()) + 240)
    assert findings(node) == []
    node = attached(int(time.time()) + 3600)
    one(node, "clock", "warning", "1 attachment was", attached.pod.id)
    node.delete(attached.pod, ours("v4"))
    assert findings(node) == []


def test_a_younger_pod_of_another_boot(attached):
    """A pod of a boot that is over is none to talk about, and one of another node is."""
    other = "00000000-0000-4000-8000-000000000000"
    with open("/proc/uptime") as file:
        began = int(time.time() - float(file.read().split()[0]))
    node = attached(began - 400, other)
    assert findings(node, "clock") == []
    node = attached(max(began + 310, int(time.time()) - 60), other)
    one(node, "clock", "warning", "1 attachment is", attached.pod.id, "/var/lib/cni/networks")
    write(node, ours("v4", ipam={"dataDir": "/run/own"}))
    assert findings(node, "clock") == []


def test_a_pod_that_is_older_than_the_boot(attached):
    """The clock was set: what is wrong is what show says, and nothing mends it."""
    node = attached(1000000000)
    assert findings(node) == []
    assert "ok: clock: network testnet: 1 attachment was made before this boot" in run(node).stdout


def test_the_boot_id_cannot_be_read(healthy):
    (healthy.run_dir / "none").write_text("")
    healthy.run("mount", "--bind", "/run/none", BOOT_ID)
    one(healthy, "clock", "warning", BOOT_ID)
    healthy.run("umount", BOOT_ID)
    assert findings(healthy, "clock") == []
