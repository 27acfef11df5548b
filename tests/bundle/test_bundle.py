# SPDX-License-Identifier: GPL-2.0-or-later
"""The bundle as it is put on a node: whole, anywhere, with nothing of the node's own.

That it does what the other build does is for tests/node, which run on it as they are.
"""
import filecmp
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import plugin
from harness.node import GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, network
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run

BUNDLE = pathlib.Path(plugin.BRIDGE_CNI).resolve().parent
SIZE_MAX = 8 << 20
BESIDE = "bridge-cni.lib"


def files(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*")
                  if path.is_file())


class Root:
    """A root directory with /proc, /sys, /run/netns, the store and a copy of the bundle."""

    def __init__(self, node, place):
        self.node, self.place = node, pathlib.PurePath(place)
        self.path = node.directory / "root"
        for name in ("proc", "sys", "run/netns", "var/lib/cni"):
            (self.path / name).mkdir(parents=True)
        shutil.copytree(BUNDLE, self.path / self.place.relative_to("/"))

    def enter(self):
        """Mounts what is there by now; gives what a call of the plugin needs."""
        for name, source in (("proc", "/proc"), ("sys", "/sys"), ("run/netns", "/run/netns"),
                             ("var/lib/cni", "/var/lib/cni")):
            self.node.run("mount", "--rbind", source, self.path / name)
        return {"executable": str(self.place / "bridge-cni"),
                "wrapper": ("chroot", self.path)}


@pytest.mark.parametrize("place", ["/opt/cni/bin", "/a place: with \u00fc,;/$ORIGIN"])
def test_in_a_root_that_holds_nothing_else(node, place):
    (node.var_lib / "cni").mkdir()
    root = Root(node, place)
    first, second = node.pod(), node.pod()
    how = root.enter()
    conf = network("dual", macspoofchk=True, spoofCheck=True, hairpinMode=True)
    plugin.judge("STATUS", node.invoke("STATUS", conf, **how), plugin.NEWEST)
    result = node.add(first, conf, **how)
    rules = node.run("nft", "list", "ruleset").stdout
    assert "masquerade" in rules and "table bridge bridge_cni" in rules
    for address in (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6):
        assert first.ping(address)
    node.check(first, conf, result, **how)
    node.run("nft", "flush", "ruleset")
    with plugin.refusal(plugin.CHECK):
        node.check(first, conf, result, **how)
    node.add(second, conf, **how)
    node.check(first, conf, result, **how)
    assert first.ping(INTERNET4) and second.ping(INTERNET6)
    for pod in (first, second):
        node.delete(pod, conf, **how)
        node.assert_nothing_left(pod, others=pod is first)
    made = [name for name in files(root.path) if not name.startswith(
        ("proc/", "sys/", "var/lib/cni/", place[1:]))]
    assert not [name for name in made if not name.startswith("run/bridge-cni/")]


def test_only_a_change_of_rules_starts_another_program(node):
    conf, traces = network("dual", spoofCheck=True), []
    for number in range(2):
        trace = node.directory / f"trace{number}"
        done = node.invoke("ADD", conf, node.pod(), env={"LD_PRELOAD": "/nowhere.so",
                                                         "LD_LIBRARY_PATH": "/nowhere"},
                           wrapper=plugin.strace(trace, "execve,execveat"))
        assert done.stderr.count("ld.so") <= 1  # strace's own
        traces.append(re.findall(r"exec.* = 0$", trace.read_text(), re.M))
    assert len(traces[1]) == 1
    assert len(traces[0]) > 1
    for line in traces[0][1:]:
        assert f"{BUNDLE}/{BESIDE}/ld.so" in line and "/* 0 vars */" in line


@pytest.mark.parametrize("missing", ["", "ld.so", "bridge-cni-nft", "libnftables.so.1",
                                     "libc.so.6", "libgmp.so.10"])
def test_what_is_missing_is_named_and_nothing_is_left(node, missing):
    (node.var_lib / "cni").mkdir()
    root, pod = Root(node, "/bundle"), node.pod()
    path = root.path / "bundle" / BESIDE / missing
    shutil.rmtree(path) if missing == "" else path.unlink()
    with plugin.refusal(plugin.RULES, missing or f"/bundle/{BESIDE}"):
        node.add(pod, network(), **root.enter())
    node.assert_nothing_left(pod)


def test_a_program_beside_it_that_crashes_is_an_error(node):
    copy = node.directory / "bundle"
    shutil.copytree(BUNDLE, copy)
    shutil.copy("/bin/false", copy / BESIDE / "bridge-cni-nft")
    pod = node.pod()
    with plugin.refusal(plugin.RULES, f"{copy}/{BESIDE}/bridge-cni-nft"):
        node.add(pod, network(), executable=str(copy / "bridge-cni"))
    node.assert_nothing_left(pod)


def test_the_program_beside_it_keeps_the_node_lock(node, tmp_path):
    """Were the executable killed, and the lock free, before that program ends, the next operation would
    read rules that it is just changing."""
    copy = tmp_path / "bundle"
    shutil.copytree(BUNDLE, copy)
    loader, kept = copy / BESIDE / "ld.so", tmp_path / "kept"
    loader.rename(loader.with_suffix(".real"))
    loader.write_text("#!/bin/sh\n"
                      f"readlink /proc/$$/fd/3 >>{kept}\n"
                      f"exec {loader.with_suffix('.real')} \"$@\"\n")
    loader.chmod(0o755)
    node.add(node.pod(), network(isolate=True, spoofCheck=True), executable=copy / "bridge-cni")
    names = kept.read_text().splitlines()
    assert names and {os.path.dirname(name) for name in names} == {"/run/bridge-cni"}


def test_it_is_small_stripped_and_needs_no_library():
    assert sum(path.stat().st_size for path in BUNDLE.rglob("*")
               if path.is_file()) < SIZE_MAX
    for path in (BUNDLE / "bridge-cni", BUNDLE / BESIDE / "bridge-cni-nft"):
        assert ".symtab" not in readelf("-S", path) and ".debug" not in readelf("-S", path)
    assert "INTERP" not in readelf("-l", BUNDLE / "bridge-cni")
    assert "NEEDED" not in readelf("-d", BUNDLE / "bridge-cni")


def readelf(option, path):
    return subprocess.run(["readelf", option, "-W", path], check=True, text=True,
                          capture_output=True).stdout


def test_every_file_s_package_version_and_licence_is_there():
    listed = [line.split() for line in (BUNDLE / "packages").read_text().splitlines()
              if not line.startswith("#")]
    names = {line[0] for line in listed}
    for name in files(BUNDLE / BESIDE):
        assert name in names or name == "bridge-cni-nft"
    licences = files(BUNDLE / "licences")
    text = "".join((BUNDLE / "licences" / name).read_text() for name in licences)
    for named in re.findall(r"/usr/share/common-licenses/([\w.-]*\d)", text):
        assert named in licences
    assert {"libnl3", "cjson", "libnftables1", "bridge-cni"} <= set(licences)


def test_tables_of_pointers_are_read_only_once_it_runs():
    """As the loader makes them in the other build: see plugin/static/relro.c."""
    relro = re.search(r"GNU_RELRO +\S+ (\S+) \S+ \S+ (\S+)",
                      readelf("-l", BUNDLE / "bridge-cni"))
    start, size = int(relro[1], 16), int(relro[2], 16)
    process = subprocess.Popen([BUNDLE / "bridge-cni"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={"CNI_COMMAND": "VERSION"})
    try:
        proc = pathlib.Path(f"/proc/{process.pid}")
        wait_for(lambda: "read" in (proc / "wchan").read_text())
        maps = [line.split(maxsplit=5) for line in (proc / "maps").read_text().splitlines()]
    finally:
        process.kill()
        process.communicate()
    spans = [([int(a, 16) for a in line[0].split("-")], line[1]) for line in maps
             if line[-1] == str(BUNDLE / "bridge-cni")]
    image = min(first for (first, _), _ in spans)
    modes = {mode for (first, end), mode in spans
             if first < image + start + size and end > image + start}
    assert modes == {"r--p"}


def test_the_same_sources_give_the_same_bytes_elsewhere(tmp_path):
    tree = tmp_path / "somewhere else"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], text=True,
                            cwd=plugin.REPOSITORY, check=True, capture_output=True).stdout
    names = listed.strip("\0").split("\0")
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(plugin.REPOSITORY / name, tree / name)
    # The new tree gets the downloaded files, but nothing that was made of them.
    (tree / "build/sources").mkdir(parents=True)
    for path in (plugin.REPOSITORY / "build/sources").glob("*_*"):
        shutil.copy2(path, tree / "build/sources")
    env = {k: v for k, v in os.environ.items() if k != "MAKEFLAGS"}
    done = subprocess.run(["make", f"-j{os.cpu_count()}", "bundle"], cwd=tree, env=env,
                          text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    made = tree / "build/bundle"
    assert files(made) == files(BUNDLE)
    assert filecmp.cmpfiles(made, BUNDLE, files(made), shallow=False)[1:] == ([], [])


def test_what_make_installs_serves_by_its_link_and_is_replaced_under_it(node):
    """With rules to make each time, which takes what is beside the executable."""
    env = {k: v for k, v in os.environ.items() if k != "MAKEFLAGS"}
    program = node.directory / "dest/opt/cni/bin/bridge-cni"
    for _ in range(3):
        subprocess.run(["make", "-o", "bundle", "install-bundle", f"DESTDIR={node.directory}/dest"],
                       cwd=plugin.REPOSITORY, env=env, check=True, capture_output=True)
        pod, conf = node.pod(), network()
        node.add(pod, conf, executable=str(program))
        assert pod.ping(INTERNET4)
        node.delete(pod, conf, executable=str(program))
        node.run("nft", "flush", "ruleset")
    assert len(list(program.parent.glob(".bridge-cni/*"))) == 2
