# SPDX-License-Identifier: GPL-2.0-or-later
"""hostPortOverListener: a host port that a process of the node waits on."""
import contextlib
import socket
import subprocess
import sys

import pytest

from harness import plugin
from harness.portmap import ask, elements, ports, served
from harness.node import LOG, NODE4, NODE6

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


@pytest.mark.parametrize("case", CASES)
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


def test_the_log_has_it(node):
    log = node.run_dir / "log"
    with sockets(node, "tcp/0.0.0.0/2222"):
        attached(node, mapping(logFile=LOG))
    assert "notice=" in log.read_text() and "2222" in log.read_text()


def test_the_pod_has_the_port_after_a_warning(node):
    pod = node.pod()
    with sockets(node, "tcp/0.0.0.0/2222"), served(pod, 80):
        assert attached(node, mapping(families="v4"), pod)[0]
        assert ask(node.outside, NODE4, TAKEN)[0] == "pod"


def test_refuse_refuses_and_leaves_nothing(node):
    pod, conf = node.pod(), mapping(hostPortOverListener="refuse")
    with sockets(node, "tcp/127.0.0.1/2222") as process:
        said, refused = attached(node, conf, pod)
    assert refused
    for words in ("runtimeConfig.portMappings[0].hostPort", "tcp port 2222",
                  f"listener (process {process.pid})", "127.0.0.1"):
        assert words in said
    node.assert_nothing_left(pod)
    assert elements(node) == {}
    assert attached(node, conf, pod) == ("", False)


def test_allow_asks_nothing(node):
    trace = node.directory / "trace"
    with sockets(node, "tcp/0.0.0.0/2222"):
        done = node.invoke("ADD", mapping(hostPortOverListener="allow"), node.pod(),
                           env=plugin.TRACED, wrapper=plugin.strace(trace, "network"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "SOCK_DIAG" not in trace.read_text()


def test_without_host_ports_nothing_is_asked(node):
    trace = node.directory / "trace"
    done = node.invoke("ADD", ports(), node.pod(), env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "network"))
    assert done.returncode == 0 and "SOCK_DIAG" not in trace.read_text()


def test_an_unknown_word_is_refused(node):
    with plugin.refusal(plugin.CONFIG, "hostPortOverListener", '"yes"', '"refuse"'):
        node.add(node.pod(), mapping(hostPortOverListener="yes"))


def client_range(node):
    path = "/proc/sys/net/ipv4/ip_local_port_range"
    return [int(word) for word in node.run("cat", path).stdout.split()]


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


# -- the runtime's own


def run_below(node, conf, pod, specs, name, *between):
    """The plugin as a descendant of a process that has bound the ports before."""
    return node.invoke("ADD", conf, pod, wrapper=(
        sys.executable, "-c", PROGRAM, ",".join(specs), f"name={name}", *between))


def test_what_an_ancestor_has_bound_is_its_reservation(node):
    """podman binds a container's ports before it makes its network, by now."""
    pod, conf = node.pod(), mapping(hostPortOverListener="refuse")
    specs = ["tcp/0.0.0.0/2222", "tcp/::/2222/v6only", "mptcp/127.0.0.1/2223"]
    conf["runtimeConfig"]["portMappings"].append({"hostPort": 2223, "containerPort": 80})
    done = run_below(node, conf, pod, specs, "podman")
    assert (done.returncode, done.stderr) == (0, ""), done


def test_so_is_what_an_ancestor_further_up_has_bound(node):
    pod, conf = node.pod(), mapping(hostPortOverListener="refuse")
    done = run_below(node, conf, pod, ["tcp/0.0.0.0/2222"], "podman", "sh", "-c", '"$0"; exit $?')
    assert (done.returncode, done.stderr) == (0, ""), done


def test_but_not_the_sshd_that_somebody_has_come_by(node):
    """sshd is an ancestor of all that a login runs, but the login has a session of its own."""
    pod, conf = node.pod(), mapping(hostPortOverListener="refuse")
    done = run_below(node, conf, pod, ["tcp/0.0.0.0/2222"], "sshd", "setsid", "--wait")
    assert done.returncode == 1 and "sshd (process" in done.stdout, done


def test_what_conmon_holds_is_the_runtimes_reservation(node):
    """podman 4 hands it the ports, and it has them while the container runs."""
    conf = mapping(hostPortOverListener="refuse")
    with sockets(node, "tcp/0.0.0.0/2222", name="conmon"):
        assert attached(node, conf) == ("", False)


# -- many


@pytest.mark.parametrize("number", [33, 600, 3000])
def test_one_among_many_ports_is_found(node, number):
    """More ranges than the kernel is given to filter by; and a single one."""
    step = 1 if number == 600 else 2
    conf = ports(*((10000 + step * i, 80) for i in range(number)), families="v4")
    for i in (0, number // 2, number - 1):
        with sockets(node, f"tcp/0.0.0.0/{10000 + step * i}"):
            said, _ = attached(node, {**conf, "hostPortOverListener": "refuse"})
        assert f"portMappings[{i}].hostPort" in said, said
    with sockets(node, f"tcp/0.0.0.0/{10001 if step == 2 else 9999}"):
        assert attached(node, conf) == ("", False)


def test_many_sockets_are_not_a_line_each(node):
    conf = ports(*((10000 + i, 80) for i in range(20)), families="v4")
    with sockets(node, *(f"tcp/0.0.0.0/{10000 + i}" for i in range(20))):
        said, _ = attached(node, conf)
    assert len(said.splitlines()) == 9 and "12 more" in said


# -- later


def test_CHECK_and_repair_tell_of_what_listens_later(node):
    pod, conf = node.pod(), mapping(hostPortOverListener="refuse")
    result = node.add(pod, conf)
    path = node.directory / "net.conf"
    path.write_text(plugin.stdin_of({k: v for k, v in conf.items() if k != "runtimeConfig"}))
    with sockets(node, "tcp/0.0.0.0/2222"):
        done = node.invoke("CHECK", {**conf, "prevResult": result}, pod)
        assert done.returncode == 0 and "listener (process" in done.stderr, done
        done = node.run(plugin.BRIDGE_CNI, "repair", str(path))
        assert done.returncode == 0 and "listener (process" in done.stderr, done
    node.check(pod, conf, result)


@pytest.mark.parametrize("policy", ["warn", "refuse"])
def test_a_kernel_that_lists_no_sockets_keeps_no_pod_from_starting(node, policy):
    """As one without CONFIG_INET_DIAG answers."""
    trace = node.directory / "trace"
    inject = "inject=socket:error=EPROTONOSUPPORT:when="
    node.add(node.pod(), mapping(hostPortOverListener=policy))  # the rules are there
    node.add(node.pod(), ports((2224, 80), hostPortOverListener=policy), env=plugin.TRACED,
             wrapper=plugin.strace(trace, "socket"))
    calls = [line for line in trace.read_text().splitlines() if "socket(" in line]
    [number] = [n for n, line in enumerate(calls, 1) if "SOCK_DIAG" in line]
    if plugin.BUNDLED:  # musl's socket() tries once more, without SOCK_CLOEXEC
        number = f"{number}..{number + 1}"
    done = node.invoke("ADD", ports((2223, 80), hostPortOverListener=policy), node.pod(),
                       env=plugin.TRACED, wrapper=("strace", "-f", "-o", str(trace), "-e",
                                                   "trace=socket", "-e", f"{inject}{number}"))
    assert done.returncode == 0, done
    assert ("can't be told" in done.stderr) == (policy == "refuse"), done
