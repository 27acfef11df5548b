# SPDX-License-Identifier: GPL-2.0-or-later
"""Notices are printed whichever attachment caused them: the operation's own, or another."""
from harness import plugin
from harness.command import command, written
from harness.node import addresses_of, network

STORE = "/var/lib/cni/networks/testnet"
TOLD = "gave back 1 reservation that named nobody"


def nobodys(node):
    """A reservation as a power cut leaves it; the index has not seen it yet."""
    node.run("sh", "-c", f": >{STORE}/10.1.2.77")


def test_GC_as_host_local_tells_what_else_it_gave_back(node):
    program = node.directory / "host-local"
    program.symlink_to(plugin.BRIDGE_CNI)
    node.add(node.pod(), network(), executable=str(program))
    nobodys(node)
    done = node.invoke("GC", network() | {"cni.dev/valid-attachments": []},
                       executable=str(program))
    assert done.returncode == 0 and node.reservations() == {}
    assert TOLD in done.stderr


def test_repair_tells_what_else_it_gave_back(node):
    gone, stays = node.pod(), node.pod()
    own = addresses_of(node.add(gone, network()))
    node.add(stays, network())
    gone.ip("link del eth0")
    # Another program's DEL, which knows nothing of records.
    node.run("sh", "-c", f"rm {STORE}/{own[0]}")
    nobodys(node)
    done = command(node, "repair", *written(node, network()))
    assert done.returncode == 0 and f"deleted what container {gone.id}" in done.stdout
    assert TOLD in done.stderr
