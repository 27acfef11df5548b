# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench` comes to its end. It is run by hand, so nobody else would notice if not."""
import os
import re
import shutil
import subprocess

import pytest

from harness import plugin

pytestmark = pytest.mark.skipif(not shutil.which("musl-gcc"), reason="no musl-gcc")


def test_what_is_compared_can_be_measured():
    tools = ["build/bench/floor", "build/bench/measure"]
    subprocess.run(["make", "-s", *tools], cwd=plugin.REPOSITORY, check=True)
    done = subprocess.run(["tests/bench/run", "--quick", "cost"], cwd=plugin.REPOSITORY,
                          text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "| ADD: wall, ms |" in done.stdout


def test_the_ways_between_two_nodes_can_be_measured():
    tools = ["build/bench/floor", "build/bench/measure", "build/bench/packets"]
    subprocess.run(["make", "-s", *tools], cwd=plugin.REPOSITORY, check=True)
    done = subprocess.run(["tests/bench/run", "--quick", "tunnels"], cwd=plugin.REPOSITORY, text=True,
                          capture_output=True, env={**os.environ, "ROUNDS": "0"})
    assert done.returncode == 0, done.stderr
    assert "| TCP, one byte there and back: µs |" in done.stdout


def test_what_a_packet_costs_can_be_measured_on_each_way():
    tools = ["build/bench/floor", "build/bench/measure", "build/bench/packets"]
    subprocess.run(["make", "-s", *tools], cwd=plugin.REPOSITORY, check=True)
    done = subprocess.run(["tests/bench/run", "--quick", "packets"], cwd=plugin.REPOSITORY, text=True,
                          capture_output=True, env={**os.environ, "PODS": "3", "ROUNDS": "0"})
    assert done.returncode == 0, done.stderr
    tables = re.split(r"\n(?=\| [^|]*, 3 pods \|)", done.stdout)[1:]
    assert [table[2:].split(",")[0].split(" |")[0] for table in tables] == [
        "pod to pod on a node", "pod to pod of another node", "pod to outside", "outside to a host port"]
    for table in tables:
        rows = [line.split(" | ") for line in table.split("\n\n")[0].splitlines()[2:]]
        titles = [row[0][2:] for row in rows]
        assert {"ours", "quietBridge", "spoofCheck", "podLink routed", "a veth pair", "loopback"} <= set(titles)
        # A pod reaches no other one of its node where ports are isolated.
        assert ("portIsolation" in titles) == ("on a node" not in table)
        for row in rows:
            assert len(row) == 7 and all(float(cell.split()[0]) > 0 for cell in row[1:]), row
            assert "lost" not in " ".join(row), row
