# SPDX-License-Identifier: GPL-2.0-or-later
"""The module br_netfilter, on a kernel that has modules. This test unloads it, and so runs in
the virtual machine alone."""
import contextlib
import pathlib

import pytest

from harness.modules import unload
from harness.portmap import ask, served, settled
from harness.service import service
from harness.waiting import wait_for

PARAMETERS = pathlib.Path("/proc/sys/net/bridge")
FORBIDDEN = pathlib.Path("/etc/modprobe.d/test.conf")


def forget():
    # With xt_physdev the kernel forgets that it has asked for br_netfilter before.
    unload("xt_physdev", "br_netfilter")
    assert not PARAMETERS.exists()


@contextlib.contextmanager
def forbidden():
    FORBIDDEN.write_text("install br_netfilter /bin/false\n")
    try:
        yield
    finally:
        FORBIDDEN.unlink()


@pytest.fixture
def unloaded():
    """As a machine is after boot; other tests are to find it so, too."""
    forget()
    yield
    forget()


def started(node, *options):
    node.start_agent(*options)
    wait_for(node.ready)


def test_the_kernel_loads_it_for_the_agent_and_without_it_services_see_the_node(
        unloaded, cluster):
    node = cluster.node()
    started(node, "--pod-link", "routed")
    assert not PARAMETERS.exists() and node.page("/readyz") == (200, "ok\n")
    node.stop_agent()
    with forbidden():
        started(node, "--pod-link", "bridged")
        wait_for(lambda: node.metrics()["bridge_cni_bridge_nf_wrong"] == 1)
        # The agent is ready with the node's former kind, and changes it when no pod is connected.
        wait_for(lambda: node.conf().get("podLink") != "routed")
    assert "modprobe br_netfilter" in node.log() and not PARAMETERS.exists()
    client, server = node.attach(), node.attach()
    settled(node)
    vip = service(node, server.address4)
    with served(server, 80):
        assert ask(client, vip, 80) == ("pod", node.gateway(vip))
        node.stop_agent()
        forget()
        node.log_path.write_text("")
        started(node)
        wait_for(lambda: "the kernel has loaded the module br_netfilter" in node.log())
        for name in ("iptables", "ip6tables"):
            assert node.sysctl(f"bridge.bridge-nf-call-{name}") == "1"
        assert ask(client, vip, 80) == ("pod", client.address4)
    assert node.page("/readyz") == (200, "ok\n") and "level=error" not in node.log()
    assert "bridge_cni_agent" not in node.run("nft", "list", "tables").stdout
