# SPDX-License-Identifier: GPL-2.0-or-later
"""Files whose names no runtime reads, and what a terminal shows of right ones."""
import json
import os
import pty
import subprocess

import pytest

from harness import plugin
from harness.doctor import one, ours, run, write

pytestmark = pytest.mark.must_run

LIST = {"cniVersion": "1.0.0", "name": "pods", "plugins": [
    {"type": "bridge-cni", "capabilities": {"portMappings": True},
     "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}}]}
ONE = {"cniVersion": "1.0.0", "name": "pods", **LIST["plugins"][0]}
UNREAD = "warning: no runtime reads a file of this name; let it end in "


def validate(directory, *files):
    done = subprocess.run([plugin.BRIDGE_CNI, "validate", *files], cwd=directory, text=True,
                          capture_output=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("conf, ending", [(LIST, ".conflist"), (ONE, ".conf")])
@pytest.mark.parametrize("name", ["10-x.yaml", "10-x.config", "10-x.conflists", "10-x.CONF"])
def test_a_configuration_whose_name_no_runtime_reads_is_told(tmp_path, name, conf, ending):
    (tmp_path / name).write_text(json.dumps(conf))
    assert validate(tmp_path, name) == (1, [f"{name}: {UNREAD}{ending}"])
    status, lines = validate(tmp_path, ".")
    assert status == 1 and lines[0] == f"./{name}: {UNREAD}{ending}"
    assert len(lines) == 2 and 'no plugin of type "bridge-cni"' in lines[1]


def test_it_is_found_beside_others(tmp_path):
    for name in ("10-x.conflist", "20-x", "30-x.yml"):
        (tmp_path / name).write_text(json.dumps(LIST))
    assert validate(tmp_path, ".") == (1, [f"./{name}: {UNREAD}.conflist"
                                           for name in ("20-x", "30-x.yml")])


@pytest.mark.parametrize("name", ["10-x.conflist.bak", "10-x.conf~", "10-x.json.off",
                                  "10-x.conflist_of_old", ".10-x.yaml"])
def test_a_file_that_was_set_aside_is_not_told(tmp_path, name):
    (tmp_path / name).write_text(json.dumps(LIST))
    (tmp_path / "20-x.conflist").write_text(json.dumps(LIST))
    assert validate(tmp_path, ".") == (0, [])
    assert validate(tmp_path, name) == (0, [])


@pytest.mark.parametrize("text", ["apiVersion: v1\n", "{", '{"type": "tuning", "name": "x"}', ""])
def test_a_file_of_other_programs_is_not_told(tmp_path, text):
    (tmp_path / "kubeconfig").write_text(text)
    (tmp_path / "x.yaml").write_text(text)
    (tmp_path / "dir.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "20-x.conflist").write_text(json.dumps(LIST))
    assert validate(tmp_path, ".") == (0, [])


def test_the_doctor_tells_of_it_as_well(healthy):
    write(healthy, ours("dual"), "10-ours.yaml")
    assert "10-ours.yaml: no runtime reads" in one(healthy, "configuration", "warning")["message"]


@pytest.mark.parametrize("name, text, words", [
    ("bad.conflist", "{,", "invalid JSON at line 1"),
    ("bad.conf", json.dumps({**ONE, "mtu": "x"}), 'mtu: "x" is a string'),
    ("bad.conflist", json.dumps({**LIST, "plugins": [{"type": "bridge-cni", "mtu": "x"}]}),
     'mtu: "x" is a string')])
def test_the_doctor_tells_once_what_is_wrong_in_a_file(healthy, name, text, words):
    write(healthy, text, name)
    finding = one(healthy, "configuration", "problem", words)
    assert name in finding["message"]
    assert run(healthy).stdout.count(words) == 1


def on_a_terminal(directory, *arguments):
    leader, follower = pty.openpty()
    try:
        done = subprocess.run([plugin.BRIDGE_CNI, "validate", *arguments], cwd=directory,
                              stdout=follower)
        os.close(follower)
        text = b""
        while True:
            try:
                text += os.read(leader, 4096)
            except OSError:  # the other end is closed
                return done.returncode, text.decode().splitlines()
    finally:
        os.close(leader)


def test_a_terminal_shows_which_files_are_right(tmp_path):
    (tmp_path / "10-x.conflist").write_text(json.dumps(LIST))
    (tmp_path / "20-x.conf").write_text(json.dumps({**ONE, "mtu": 0}))
    (tmp_path / "30-other.conf").write_text(json.dumps({**ONE, "type": "tuning"}))
    status, lines = on_a_terminal(tmp_path, "10-x.conflist", ".")
    assert status == 1 and lines[:2] == [f"{name}: ok: network pods: nothing to mend"
                                         for name in ("10-x.conflist", "./10-x.conflist")]
    assert len(lines) == 3 and "20-x.conf: bridge-cni: warning: mtu" in lines[2]
    assert on_a_terminal(tmp_path, "--json", "10-x.conflist") == (0, ["[]"])
    assert validate(tmp_path, "10-x.conflist") == (0, [])
