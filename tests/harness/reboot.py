# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods and nodes that go without a word to the plugin."""
import uuid

from .waiting import wait_for

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot(node):
    """The node has another boot ID, as after a reboot."""
    path = node.directory / f"boot-{uuid.uuid4()}"
    path.write_text(f"{uuid.uuid4()}\n")
    node.run("mount", "--bind", str(path), BOOT_ID)


def reboot(node):
    """A reboot: pods, interfaces and rules are gone without a DEL; disks stay."""
    for pod in list(node.pods):
        pod.remove()
    for name in [name for name in node.links() if name.startswith(("veth", "ifb"))]:
        node.ip("link del", name, check=False)
    node.ip("link del cni0", check=False)
    node.nft("flush ruleset")
    boot(node)


def crash(*pods):
    """The pods go, and nobody says DEL. The kernel takes its time with the interfaces."""
    node = pods[0].node
    count = len(node.host_veths())
    for pod in pods:
        pod.remove()
    wait_for(lambda: len(node.host_veths()) <= count - len(pods))
