# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said on stderr and in the log: harmless on a terminal, a line each, and all that
the answer says."""
import json
import os
import re

import pytest

from harness import plugin
from harness.delegates import Delegate
from harness.node import network

EVIL = "a\x1b]0;title\x07\nbridge-cni: all is well\u009b2J\x7f"
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def lines_of(text):
    """Its lines, if each is harmless and ours."""
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    for line in lines:
        assert not CONTROL.search(line), repr(line)
    return lines


def harmless(done, n=1):
    """So many lines on stderr, each beginning with the program's name."""
    lines = lines_of(done.stderr)
    assert len(lines) == n, lines
    assert all(line.startswith("bridge-cni: ") for line in lines)
    return lines


@pytest.mark.parametrize("changes, env", [
    ({"name": EVIL}, {}), ({"bridge": EVIL}, {}), ({"cniVersion": EVIL}, {}),
    ({"logFile": EVIL}, {}), ({"ipam": {"type": f"{EVIL}/"}}, {}),
    ({"ipam": {"dataDir": EVIL}}, {}), ({"ipam": {"type": EVIL, "ranges": None}}, {}),
    ({}, {"CNI_CONTAINERID": EVIL}), ({}, {"CNI_IFNAME": "\x1b]0;/"}),
    ({}, {"CNI_NETNS": f"/run/netns/{EVIL}"}), ({}, {"CNI_ARGS": f"{EVIL}=1"}),
    ({}, {"CNI_COMMAND": EVIL})],
    ids=lambda value: "-".join(value))
def test_what_is_wrong_is_named_harmlessly(node, changes, env):
    done = node.invoke("ADD", network(**changes), node.pod(), env=env)
    line, = harmless(done)
    assert "\\x1b]0" in line
    assert "\x1b" in json.loads(done.stdout)["msg"]  # JSON has escapes of its own


def test_another_plugins_words_are_said_harmlessly(node):
    delegate = Delegate(node, f"""
        print(json.dumps({{"cniVersion": "1.0.0", "code": 120, "msg": {EVIL!r},
                          "details": {EVIL!r}}}))
        sys.exit(1)""")
    line, = harmless(node.invoke("ADD", delegate.conf(), node.pod(), env=delegate.env))
    assert "\\x1b]0;" in line


def test_arguments_and_files_are_named_harmlessly(node, tmp_path):
    done = node.run(plugin.BRIDGE_CNI, "repair", "--" + EVIL, check=False)
    assert done.returncode == 2
    assert "\\x1b]0;" in done.stderr.split("\n")[0]
    lines_of(done.stderr)
    file = tmp_path / EVIL.replace("/", "")
    for text in (None, "{", json.dumps({"cniVersion": "1.0.0", "name": EVIL,
                                        "type": "bridge-cni"})):
        if text:
            file.write_text(text)
        done = node.run(plugin.BRIDGE_CNI, "repair", file, check=False)
        assert done.returncode == 1
        harmless(done)


def test_what_a_cleanup_did_and_could_not_do_is_told_harmlessly(node, tmp_path):
    """An interface's name can hold all but white space."""
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    file = tmp_path / "net.conf"
    file.write_text(json.dumps({**conf, "bridge": "\x1b[31mbr"}))
    node.ip_batch("""
        link add \x1b[31mbr type bridge
        link add port0 type veth peer name port1
        link set port0 alias "bridge-cni another c eth0"
        link set port0 master \x1b[31mbr
        """)
    done = node.run(plugin.BRIDGE_CNI, "cleanup", file)
    assert any("left the bridge \\x1b[31mbr" in line for line in lines_of(done.stdout))


def test_a_log_line_holds_no_control_characters(node, tmp_path):
    log = tmp_path / "log"
    args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=a;K8S_POD_NAME=x\u009b2J"
    node.add(node.pod(), network(logFile=str(log)), args=args)
    node.add(node.pod(), network(logFile=str(log)),
             env={"CNI_ARGS": args.replace("\u009b", os.fsdecode(b"\xff\x9b"))})
    for text, escaped in zip(log.read_text().splitlines(), (r"\xc2\x9b", r"\xff\x9b")):
        assert f'pod="x{escaped}2J"' in text


def test_the_supported_versions_are_on_stderr_too(node):
    done = node.invoke("ADD", network(cniVersion="1.2.0"), node.pod())
    assert json.loads(done.stdout)["code"] == plugin.VERSION
    line, = harmless(done)
    assert '"1.2.0" is not supported' in line
    assert "0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0" in line
