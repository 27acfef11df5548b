# SPDX-License-Identifier: GPL-2.0-or-later
"""IPAM plugins for a node's CNI_PATH: Debian's, and ones that a test writes.

A written one logs how it was called, then does what the test says.
"""
import contextlib
import json
import os
import pathlib
import textwrap

from .node import network
from .waiting import wait_for

DEBIAN = pathlib.Path("/usr/lib/cni")
# Debian's 1.1.1 speaks no newer one, and gets the configuration as it is.
DEBIAN_NEWEST = "1.0.0"
ADDRESS, SUBNET, GATEWAY = "10.77.0.5", "10.77.0.0/16", "10.77.0.1"
RESULT = {"cniVersion": "1.1.0", "ips": [{"address": f"{ADDRESS}/16"}]}

HEAD = '''\
#!/usr/bin/python3
import json, os, signal, subprocess, sys, time
verb, here = os.environ["CNI_COMMAND"], os.path.dirname(sys.argv[0])
fds = {{n: os.readlink("/proc/self/fd/" + n) for n in os.listdir("/proc/self/fd")
       if os.path.exists("/proc/self/fd/" + n)}}
status = open("/proc/self/status").read()
stdin = sys.stdin.read() if {read} else None
with open({log!r}, "a") as log:
    log.write(json.dumps({{"verb": verb, "env": dict(os.environ), "stdin": stdin,
                          "fds": fds, "status": status, "pgid": os.getpgid(0),
                          "pid": os.getpid(), "argv": sys.argv}}) + "\\n")
def answer(**changes):
    print(json.dumps({{**{result!r}, **changes}}))
def hold(name=""):
    open(here + "/waiting" + name, "w").close()
    while not os.path.exists(here + "/go" + name): time.sleep(0.01)
'''


class Delegate:
    """An executable that acts by `body`, in which `verb` is CNI_COMMAND, `here` its
    directory, answer() prints a result and hold() waits for the test (see held); without
    one it answers every ADD with the same address."""

    def __init__(self, node, body=None, name="fake", read=True, directory="delegates"):
        self.node, self.name = node, name
        self.directory = node.directory / directory
        self.directory.mkdir(exist_ok=True)
        self.log = self.directory / f"{name}.log"
        self.path = self.directory / name
        if body is None:
            body = 'if verb == "ADD": answer()'
        self.path.write_text(HEAD.format(log=str(self.log), read=read, result=RESULT)
                             + textwrap.dedent(body))
        self.path.chmod(0o755)
        self.env = {"CNI_PATH": str(self.directory)}

    def conf(self, **changes):
        ipam = {"type": self.name, "ranges": None, **changes.pop("ipam", {})}
        return network(ipam=ipam, **changes)

    def calls(self):
        """How it was called, oldest first."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def verbs(self):
        return [call["verb"] for call in self.calls()]

    @contextlib.contextmanager
    def held(self, name=""):
        """The block runs once it has come to its hold(name), and lets it go on then."""
        try:
            wait_for((self.directory / f"waiting{name}").exists)
            yield
        finally:
            (self.directory / f"go{name}").touch()

    def add(self, pod, conf=None, **kw):
        return self.node.add(pod, conf or self.conf(), env=self.env, **kw)

    def delete(self, pod, conf=None, prev=None, **kw):
        return self.node.delete(pod, conf or self.conf(), prev, env=self.env, **kw)

    def check(self, pod, prev, conf=None, **kw):
        return self.node.check(pod, conf or self.conf(), prev, env=self.env, **kw)


def debian(node, ipam, name=None, **changes):
    """A configuration that delegates to one of Debian's, and the environment for it.

    With a name of its own for host-local: that name is served in the process.
    """
    directory = node.directory / "debian"
    directory.mkdir(exist_ok=True)
    name = name or ipam["type"]
    link = directory / name
    if not link.is_symlink():
        os.symlink(DEBIAN / ipam["type"], link)
    changes.setdefault("cniVersion", DEBIAN_NEWEST)
    conf = network(ipam={"ranges": None, **ipam, "type": name}, **changes)
    return conf, {"CNI_PATH": str(directory)}
