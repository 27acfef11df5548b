# SPDX-License-Identifier: GPL-2.0-or-later
"""bridge-cni links: the names of other plugins that the executable is, in a plugin directory."""
import os

import pytest

from harness import plugin
from harness.command import command, lines_of, refused

NAMES = ["bridge", "host-local", "loopback"]


@pytest.fixture
def directory(node):
    path = node.directory / "bin"
    path.mkdir()
    (path / "bridge-cni").symlink_to(os.path.realpath(plugin.BRIDGE_CNI))
    return path


def links(node, directory, *names, **kw):
    return command(node, "links", "--bin-dir", str(directory), *names, **kw)


def test_all_of_them_or_those_that_are_named(node, directory):
    assert lines_of(links(node, directory, "loopback")) == [f"{directory}/loopback: made"]
    assert not (directory / "bridge").exists()
    assert lines_of(links(node, directory)) == [
        f"{directory}/bridge: made", f"{directory}/host-local: made",
        f"{directory}/loopback: there already"]
    assert {name: os.readlink(directory / name) for name in NAMES} == \
        dict.fromkeys(NAMES, "bridge-cni")
    # Each is the plugin of its name.
    pod = node.pod()
    pod.ip("link set lo down")
    node.add(pod, {"cniVersion": "1.0.0", "name": "lo", "type": "loopback"},
             executable=str(directory / "loopback"))
    assert pod.ping("127.0.0.1")


@pytest.mark.parametrize("name", ["macvlan", "ipvlan", "ovs"])
def test_the_name_of_a_switch_is_made_where_it_is_asked_for(node, directory, name):
    """Plugins of these names are beside others, as kubernetes-cni's and that of ovs-cni."""
    assert name not in links(node, directory).stdout
    assert lines_of(links(node, directory, name)) == [f"{directory}/{name}: made"]
    done = links(node, directory, name)
    assert lines_of(done) == [f"{directory}/{name}: there already"]
    done = node.invoke("VERSION", {"cniVersion": "1.0.0"}, executable=str(directory / name))
    assert done.returncode == 0


@pytest.mark.parametrize("what", ["file", "directory", "link", "dangling link"])
def test_what_has_the_name_already_is_left_alone(node, directory, what):
    path = directory / "host-local"
    {"file": path.touch, "directory": path.mkdir,
     "link": lambda: path.symlink_to("/bin/true"),
     "dangling link": lambda: path.symlink_to("nowhere")}[what]()

    def state():
        found = path.lstat()
        return found.st_ino, found.st_mode, found.st_ctime_ns

    before = state()
    done = links(node, directory)
    assert done.returncode == 1 and state() == before
    assert f"{path} is somebody else's" in done.stderr and len(done.stderr.splitlines()) == 1
    assert done.stdout.splitlines() == [f"{directory}/bridge: made", f"{directory}/loopback: made"]


def test_another_way_to_the_executable_is_no_other_file(node, directory):
    (directory / "loopback").symlink_to(directory / "bridge-cni")
    assert lines_of(links(node, directory, "loopback")) == [f"{directory}/loopback: there already"]


def test_a_directory_without_the_executable_is_refused(node, directory):
    (directory / "bridge-cni").unlink()
    refused(links(node, directory, "loopback"), f"{directory}/bridge-cni", "loopback")
    refused(links(node, directory / "none", "loopback"), f"{directory}/none")
    assert list(directory.iterdir()) == []


def test_what_keeps_all_links_from_being_made_is_said_once(node, directory):
    """With what to do, where nobody has made the directory that most runtimes look in."""
    for done in (command(node, "links"), links(node, directory / "none"),
                 links(node, directory / "bridge-cni")):
        [line] = done.stderr.splitlines()
        assert done.returncode == 1 and done.stdout == ""
        for word in ("mkdir -p", "install bridge-cni", "--bin-dir DIR", "/usr/lib/cni"):
            assert word in line
    (directory / "bridge-cni").unlink()
    [line] = links(node, directory).stderr.splitlines()
    for word in (f"{directory}/bridge-cni", "bridge, host-local and loopback",
                 "install bridge-cni there first", "--bin-dir DIR"):
        assert word in line


@pytest.mark.parametrize("arguments", [
    ["portmap"], ["loopback", "bridge-cni"], ["--bin-dir"], ["--bin-dir", "bin"], ["--force"],
    ["loopback", "--bin-dir", "/"], [""]])
def test_other_arguments_are_refused_before_anything_is_made(node, directory, arguments):
    """Without a NAME the first of them would be made."""
    done = command(node, "links", *arguments)
    assert done.returncode == 2 and done.stdout == "" and "links [--bin-dir DIR]" in done.stderr
