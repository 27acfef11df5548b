# SPDX-License-Identifier: GPL-2.0-or-later
"""hostPortOverListener: what becomes of the pod, where a listener is told of, and which sockets
are the container runtime's own."""
import sys

import pytest

from harness import plugin
from harness.node import LOG, NODE4
from harness.portmap import ask, elements, ports, served
from test_listeners import PROGRAM, TAKEN, attached, mapping, sockets


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
