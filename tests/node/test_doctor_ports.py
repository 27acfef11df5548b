# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of host ports on which a process of the node listens."""
import contextlib
import os
import subprocess

import pytest

from harness import distribution
from harness.doctor import findings, one, ours, write

pytestmark = pytest.mark.must_run

IPPROTO_SCTP = 132
LISTENER = """
import socket, sys
server = socket.socket(getattr(socket, sys.argv[1]), getattr(socket, sys.argv[2]), *map(int, sys.argv[4:]))
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


@pytest.mark.any_kernel
@pytest.mark.parametrize("protocol, how, told", [
    ("tcp", ("AF_INET", "SOCK_STREAM", "0.0.0.0"), True),
    ("tcp", ("AF_INET6", "SOCK_STREAM", "::"), True),
    ("udp", ("AF_INET", "SOCK_DGRAM", "192.0.2.2"), True),
    ("udp", ("AF_INET", "SOCK_STREAM", "0.0.0.0"), False),
    ("tcp", ("AF_INET", "SOCK_STREAM", "127.0.0.1"), False),
    ("tcp", ("AF_INET6", "SOCK_STREAM", "2001:db8:aaaa::2"), True),
    ("tcp", ("AF_INET6", "SOCK_STREAM", "::ffff:192.0.2.2"), True),
    ("tcp", ("AF_INET6", "SOCK_STREAM", "::1"), False)])
def test_a_process_listens_on_a_host_port(healthy, protocol, how, told):
    asked = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": protocol}]}
    healthy.add(healthy.pod(), {**ours("dual"), "runtimeConfig": asked})
    assert findings(healthy, "host-ports") == []
    with listening(healthy, *how) as process:
        if told:
            one(healthy, "host-ports", "warning", f"process {process.pid}", "8080", protocol.upper())
        assert bool(findings(healthy, "host-ports")) == told
    assert findings(healthy, "host-ports") == []


@pytest.mark.any_kernel
@pytest.mark.parametrize("families, host_ip, how, told", [
    ("v4", None, ("AF_INET6", "SOCK_STREAM", "2001:db8:aaaa::2"), False),
    ("v4", None, ("AF_INET6", "SOCK_STREAM", "::"), True),
    ("v6", None, ("AF_INET", "SOCK_STREAM", "0.0.0.0"), False),
    ("dual", "192.0.2.2", ("AF_INET6", "SOCK_STREAM", "2001:db8:aaaa::2"), False),
    ("dual", "192.0.2.2", ("AF_INET6", "SOCK_STREAM", "::ffff:192.0.2.2"), True),
    ("dual", "2001:db8:aaaa::2", ("AF_INET", "SOCK_STREAM", "0.0.0.0"), False),
    ("dual", "2001:db8:aaaa::2", ("AF_INET6", "SOCK_STREAM", "::"), True),
    ("dual", "0.0.0.0", ("AF_INET6", "SOCK_STREAM", "2001:db8:aaaa::2"), False)])
def test_a_socket_of_another_family_loses_nothing(healthy, families, host_ip, how, told):
    conf = ours(families)
    write(healthy, conf)
    mapping = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}
    asked = {"portMappings": [{**mapping, **({"hostIP": host_ip} if host_ip else {})}]}
    healthy.add(healthy.pod(), {**conf, "runtimeConfig": asked})
    with listening(healthy, *how):
        assert bool(findings(healthy, "host-ports")) == told


@pytest.mark.parametrize("family, address", [("AF_INET", "0.0.0.0"), ("AF_INET", "192.0.2.2"), ("AF_INET6", "::")])
def test_a_process_listens_by_sctp(healthy, family, address):
    if "BRIDGE_CNI_VM" in os.environ:
        subprocess.run(["modprobe", "sctp"], check=True)
    if not healthy.call(os.path.exists, "/proc/net/sctp/eps"):
        raise distribution.Lacks("this kernel has no SCTP of its own")
    asked = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "sctp"}]}
    healthy.add(healthy.pod(), {**ours("dual"), "runtimeConfig": asked})
    assert findings(healthy, "host-ports") == []
    with listening(healthy, family, "SOCK_STREAM", address, str(IPPROTO_SCTP)) as process:
        one(healthy, "host-ports", "warning", f"process {process.pid}", "SCTP port 8080")
    assert findings(healthy, "host-ports") == []
