# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench` comes to its end. It is run by hand, so nobody else would notice if not."""
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
    done = subprocess.run(["tests/bench/run", "--quick", "tunnels"], cwd=plugin.REPOSITORY,
                          text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "| TCP, one byte there and back: µs |" in done.stdout
