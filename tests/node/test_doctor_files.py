# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of files: configurations, and the programs that they name."""
import json
import pathlib
import shutil

import pytest

from harness import plugin
from harness.command import command, conflist
from harness.doctor import findings, mended, one, ours, plugins, run, told_and_mended, write

pytestmark = pytest.mark.must_run


def test_two_networks_of_one_name(healthy):
    write(healthy, ours("dual"), "20-again.conflist")
    one(healthy, "duplicates", "problem", "10-ours.conflist", "20-again.conflist")
    write(healthy, ours("v4", name="other", bridge="cni1",
                           ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}), "20-again.conflist")
    assert findings(healthy, "duplicates") == []


def test_two_networks_of_one_subnet(healthy):
    write(healthy, ours("v4", name="other", bridge="cni1",
                           ipam={"ranges": [[{"subnet": "10.1.0.0/16"}]]}), "20-other.conflist")
    one(healthy, "duplicates", "problem", "10.1.0.0/16")


def test_two_networks_that_divide_a_subnet(healthy):
    """None gives out an address of the other's, but the node's route leads to one bridge."""
    ranges = [[{"subnet": "10.9.0.0/24", "rangeStart": "10.9.0.10", "rangeEnd": "10.9.0.99"}]]
    write(healthy, ours("v4", ipam={"ranges": ranges}))
    ranges[0][0].update(rangeStart="10.9.0.100", rangeEnd="10.9.0.200")
    write(healthy, ours("v4", name="other", bridge="cni1", ipam={"ranges": ranges}), "20-other.conflist")
    one(healthy, "duplicates", "warning", "10.9.0.0/24", "two bridges")
    write(healthy, ours("v4", name="other", ipam={"ranges": ranges}), "20-other.conflist")
    one(healthy, "duplicates", "warning", "share the bridge cni0")
    ranges[0][0].update(rangeStart="10.9.0.98")
    write(healthy, ours("v4", name="other", bridge="cni1", ipam={"ranges": ranges}), "20-other.conflist")
    one(healthy, "duplicates", "problem", "10.9.0.98 to 10.9.0.99")


def test_two_networks_of_one_bridge(healthy):
    write(healthy, ours("v4", name="other", ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}),
          "20-other.conflist")
    one(healthy, "duplicates", "warning", "cni0")


def test_a_file_that_comes_before_ours(healthy):
    write(healthy, {"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "bridge"}]},
          "05-x; reboot.conflist")
    told_and_mended(healthy, "order", "problem", "05-x; reboot.conflist")
    write(healthy, {"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "bridge"}]}, "99-x.conflist")
    assert findings(healthy, "order") == []


@pytest.mark.parametrize("conf", [{"type": "multus"}, {"plugins": [{"type": "multus-shim"}]}])
def test_multus_comes_before_ours_and_hands_on(healthy, conf):
    """It gives pods the network of the next file, which has to be ours."""
    write(healthy, json.dumps({"cniVersion": "1.0.0", "name": "multus-cni-network", **conf}), "00-multus.conf")
    assert findings(healthy, "order") == []
    write(healthy, {"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "bridge"}]}, "05-x.conflist")
    told_and_mended(healthy, "order", "problem", "05-x.conflist comes before", "10-ours.conflist")


def test_plugins_are_looked_for_beside_the_executable(healthy):
    """Where CNI_PATH isn't set: Debian's directory of plugins is another than /opt/cni/bin."""
    lib = healthy.run_dir / "lib"
    lib.mkdir()
    executable = lib / "bridge-cni"
    shutil.copy2(plugin.BRIDGE_CNI, executable)
    if plugin.BUNDLED:
        shutil.copytree(pathlib.Path(plugin.BRIDGE_CNI).resolve().with_name("bridge-cni.lib"), lib / "bridge-cni.lib")

    def programs():
        done = command(healthy, "doctor", "--json", "/run/net.d", wrapper=("env", "-u", "CNI_PATH"),
                       executable="/run/lib/bridge-cni")
        return [f for f in json.loads(done.stdout) if f["check"] == "programs" and f["level"] != "ok"]

    [finding] = programs()
    assert "no plugin loopback is in /run/lib:/opt/cni/bin" in finding["message"]
    assert finding["command"] == "/run/lib/bridge-cni links --bin-dir /run/lib loopback"
    healthy.run("sh", "-c", finding["command"])
    assert programs() == []


@pytest.mark.parametrize("directory", ["libpod", "crio"])
def test_a_runtime_that_calls_no_loopback_needs_none(healthy, directory):
    (healthy.run_dir / "bin/loopback").unlink()
    one(healthy, "programs", "problem", "loopback", "containerd")
    (healthy.run_dir / directory).mkdir()
    assert findings(healthy, "programs") == []
    (healthy.run_dir / "containerd").mkdir()
    one(healthy, "programs", "problem", "loopback", "containerd")


def test_a_program_gets_all_findings_and_a_person_the_first(healthy):
    for number in range(12):
        write(healthy, ours("dual"), f"2{number:02}-again.conflist")
    found = findings(healthy, "duplicates")
    assert len(found) == 13 * 12 / 2
    lines = [line for line in run(healthy).stdout.splitlines() if "duplicates" in line]
    assert len(lines) == 51 and "28 more of duplicates" in lines[-1] and "--json" in lines[-1]


def test_loopback_is_missing(healthy):
    (healthy.run_dir / "bin/loopback").unlink()
    finding = one(healthy, "programs", "problem", "loopback")
    assert finding["command"].endswith("links --bin-dir /run/bin loopback")
    mended(healthy, finding)


@pytest.mark.parametrize("made", ["rm loopback", "ln -sf nowhere loopback"])
def test_a_link_needs_bridge_cni_beside_it(healthy, made):
    """The command that makes links would refuse."""
    healthy.run("sh", "-c", f"cd /run/bin && rm bridge-cni && {made}")
    [finding] = [f for f in findings(healthy, "programs") if "loopback" in f["message"]]
    assert finding["advice"].startswith("install bridge-cni in /run/bin first")
    assert "links --bin-dir /run/bin loopback" in finding["advice"] and "command" not in finding


def test_a_link_is_made_where_bridge_cni_is(healthy):
    (healthy.run_dir / "bin/loopback").unlink()
    env = {"CNI_PATH": "/run/empty:/run/bin"}
    [finding] = [f for f in json.loads(command(healthy, "doctor", "--json", "/run/net.d",
                                               env=env).stdout) if f["check"] == "programs"]
    assert finding["command"].endswith("links --bin-dir /run/bin loopback")


@pytest.mark.parametrize("name", ["loopback", "tuning"])
@pytest.mark.parametrize("made, words", [
    ("rm NAME; ln -s nowhere NAME", "isn't there"), ("chmod a-x NAME", "not executable"),
    ("rm NAME; mkdir NAME", "no file")])
def test_a_plugin_that_cannot_be_run(healthy, name, made, words):
    write(healthy, conflist(ours("dual"), {"type": "tuning"}))
    plugins(healthy, "tuning")
    healthy.run("sh", "-c", made.replace("NAME", f"/run/bin/{name}"))
    finding = one(healthy, "programs", "problem", f"/run/bin/{name}", words)
    if name == "loopback" or "chmod" in made:
        mended(healthy, finding)
    else:
        assert "install it" in finding["advice"]


def test_a_plugin_of_the_list_is_missing(healthy):
    write(healthy, conflist(ours("dual"), {"type": "tuning"}))
    one(healthy, "programs", "problem", "tuning")
    plugins(healthy, "tuning")
    assert findings(healthy, "programs") == []


def test_a_wrong_configuration(healthy):
    write(healthy, ours("dual", isGatway=True))
    one(healthy, "configuration", "warning", "isGatway")
    write(healthy, "{")
    assert {f["level"] for f in findings(healthy, "configuration")} == {"problem", "warning"}
