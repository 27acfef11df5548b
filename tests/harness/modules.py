# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules of the kernel. All that runs on the machine shares them: a file of tests that unloads some, or
looks whether others are loaded meanwhile, stands in ALONE of tests/run."""
import os
import subprocess

from . import distribution
from .waiting import wait_for


def loaded():
    """Of a kernel that is built without any, none."""
    if not os.path.exists("/proc/modules"):
        return set()
    with open("/proc/modules") as file:
        return {line.split()[0] for line in file}


def skip_where_none_is_unloaded():
    if not os.path.exists("/proc/modules"):
        raise distribution.Lacks("this kernel has no modules")
    if "BRIDGE_CNI_VM" not in os.environ:
        raise distribution.Lacks("unloading modules is for the virtual machine alone")


def unload(*names):
    """Unloads those of them that are loaded, in this order. What they need stays, which `modprobe -r`
    would unload: bridge is unloaded even where there are bridges, and these go with it. A module is in
    use for a while after a test that used it: the kernel takes a namespace down some time after the last
    process in it has ended."""
    skip_where_none_is_unloaded()

    def are_unloaded():
        there = [name for name in names if name in loaded()]
        if there:
            done = subprocess.run(["rmmod", *there], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        return True

    wait_for(are_unloaded)
