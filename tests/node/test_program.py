# SPDX-License-Identifier: GPL-2.0-or-later
"""The program in a person's hands, under other names, and its manners as a process."""
import os
import re
import subprocess

import pytest

from harness import plugin
from harness.node import GATEWAY4, network


pytestmark = pytest.mark.must_run


def by_hand(*argv, **kw):
    return subprocess.run([plugin.BRIDGE_CNI, *argv], env={"PATH": os.environ["PATH"]},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, **kw)


def test_without_a_command_it_introduces_itself_on_stderr():
    done = by_hand()
    assert (done.returncode, done.stdout) == (0, "")
    assert "bridge-cni" in done.stderr and len(done.stderr) < 2000


def test_help_says_how_to_call_it():
    done = by_hand("--help")
    assert done.returncode == 0
    assert "CNI" in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["repair", "--help"], ["cleanup", "-h"],
                                       ["cleanup", "--force", "--help"]])
def test_help_is_given_after_a_verb_as_well(arguments):
    """It is about that command."""
    done = by_hand(*arguments)
    assert (done.returncode, done.stdout) == (0, by_hand("--help", arguments[0]).stdout)
    assert done.stdout.startswith(f"usage: bridge-cni {arguments[0]} ")


def test_version_says_which_it_is():
    done = by_hand("--version")
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)


@pytest.mark.parametrize("argument", ["--nonsense", "ADD"])
def test_arguments_it_does_not_know_are_refused(argument):
    done = by_hand(argument)
    assert done.returncode != 0 and argument in done.stderr and done.stdout == ""


@pytest.mark.parametrize("arguments, meant", [
    (["doctr"], "doctor"), (["REPAIR"], "repair"), (["--versoin"], "--version"),
    (["cleanup", "--forced"], "--force"), (["show", "cni0", "--jsn"], "--json"),
    (["links", "loopbak"], "loopback")])
def test_a_misspelled_argument_is_told_with_the_one_that_is_meant(arguments, meant):
    done = by_hand(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    first, *more = done.stderr.splitlines()
    assert f'"{arguments[-1]}": is "{meant}" meant?' in first and len(more) < 2
    assert re.search(r"`bridge-cni (\w+ )?--help`", done.stderr)


@pytest.mark.parametrize("arguments", [["mend"], ["--help", "mend"], ["--version", "mend"],
                                       ["--help", "repair", "repair"]])
def test_an_argument_like_no_other_is_told_with_the_commands(arguments):
    done = by_hand(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert f'"{arguments[-1]}"' in line and "meant" not in line
    for word in ("repair, cleanup, show, validate, doctor, links", "bridge-cni --help"):
        assert word in line


@pytest.mark.parametrize("command", ["repair", "cleanup", "show", "validate", "doctor", "links"])
def test_the_help_tells_all_about_one_command(command):
    done = by_hand("--help", command)
    assert (done.returncode, done.stderr) == (0, "")
    usage, *lines = done.stdout.splitlines()
    assert usage.startswith(f"usage: bridge-cni {command}")
    # What stands in brackets may have brackets: ADDRESS[:PORT].
    words = re.findall(r"\[((?:[^][]|\[[^][]*\])*?)(?:\.\.\.)?\](?= |$)", usage)
    assert words and words == [re.split("  +", line.strip())[0] for line in lines
                               if line.startswith("  ")]
    assert by_hand(command, "--nonsense").stderr.splitlines()[1].startswith(usage)


@pytest.mark.parametrize("name", ["bridge", "anything"])
def test_under_another_name_it_is_the_same_program(node, name):
    path = node.directory / name
    path.symlink_to(plugin.BRIDGE_CNI)
    pod, conf = node.pod(), network(type=name)
    result = node.add(pod, conf, executable=str(path))
    assert pod.ping(GATEWAY4)
    node.check(pod, conf, result, executable=str(path))
    node.delete(pod, conf, result, executable=str(path))
    node.assert_nothing_left(pod)


def test_ADD_runs_no_other_program(node):
    """No daemon, no shell, no helper on the way; but in the bundle one makes new rules."""
    if plugin.BUNDLED:
        node.add(node.pod(), network("dual"))
    pod = node.pod()
    trace = node.directory / "trace"
    done = node.invoke("ADD", network("dual"), pod, env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "execve,execveat"))
    plugin.judge("ADD", done, plugin.NEWEST)
    assert len(re.findall(r"exec", trace.read_text())) == 1


def test_what_is_on_already_is_not_written_again(node):
    """Nor is it read in /proc/sys, where the kernel would look it up among the files of all pods."""
    conf = network("dual")
    node.add(node.pod(), conf)
    trace = node.directory / "trace"
    done = node.invoke("ADD", conf, node.pod(), env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "?open,openat,?openat2"))
    plugin.judge("ADD", done, plugin.NEWEST)
    lines = trace.read_text().splitlines()
    assert not [line for line in lines if "forwarding" in line or "ip_forward" in line]
    assert not [line for line in lines if "libnftables" in line], \
        "an ADD whose shared rules are in place needs no libnftables"


def test_it_needs_no_environment_but_the_CNI_one(node):
    pod = node.pod()
    node.add(pod, network(), env={"PATH": None})
    assert pod.ping(GATEWAY4)
