# SPDX-License-Identifier: GPL-2.0-or-later
"""Open vSwitch in a node: its own database and daemon, with the datapath in user space, which
needs nothing of the kernel. They end with the node."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from .distribution import Lacks
from .node import named, network
from .waiting import ANSWER, SLOWNESS, wait_for

DAEMONS = {name: shutil.which(name) for name in ("ovsdb-server", "ovs-vswitchd")}
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
BRIDGE = "br0"
needs_ovs = [pytest.mark.must_run,
             pytest.mark.skipif(not all(DAEMONS.values()), reason="no openvswitch-switch")]
# The one in user space is the same on any kernel.
DATAPATHS = [pytest.param("netdev", marks=pytest.mark.any_kernel), "system"]


def host_end(result):
    """The name of the pod's interface on the node."""
    return named(result, False)[-1]["name"]


class Gate:
    """Another socket of the database, by which requests with these bytes don't pass until it is
    opened."""

    def __init__(self, ovs, held):
        self.held, self.connections = held, 0
        self.reached, self.opened = threading.Event(), threading.Event()
        self.ovs, self.socket = ovs, "/run/openvswitch/gate.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        ovs.with_path("gate.sock", self.listener.bind)
        self.listener.listen()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.opened.set()
        self.listener.close()

    def await_request(self):
        assert self.reached.wait(30 * SLOWNESS), "no such request came"

    def open(self):
        self.opened.set()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            server = self.ovs.connect("db.sock")
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source, sink, judges):
        with contextlib.suppress(OSError):  # either end may be gone
            while data := source.recv(65536):
                if judges and self.held in data:
                    self.reached.set()
                    self.opened.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


class OpenVSwitch:
    def __init__(self, node, datapath="netdev"):
        self.node, self.datapath = node, datapath
        self.directory = node.run_dir / "openvswitch"  # /run/openvswitch in the node
        self.directory.mkdir()
        self.socket = "/run/openvswitch/db.sock"
        self.env = {**os.environ, "OVS_RUNDIR": "/run/openvswitch",
                    "OVS_LOGDIR": "/run/openvswitch", "OVS_DBDIR": "/run/openvswitch"}
        self.database = self.switch = None
        node.run("ovsdb-tool", "create", "/run/openvswitch/conf.db", SCHEMA, env=self.env)
        self.start_database()
        self.vsctl("--no-wait", "init")
        self.start_switch()

    def _start(self, name, *args):
        log = open(self.directory / f"{name}.out", "ab")
        with log:
            # With the niceness that ovs-ctl gives them.
            return self.node.popen(("nice", "-n", "-10", DAEMONS[name], *args, "--no-chdir",
                                    "-vconsole:warn", f"--unixctl=/run/openvswitch/{name}.ctl"),
                                   env=self.env, stdout=log, stderr=subprocess.STDOUT)

    def with_path(self, name, use):
        """Calls use() with a path of this socket that is short enough for a socket's address."""
        directory = os.open(self.directory, os.O_PATH)
        try:
            return use(f"/proc/self/fd/{directory}/{name}")
        finally:
            os.close(directory)

    def connect(self, name):
        sock = socket.socket(socket.AF_UNIX)
        try:
            self.with_path(name, sock.connect)
        except OSError:
            sock.close()
            raise
        return sock

    def start_database(self):
        self.database = self._start("ovsdb-server", "/run/openvswitch/conf.db",
                                    f"--remote=punix:{self.socket}")
        # The socket is there before the server listens to it.
        wait_for(lambda: self.connect("db.sock")).close()

    def start_switch(self, database=None):
        """`database`: another socket than the server's."""
        self.switch = self._start("ovs-vswitchd", f"unix:{database or self.socket}", "--disable-system"
                                  if self.datapath == "netdev" else "-vfile:off")

    @staticmethod
    def stop(process, how=signal.SIGKILL):
        process.send_signal(how)
        process.wait()

    def stop_database(self):
        self.stop(self.database)
        (self.directory / "db.sock").unlink(missing_ok=True)

    def stop_switch(self):
        self.stop(self.switch)

    def waiting(self):
        """How many wait for the daemon: the database's server counts transactions that wait for a change.
        An ADD waits for five seconds and no longer, so no command is started to ask."""
        with self.connect("ovsdb-server.ctl") as sock:
            sock.settimeout(ANSWER * SLOWNESS)
            sock.sendall(b'{"id": 0, "method": "memory/show", "params": []}')
            answer = b""
            while not answer.endswith(b"}"):
                answer += sock.recv(65536) or b"}"
        usage = dict(item.split(":") for item in json.loads(answer)["result"].split())
        return int(usage.get("triggers", 0))

    @contextlib.contextmanager
    def standstill(self):
        """The daemon stands still for a while."""
        self.switch.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.switch.pid, os.WSTOPPED)
        try:
            yield
        finally:
            self.switch.send_signal(signal.SIGCONT)

    def restart_switch(self):
        """Another daemon, which has taken over what is in the database."""
        self.stop_switch()
        self.start_switch()
        self.settle()

    def empty_database(self):
        """The database is that of a new installation, as after its file was deleted."""
        self.stop_database()
        (self.directory / "conf.db").unlink()
        self.node.run("ovsdb-tool", "create", "/run/openvswitch/conf.db", SCHEMA, env=self.env)
        self.start_database()
        self.vsctl("--no-wait", "init")
        self.settle()

    def settle(self):
        """Waits until the daemon has taken over what is in the database."""
        self.vsctl("set", "open_vswitch", ".", f"external_ids:settled={time.monotonic_ns()}")

    def vsctl(self, *args, check=True):
        return self.node.run("ovs-vsctl", f"--timeout={20 * SLOWNESS}", "--retry",
                             f"--db=unix:{self.socket}", *args,
                             env=self.env, check=check).stdout.strip()

    def bridge(self, name=BRIDGE):
        self.vsctl("add-br", name, "--", "set", "bridge", name,
                   f"datapath_type={self.datapath}")
        return name

    def gate(self, held):
        return Gate(self, held)

    def table(self, name, *columns):
        """The rows of a table, as dictionaries."""
        out = self.vsctl("--format=json", f"--columns={','.join(columns)}", "list", name)
        found = json.loads(out) if out else {"headings": [], "data": []}
        return [dict(zip(found["headings"], row)) for row in found["data"]]

    def ports(self, bridge=BRIDGE):
        """The ports of a bridge, but for its own."""
        return sorted(self.vsctl("list-ports", bridge).split())

    def port(self, name):
        """The columns of a port and of its interface, as ovs-vsctl writes them."""
        values = {}
        for table in ("Interface", "Port"):
            for line in self.vsctl("list", table, name).splitlines():
                key, _, value = line.partition(":")
                values[key.strip()] = value.strip()
        return values


def ovs_network(families="v4", **changes):
    """A configuration of a network on the bridge; see node.network()."""
    return network(families, **{"switch": "ovs", "bridge": BRIDGE, **changes})


def switch_of(node, datapath):
    """Open vSwitch with a bridge, whose datapath is that: "netdev" or "system"."""
    if datapath == "netdev":
        node.run("modprobe", "tun", check=False)
    else:
        node.run("modprobe", "openvswitch", check=False)
        if node.run("ovs-dpctl", "dump-dps", check=False).returncode:
            raise Lacks("this kernel has no openvswitch; the virtual machine's has it")
    switch = OpenVSwitch(node, datapath)
    switch.bridge()
    kind = node.links()[BRIDGE]["linkinfo"]["info_kind"]
    assert kind == {"netdev": "tun", "system": "openvswitch"}[datapath], kind
    return switch
