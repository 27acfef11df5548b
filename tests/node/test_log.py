# SPDX-License-Identifier: GPL-2.0-or-later
"""One line an operation, where the configuration wants it; it never fails one."""
import json
import os
import re
import shlex
import socket

import pytest

from harness import plugin
from harness.node import LOG, network

KUBERNETES = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-7d"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def log(node):
    return node.run_dir / "log"


def lines(log):
    """The log's lines as dictionaries."""
    return [dict(word.split("=", 1) for word in shlex.split(line))
            for line in log.read_text().splitlines()]


def test_a_line_tells_what_an_ADD_did(node, log):
    pod, conf = node.pod(), network("dual", logFile=LOG)
    result = node.add(pod, conf, args=KUBERNETES,
                      env={"TRACEPARENT": f"00-{TRACE}-00f067aa0ba902b7-01"})
    [line] = lines(log)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (line["verb"], line["outcome"]) == ("ADD", "ok")
    assert (line["network"], line["interface"]) == (conf["name"], "eth0")
    assert (line["podNamespace"], line["pod"]) == ("shop", "cart-7d")
    assert line["container"] == pod.id
    assert line["ips"].split(",") == [ip["address"] for ip in result["ips"]]
    assert line["trace"] == TRACE
    stages = dict(part.split(":") for part in line["stages"].split(","))
    assert {"ipam", "bridge", "veth", "addresses", "masquerade"} <= stages.keys()
    assert 0 < sum(map(float, stages.values())) <= float(line["ms"])


def test_every_operation_appends_a_line(node, log):
    pod, conf = node.pod(), network(logFile=LOG)
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    node.delete(pod, conf)
    assert [line["verb"] for line in lines(log)] == ["ADD", "CHECK", "DEL"]


def test_an_error_is_in_the_line_and_on_stderr(node, log):
    conf = network(logFile=LOG)
    node.run("ip", "link", "add", conf["bridge"], "type", "veth", "peer", "name", "x0")
    with pytest.raises(plugin.CniError) as error:
        node.add(node.pod(), conf)
    [line] = lines(log)
    assert (line["outcome"], line["code"]) == ("error", str(error.value.code))
    assert line["msg"] == error.value.msg
    assert error.value.msg in error.value.stderr


def test_what_is_said_on_stderr_of_a_success_is_in_the_line(node, log):
    conf = network(logFile=LOG)
    gone = node.pod()
    node.add(gone, conf)
    node.ip(f"link del {node.host_veths()[0]}")
    gone.remove()
    pod = node.pod()
    pod.id = gone.id
    done = node.invoke("ADD", conf, pod)
    assert done.returncode == 0 and done.stderr.startswith("bridge-cni: ")
    assert lines(log)[-1]["notice"] == done.stderr.strip().removeprefix("bridge-cni: ")


def test_nothing_is_logged_by_default(node, tmp_path):
    before = set(os.listdir(tmp_path))
    node.add(node.pod(), network())
    assert set(os.listdir(tmp_path)) == before


def test_what_a_line_holds_cannot_end_it(node, log):
    node.add(node.pod(), network(logFile=LOG),
             args='IgnoreUnknown=1;K8S_POD_NAMESPACE=a;K8S_POD_NAME=x"y\nverb=DEL')
    [text] = log.read_text().splitlines()
    assert r'pod="x\"y\x0averb=DEL"' in text


@pytest.mark.parametrize("file", ["/run", "/run/nowhere/at/all", "/run/full/full", "/run/fifo",
                                  "/run/link", "/run/directory/file", "/run/hard"])
def test_a_log_that_cannot_be_written_fails_nothing(node, tmp_path, file):
    """Below /run, where others than root may have directories, no link is followed."""
    target = node.run_dir / "target"
    target.mkdir()
    (target / "file").write_text("somebody else's")
    os.mkfifo(node.run_dir / "fifo")
    (node.run_dir / "link").symlink_to("target/file")
    (node.run_dir / "directory").symlink_to("target")
    os.link(target / "file", node.run_dir / "hard")
    (node.run_dir / "full").mkdir()
    node.run("mount", "--bind", "/dev", "/run/full")
    pod = node.pod()
    for verb in ("ADD", "DEL"):
        done = node.invoke(verb, network(logFile=file), pod)
        assert done.returncode == 0
        assert done.stderr.startswith(f"bridge-cni: logFile: {file} was not written to")
        assert done.stderr.count("\n") == 1
    assert (target / "file").read_text() == "somebody else's"
    assert os.listdir(target) == ["file"]


@pytest.mark.parametrize("file", ["/var/lib/x", "/log-x", "/var/logs/x", "/var/log", "/runx",
                                  "/run/../var/lib/x", "/run//x", "/var/log/./x", "/run/."])
def test_a_log_outside_of_var_log_and_run_is_not_written(node, file):
    """Whoever writes a configuration doesn't get a file of root's anywhere on the node."""
    pod = node.pod()
    before = {path: path.stat().st_size for path in node.var_lib.rglob("*")}
    done = None
    for verb in ("ADD", "CHECK", "DEL"):
        conf = network(logFile=file)
        if verb == "CHECK":
            conf["prevResult"] = json.loads(done.stdout)
        done = node.invoke(verb, conf, pod)
        assert done.returncode == 0
        assert done.stderr.startswith(f"bridge-cni: logFile: {file} was not written to")
        assert file == "/var/log" or "it is not below /var/log or /run" in done.stderr
        assert done.stderr.count("\n") == 1
    assert "x" not in {path.name for path in node.var_lib.rglob("*")} - before.keys()
    assert not os.path.exists("/log-x") and not os.path.exists("/runx")


def test_a_log_may_be_in_a_directory(node):
    (node.run_dir / "logs/cni").mkdir(parents=True)
    node.add(node.pod(), network(logFile="/run/logs/cni/log"))
    assert "verb=ADD" in (node.run_dir / "logs/cni/log").read_text()


def test_a_refused_ADD_does_not_write_there_either(node):
    with plugin.refusal(plugin.CONFIG, "mtu"):
        node.add(node.pod(), network(logFile="/var/lib/x", mtu="big"))
    assert not (node.var_lib / "x").exists()


def test_a_wrong_key_is_refused_by_ADD_and_ignored_by_DEL(node):
    for change in ({"logFile": "relative"}, {"logFile": 5}, {"log": "stdout"}):
        pod, conf = node.pod(), network(**change)
        with plugin.refusal(plugin.CONFIG, *change):
            node.add(pod, conf)
        node.delete(pod, conf)


def test_syslog_gets_the_line(node, tmp_path):
    """/dev/log is a socket of the test's own, bound in the node's mount namespace."""
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(str(tmp_path / "log"))
    journal.settimeout(5)
    directory = tmp_path / "dev"
    directory.mkdir()
    done = node.run("sh", "-ec", f"""
        mount -t tmpfs tmpfs /dev; ln -s {tmp_path}/log /dev/log
        logger --version >/dev/null 2>&1 || true""", check=False)
    if done.returncode:
        pytest.skip("the node's /dev can't be replaced")
    node.add(node.pod(), network(log="syslog"))
    text = journal.recv(8192).decode()
    assert "bridge-cni" in text and "verb=ADD" in text and "outcome=ok" in text
