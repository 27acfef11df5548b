# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests and the machine see nothing of each other, and what a test leaves is told."""
import os
import pathlib
import subprocess

from harness import machine, snapshot


def test_the_namespaces_are_not_those_that_the_tests_were_started_in():
    for kind in ("net", "mnt"):
        own, above = (os.readlink(f"/proc/{pid}/ns/{kind}") for pid in ("self", os.getppid()))
        assert own != above, kind


def test_what_is_left_behind_is_told():
    before = machine.state()
    left = pathlib.Path("/run/left")
    left.write_text("by a test")
    subprocess.run(["ip", "link", "add", "left0", "type", "veth", "peer", "left1"], check=True)
    try:
        lines = snapshot.difference(before, machine.state())
    finally:
        left.unlink()
        subprocess.run(["ip", "link", "del", "left0"], check=True)
    assert any("/run/left: None became b'by a test'" in line for line in lines), lines
    assert any("left0" in line and ": new: " in line for line in lines), lines
    assert snapshot.difference(before, machine.state()) == []
