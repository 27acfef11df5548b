# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures, the machine compared with how it was, and the closing line."""
import contextlib
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

from harness import distribution, machine, snapshot, vlan  # noqa: E402
from harness.node import Node  # noqa: E402
from harness.ovs import OpenVSwitch  # noqa: E402
from harness.service import netfilter_on_the_bridge  # noqa: E402

IN_CI = os.environ.get("CI") == "true"
counts = {"passed": 0, "failed": 0, "skipped": 0}
skips = []


@contextlib.contextmanager
def connected(directory):
    """A node with an uplink; whatever is left in it goes with it."""
    machine = Node(directory / "node")
    try:
        machine.connect()
        yield machine
    finally:
        machine.close()


@pytest.fixture
def node(tmp_path):
    """A test's own."""
    with connected(tmp_path) as machine:
        yield machine


@pytest.fixture(scope="module")
def shared_node(tmp_path_factory):
    """One for all tests of a file that ask for it, each of which leaves it as it was."""
    with connected(tmp_path_factory.mktemp("shared")) as machine:
        yield machine


@pytest.fixture
def ovs(node):
    """Open vSwitch in the node, with a bridge; its datapath is in user space."""
    switch = OpenVSwitch(node)
    switch.bridge()
    return switch


@pytest.fixture(scope="session")
def vlan_filtering(tmp_path_factory):
    """Do this kernel's bridges filter VLANs? Asked on a node of its own."""
    machine = Node(tmp_path_factory.mktemp("vlans") / "node")
    try:
        machine.ip("link add br0 type bridge vlan_filtering 1", check=False)
        return "br0" in machine.links() and vlan.filters(machine, "br0")
    finally:
        machine.close()


@pytest.fixture
def vlans(request, node, vlan_filtering):
    """A node with bridges that filter VLANs, and without br_netfilter; test_vlan_netfilter.py has it
    on. The virtual machine's kernel has both."""
    assert request.path.name.startswith("test_vlan"), "tests/vm/run runs no other file always"
    if not vlan_filtering:
        lacks = "this kernel has no CONFIG_BRIDGE_VLAN_FILTERING"
        (pytest.fail if os.environ.get("BRIDGE_CNI_VM") else pytest.skip)(lacks)
    netfilter_on_the_bridge(node, False)
    return node


# -- the machine is never touched


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("these tests make namespaces: run them as root", 2)
    machine.isolate()
    session.config.machine_before = machine.state()


# -- counting


def must_run_here(item, call):
    """A test that the virtual machine leaves out would be run nowhere."""
    if item.get_closest_marker("any_kernel") and distribution.is_complete() and \
            "BRIDGE_CNI_VM" not in os.environ:
        return True
    return item.get_closest_marker("must_run") and not call.excinfo.errisinstance(distribution.Lacks)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and IN_CI and must_run_here(item, call):
        report.outcome = "failed"
        report.longrepr = f"CI must run this: {report.longrepr}"


def pytest_runtest_logreport(report):
    if report.skipped:
        counts["skipped"] += 1
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        skips.append(f"{report.nodeid}: {reason}")
    elif report.failed:
        counts["failed"] += 1
    elif report.when == "call":
        counts["passed"] += 1


def pytest_collectreport(report):
    if report.failed:
        counts["failed"] += 1


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    before = getattr(session.config, "machine_before", None)
    lines = snapshot.difference(before, machine.state()) if before else []
    session.config.machine_lines = lines
    if lines:
        counts["failed"] += 1
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    for line in skips:
        terminalreporter.write_line(f"skipped {line}")
    for line in getattr(config, "machine_lines", []):
        terminalreporter.write_line(f"FAILED the machine changed: {line}")


def closing_line():
    line = f"{counts['passed']} passed, {counts['failed']} failed"
    return line + (f", {counts['skipped']} skipped" if counts["skipped"] else "")


def pytest_unconfigure(config):
    if not config.option.collectonly:
        print(closing_line(), flush=True)
