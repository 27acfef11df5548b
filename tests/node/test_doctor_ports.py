# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of host ports on which a process of the node listens."""
import contextlib
import subprocess

import pytest

from harness.doctor import findings, one, ours

pytestmark = pytest.mark.must_run

LISTENER = """
import socket, sys
server = socket.socket(getattr(socket, sys.argv[1]), getattr(socket, sys.argv[2]))
server.bind((sys.argv[3], 8080))
if sys.argv[2] == "SOCK_STREAM":
    server.listen()
print("up", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def listening(node, *how):
    process = node.popen(["python3", "-c", LISTENER, *how], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
        node._processes.remove(process)


@pytest.mark.parametrize("protocol, how, told", [
    ("tcp", ("AF_INET", "SOCK_STREAM", "0.0.0.0"), True),
    ("tcp", ("AF_INET6", "SOCK_STREAM", "::"), True),
    ("udp", ("AF_INET", "SOCK_DGRAM", "192.0.2.2"), True),
    ("udp", ("AF_INET", "SOCK_STREAM", "0.0.0.0"), False),
    ("tcp", ("AF_INET", "SOCK_STREAM", "127.0.0.1"), False)])
def test_a_process_listens_on_a_host_port(healthy, protocol, how, told):
    asked = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": protocol}]}
    healthy.add(healthy.pod(), {**ours("dual"), "runtimeConfig": asked})
    assert findings(healthy, "host-ports") == []
    with listening(healthy, *how) as process:
        if told:
            one(healthy, "host-ports", "warning", f"process {process.pid}", "8080", protocol.upper())
        assert bool(findings(healthy, "host-ports")) == told
    assert findings(healthy, "host-ports") == []
