# SPDX-License-Identifier: GPL-2.0-or-later
"""Container runtimes on a node of a test file's own, and what they lack here."""
import os
import pathlib
import shutil

import pytest

from harness import host as hosts
from harness.node import Node


def missing(*programs):
    """Why these runtimes can't be had here; None: they can."""
    for program in programs:
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not os.access(f"{hosts.DEBIAN_PLUGINS}/portmap", os.X_OK):
        return "containernetworking-plugins is not installed"
    lacking = {"httpd", "ip", "ping", "sleep", "true", "wget"} - set(hosts.applets())
    if lacking:
        return f"busybox is not installed, or can't do {' '.join(sorted(lacking))}"
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text():
        return "the kernel has no overlay file system"
    return None


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("host") / "node")
    machine = None
    try:
        node.connect()
        machine = hosts.Host(node)
        machine.install_plugins()
        yield machine
    finally:
        if machine:
            machine.close()
        node.close()


@pytest.fixture(scope="module")
def image(host):
    return hosts.image(host.node.directory / "image.tar")
