# SPDX-License-Identifier: GPL-2.0-or-later
"""Plugins of a reference's name are this program's where a runtime would find it under that name."""
import json
import os
import shutil

import pytest

from harness import plugin
from harness.command import command, refused, repair, written
from harness.node import INTERNET4, UPLINK, network
from harness.ovs import OpenVSwitch, needs_ovs, ovs_network
from test_macvlan import macvlan

pytestmark = pytest.mark.must_run

NAMES = ["bridge", "macvlan", "ipvlan", "ovs"]


def directory(node, name, ours):
    """A plugin directory in which the name is a link to this program, or another program."""
    path = node.directory / ("ours" if ours else "theirs")
    path.mkdir()
    (path / "bridge-cni").symlink_to(os.path.realpath(plugin.BRIDGE_CNI))
    if ours:
        (path / name).symlink_to("bridge-cni")
    else:
        (path / name).symlink_to("/bin/true")
    return path


def conf_of(name, **changes):
    conf = network(type=name, **changes)
    if name in ("macvlan", "ipvlan"):
        conf = macvlan(type=name, master=UPLINK, **changes)
    return {key: value for key, value in conf.items() if value is not None}


def found_by(node, name, *dirs, **changes):
    """The words of validate on a network of that type, where a runtime looks in these directories."""
    done = command(node, "validate", "--json", *written(node, conf_of(name, **changes)),
                   env={"CNI_PATH": ":".join(map(str, dirs))})
    return [item["message"] for item in json.loads(done.stdout)]


@pytest.mark.parametrize("name", NAMES)
def test_a_link_of_that_name_makes_a_plugin_ours(node, name):
    ours = directory(node, name, True)
    said = found_by(node, name, node.directory / "none", ours, mtus=1)
    assert any(text.startswith("mtus") for text in said), said
    assert not any("no plugin of type" in text for text in said), said


def test_without_a_CNI_PATH_the_executables_own_directory_is_looked_in(node):
    executable = shutil.copy(os.path.realpath(plugin.BRIDGE_CNI), node.directory / "bridge-cni")
    files = written(node, conf_of("macvlan", mtus=1))
    for linked in (False, True):
        if linked:
            (node.directory / "macvlan").symlink_to("bridge-cni")
        done = command(node, "validate", *files, executable=str(executable), env={"CNI_PATH": ""})
        assert ("mtus" in done.stdout) == linked, done


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("first", ["theirs", "nothing"])
def test_a_plugin_of_another_program_is_left_alone(node, name, first):
    """The first directory with the name decides, as for a runtime."""
    path = node.directory
    if first == "theirs":
        path = f"{directory(node, name, False)}:{directory(node, name, True)}"
    said = found_by(node, name, path, mtus=1)
    assert any('no plugin of type "bridge-cni"' in text for text in said), said
    assert not any(text.startswith("mtus") for text in said), said
    for verb in ("repair", "cleanup"):
        refused(command(node, verb, *written(node, conf_of(name)), env={"CNI_PATH": str(path)}),
                'no plugin of type "bridge-cni"')


def test_commands_work_on_a_bridge_of_the_references_name(node):
    env = {"CNI_PATH": str(directory(node, "bridge", True))}
    conf, pod = network(type="bridge"), node.pod()
    node.add(pod, conf)
    node.nft("flush ruleset")
    assert repair(node, conf, env=env) != ["nothing to mend"]
    assert pod.ping(INTERNET4)


def test_commands_work_on_a_macvlan_of_the_references_name(node):
    env = {"CNI_PATH": str(directory(node, "macvlan", True))}
    conf, pod = macvlan(master=UPLINK), node.pod()
    files = written(node, conf_of("macvlan"))
    node.add(pod, conf)
    assert repair(node, conf_of("macvlan"), env=env) == ["nothing to mend"]
    done = command(node, "show", "--json", *files, env=env)
    [shown] = json.loads(done.stdout)["networks"]
    assert shown["switch"] == "macvlan" and shown["pods"][0]["state"] == "connected"
    assert files[0] in json.dumps(shown), "it is not the store alone that tells of it"
    done = command(node, "doctor", "--json", *files, env=env)
    said = json.loads(done.stdout)
    assert not [item for item in said if item["level"] != "ok" and "host-local" in item["message"]]
    assert not [item for item in said if "no network of bridge-cni" in item["message"]]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_no_runtime_reads_is_told_for_what_is_ours_alone(node, name):
    (node.directory / "net.d").mkdir()
    path = node.directory / "net.d" / "10-pods.conflst"
    path.write_text(json.dumps(conf_of(name)))
    for ours in (True, False):
        env = {"CNI_PATH": str(directory(node, name, ours))}
        done = command(node, "validate", str(path.parent), env=env)
        assert ("no runtime reads" in done.stdout) == ours, done


class TestOpenVSwitch:
    pytestmark = needs_ovs

    def test_commands_work_on_a_bridge_of_ovs_cnis_name(self, node):
        ovs = OpenVSwitch(node)
        ovs.bridge()
        env = {"CNI_PATH": str(directory(node, "ovs", True))}
        conf, pod = ovs_network(type="ovs"), node.pod()
        del conf["switch"]
        result = node.add(pod, conf)
        ovs.vsctl("del-port", result["interfaces"][0]["name"])
        assert repair(node, conf, env=env) != ["nothing to mend"]
        node.check(pod, conf, result)
