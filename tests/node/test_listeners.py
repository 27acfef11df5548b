# SPDX-License-Identifier: GPL-2.0-or-later
"""hostPortOverListener: of which sockets of the node a host port takes the packets."""
import contextlib
import socket
import subprocess
import sys

import pytest

from harness import plugin
from harness.portmap import ports
from harness.node import NODE4, NODE6

TAKEN = 2222

# Opens sockets, says so, does what it is told: wait for the end of standard input, or run
# a command and hand its output on.
PROGRAM = """
import socket, subprocess, sys
sockets = []
for spec in sys.argv[1].split(","):
    kind, address, port, *options = spec.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM,
                         {"mptcp": 262, "sctp": socket.IPPROTO_SCTP}.get(kind, 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "v6only" in options:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    elif family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((address, int(port)))
    if "connected" in options:
        sock.connect((address, 9))
    elif kind != "udp":
        sock.listen()
    sockets.append(sock)
if "name" in sys.argv[2]:
    open("/proc/self/comm", "w").write(sys.argv[2].split("=")[1])
if sys.argv[3:]:
    sys.exit(subprocess.run(sys.argv[3:]).returncode)
print("up", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def sockets(node, *specs, name="listener"):
    """Held by a process of the node, of this name."""
    process = node.popen([sys.executable, "-c", PROGRAM, ",".join(specs), f"name={name}"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"up\n"
        yield process
    finally:
        process.stdin.close()
        process.wait()


def mapping(protocol="tcp", **changes):
    families = changes.pop("families", "dual")
    keys = {k: changes.pop(k) for k in ("hostIP",) if k in changes}
    return ports((TAKEN, 80, {"protocol": protocol, **keys}), families=families, **changes)


def attached(node, conf, pod=None, **kw):
    """(the words on stderr, whether it is refused)"""
    done = node.invoke("ADD", conf, pod or node.pod(), **kw)
    if done.returncode == 0:
        return done.stderr, False
    with plugin.refusal(plugin.EXISTS) as error:
        plugin.judge("ADD", done, conf["cniVersion"])
    return error.value.msg, True


CASES = {  # sockets, how the port is mapped, whether packets are taken from one
    "all IPv4": ("tcp/0.0.0.0/2222", {}, True),
    "one address": (f"tcp/{NODE4}/2222", {}, True),
    "loopback": ("tcp/127.0.0.1/2222", {}, True),
    "another loopback": ("tcp/127.0.0.53/2222", {}, True),
    "both families": ("tcp/::/2222", {}, True),
    "both families, an IPv4 pod": ("tcp/::/2222", {"families": "v4"}, True),
    "IPv6 only": ("tcp/::/2222/v6only", {}, True),
    "IPv6 only, an IPv4 pod": ("tcp/::/2222/v6only", {"families": "v4"}, False),
    "an IPv4 address in IPv6": (f"tcp/::ffff:{NODE4}/2222", {"families": "v4"}, True),
    "one IPv6 address": (f"tcp/{NODE6}/2222", {}, True),
    "IPv6 loopback, which isn't translated": ("tcp/::1/2222", {}, False),
    "loopback without snat": ("tcp/127.0.0.1/2222", {"snat": False}, False),
    "all, mapped at one": ("tcp/0.0.0.0/2222", {"hostIP": NODE4}, True),
    "both families, mapped at one": ("tcp/::/2222", {"hostIP": NODE4}, True),
    "the one that is mapped": (f"tcp/{NODE4}/2222", {"hostIP": NODE4}, True),
    "another one": ("tcp/127.0.0.1/2222", {"hostIP": NODE4}, False),
    "loopback, mapped at it": ("tcp/127.0.0.1/2222", {"hostIP": "127.0.0.1"}, True),
    "IPv4, mapped in IPv6": ("tcp/0.0.0.0/2222", {"hostIP": "::"}, False),
    "IPv6, mapped in IPv4": (f"tcp/{NODE6}/2222", {"hostIP": "0.0.0.0"}, False),
    "both families, mapped in IPv6": ("tcp/::/2222", {"hostIP": "::"}, True),
    "another port": ("tcp/0.0.0.0/2223", {}, False),
    "another protocol": ("udp/0.0.0.0/2222", {}, False),
    "UDP": ("udp/0.0.0.0/2222", {"protocol": "udp"}, True),
    "UDP of both families": ("udp/::/2222", {"protocol": "udp"}, True),
    "connected UDP": (f"udp/{NODE4}/2222/connected", {"protocol": "udp"}, False),
    "a group": ("udp/224.0.0.251/2222", {"protocol": "udp"}, False),
    "a broadcast address": ("udp/192.0.2.255/2222", {"protocol": "udp"}, False),
    "SCTP": ("sctp/0.0.0.0/2222", {"protocol": "sctp"}, True),
    "SCTP on one address": (f"sctp/{NODE4}/2222", {"protocol": "sctp"}, True),
    "SCTP of both families": ("sctp/::/2222", {"protocol": "sctp"}, True),
    "SCTP on another address": ("sctp/127.0.0.1/2222", {"protocol": "sctp", "hostIP": NODE4},
                                False),
    "MPTCP, as Go's": ("mptcp/0.0.0.0/2222", {}, True),
}


PROTOCOLS = {"sctp": socket.IPPROTO_SCTP, "mptcp": 262}


def has(protocol):
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol).close()
    except OSError:
        return False
    return True


# A kernel lists the sockets of each protocol and family in its own way. Which addresses and ports
# count among those that it lists is the same on any kernel.
LISTED = {"all IPv4", "both families", "IPv6 only", "UDP", "UDP of both families", "connected UDP"}


def of_any_kernel(case):
    return case not in LISTED and CASES[case][0].split("/")[0] not in PROTOCOLS


@pytest.mark.parametrize("case", [
    pytest.param(name, marks=[pytest.mark.any_kernel] * of_any_kernel(name)) for name in CASES])
def test_whose_packets_a_host_port_takes_is_said(node, case):
    spec, keys, hit = CASES[case]
    kind = spec.split("/")[0]
    if kind in PROTOCOLS and not has(PROTOCOLS[kind]):
        pytest.skip(f"this kernel has no sockets of {kind.upper()}")
    with sockets(node, spec) as process:
        said, refused = attached(node, mapping(**keys))
        assert not refused
        assert bool(said) == hit, said
        if hit:
            address = spec.split("/")[1].removeprefix("::ffff:")
            assert f"listener (process {process.pid})" in said, said
            assert f" on {address} " in said and "2222" in said, said
            assert all(f'"{word}"' in said for word in ("refuse", "allow"))


def client_range(node):
    path = "/proc/sys/net/ipv4/ip_local_port_range"
    return [int(word) for word in node.run("cat", path).stdout.split()]


@pytest.mark.any_kernel
@pytest.mark.parametrize("address, keys, hit", [
    ("0.0.0.0", {}, False), (NODE4, {}, False), ("0.0.0.0", {"hostIP": NODE4}, False),
    (NODE4, {"hostIP": NODE4}, True)])
def test_UDP_in_the_range_of_clients_counts_where_the_address_is_exact(node, address, keys,
                                                                       hit):
    port = client_range(node)[0] + 10
    with sockets(node, f"udp/{address}/{port}"):
        said, _ = attached(node, ports((port, 80, {"protocol": "udp", **keys})))
    assert bool(said) == hit


def test_a_socket_of_the_kernel_is_told_of_as_one(node):
    """A tunnel's, whose packets a host port would take."""
    node.ip("link add vx0 type vxlan id 7 dstport 4790 local 192.0.2.2 dev uplink0")
    node.ip("link set vx0 up")
    said, _ = attached(node, ports((4790, 80, {"protocol": "udp"}), families="v4"))
    assert "the kernel" in said and "4790" in said


def test_other_namespaces_sockets_do_not_count(node):
    other = node.pod()
    with sockets(other, "tcp/0.0.0.0/2222"):
        assert attached(node, mapping()) == ("", False)
