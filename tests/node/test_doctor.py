# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor`: each finding is made to happen, is told, and is gone once what the finding
says was done. It changes nothing, and prints nothing that a terminal listens to."""
import pytest

from harness.command import command
from harness.doctor import POLICY, findings, mended, one, ours, run
from harness.node import UPLINK
from harness.shown import CONTROL, NOBODY

pytestmark = pytest.mark.must_run


def test_of_a_healthy_node_there_is_nothing_to_say(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    done = run(healthy)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout and all(line.startswith("ok: ") for line in done.stdout.splitlines())
    assert findings(healthy) == []


def test_before_the_first_pod_there_is_nothing_to_say_either(healthy):
    assert findings(healthy) == []


def test_each_finding_is_one_line(healthy):
    healthy.sysctl("ipv4.ip_forward", 1)
    healthy.sysctl(f"ipv4.conf.{UPLINK}.forwarding", 0)
    done = run(healthy)
    [line] = [line for line in done.stdout.splitlines() if not line.startswith("ok: ")]
    assert done.returncode == 2
    assert line.startswith("problem: forwarding: ")
    assert line.endswith(f"; this mends it until the next boot: sysctl -w net/ipv4/conf/{UPLINK}/forwarding=1")


def test_what_lasts_until_the_next_boot_is_said(healthy):
    healthy.nft(POLICY % "forward")
    healthy.ip("link add flannel.1 type bridge")
    assert all(f["untilBoot"] for f in findings(healthy, "firewall"))
    assert not one(healthy, "former-cni", "warning")["untilBoot"]
    lines = run(healthy).stdout.splitlines()
    assert all(("until the next boot" in line) == ("this mends it" in line and "former-cni" not in line)
               for line in lines)


def test_names_of_others_are_no_commands(healthy):
    """What a name has in it is neither run by who types the command, nor heard by a terminal."""
    for name in ("x$(reboot)", "a'b;c", "\x1b[2J"):
        healthy.run("ip", "link", "add", name, "type", "bridge")
        healthy.run("ip", "link", "set", name, "up")
        healthy.run("ip", "addr", "add", "10.1.2.77/25", "dev", name)
        [finding] = findings(healthy, "subnets")
        assert not CONTROL.search(run(healthy).stdout)
        if name.startswith("\x1b"):
            assert "command" not in finding and "\\x1b" in finding["message"]
        else:
            mended(healthy, finding)
        healthy.run("ip", "link", "del", name)


def test_it_changes_nothing(healthy):
    healthy.add(healthy.pod(), ours("dual", **{"spoofCheck": True}))
    healthy.nft(POLICY % "forward")
    before = healthy.state()
    run(healthy)
    assert healthy.state() == before


def test_it_makes_no_file_on_a_fresh_node(healthy):
    before = healthy.state()
    run(healthy)
    assert healthy.state() == before
    assert not (healthy.run_dir / "bridge-cni").exists()


def test_who_is_not_root_is_told_what_could_not_be_seen(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.run("chmod", "a+rx", "/run", "/run/net.d", "/run/bin")
    found = findings(healthy, wrapper=NOBODY)
    assert {f["check"] for f in found} >= {"firewall", "rules"}
    assert all(f["level"] == "warning" and "could not be seen" in f["message"] and
               f["advice"] == "run doctor as root" for f in found), found


def test_without_a_network_it_says_so(node):
    (node.run_dir / "net.d").mkdir()
    found = findings(node, "configuration")
    assert any("no network" in f["message"] for f in found)


def test_wrong_arguments(healthy):
    done = command(healthy, "doctor", "--force")
    assert done.returncode == 2 and "unknown argument" in done.stderr
