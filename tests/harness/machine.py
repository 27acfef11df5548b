# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine as one test process sees it: a network namespace of its own, and directories
of its own where the plugin, `ip netns` and container runtimes write.

Nothing that anybody else does on the machine is seen here, and nothing that is done here
reaches the machine. What is left here in the end, no test was allowed to make.
"""
import pathlib
import subprocess

from . import netns, snapshot

# /sys stays as it is: container runtimes need the cgroups below it.
OWN = ("/run", "/var/lib/cni", "/etc/cni", "/opt/cni")


def directories():
    return [path for path in OWN if pathlib.Path(path).is_dir()]


def isolate():
    """The calling thread, and all that it starts from now on."""
    netns.unshare(netns.CLONE_NEWNS | netns.CLONE_NEWNET)
    netns.mount("none", "/", None, netns.MS_REC | netns.MS_PRIVATE)
    for path in directories():
        netns.mount("tmpfs", path, "tmpfs")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def state():
    """The state of the namespaces, which must be in the end as it was at the beginning."""

    def output(*argv):
        return subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()

    found = {path: snapshot.files(pathlib.Path(path)) for path in directories()}
    for command in ("ip -o -d link", "ip -o address", "ip -4 route show table all",
                    "ip -6 route show table all", "nft -s list ruleset"):
        found[command] = output(*command.split())
    for key in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        path = pathlib.Path("/proc/sys/net", key)
        found[key] = path.read_text() if path.exists() else None
    return found
