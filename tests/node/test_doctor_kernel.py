# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of what the kernel can do, which is tried without having it load a module."""
import os

import pytest

from harness.doctor import POLICY, findings, one, ours, run, write
from harness.node import UPLINK

pytestmark = pytest.mark.must_run


def test_no_module_is_loaded_by_looking(healthy):
    """Where the kernel seems to have no nf_tables, nobody is asked for rules of it."""
    healthy.nft(POLICY % "forward")
    (healthy.run_dir / "empty").mkdir()
    (healthy.run_dir / "none").write_text("")
    healthy.run("mount", "--bind", "/run/empty", "/sys/module")
    for path in ("/proc/modules", "/proc/kallsyms"):
        if healthy.call(os.path.exists, path):
            healthy.run("mount", "--bind", "/run/none", path)
    if healthy.call(os.path.exists, "/proc/modules"):
        assert findings(healthy) == []
        assert "doctor --load" in run(healthy).stdout
        assert "doctor --load" not in run(healthy, "--load").stdout


def test_vlan_filtering_is_tried(healthy, vlan_filtering):
    write(healthy, ours("v4", vlan=7))
    assert bool(findings(healthy, "kernel")) == (not vlan_filtering)
    if not vlan_filtering:
        one(healthy, "kernel", "problem", "VLANs")
    write(healthy, ours("v4"))
    assert findings(healthy, "kernel") == []
    assert set(healthy.links()) == {"lo", UPLINK}
