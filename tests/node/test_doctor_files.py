# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of files: configurations, and the programs that they name."""
import json

import pytest

from harness.command import command, conflist
from harness.doctor import findings, mended, one, ours, plugins, told_and_mended, write

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
