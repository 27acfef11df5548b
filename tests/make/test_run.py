# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/run: what it counts as failed, and what it lets pass."""
import os
import platform
import subprocess

import pytest

from harness import distribution, plugin

BUILD = os.environ.get("BUILD_DIR", "build/release")


def run(*argv):
    return subprocess.run(["tests/run", "--suites", BUILD, *argv], cwd=plugin.REPOSITORY,
                          text=True, capture_output=True)


def closing(done):
    return done.returncode, done.stdout.splitlines()[-1]


FILES = ["tests/node/test_program.py", "tests/node/test_paths.py"]


def test_options_that_match_in_one_file_do_not_fail_the_others():
    done = run(*FILES, "-k", "without_a_command or no_such_test")
    assert closing(done)[0] == 0 and " 0 failed" in closing(done)[1], done.stdout
    assert FILES[1] not in done.stdout


def test_that_no_test_matches_is_a_failure():
    done = run(*FILES, "-k", "no_such_test")
    assert closing(done) == (1, "0 passed, 1 failed")
    assert "no_such_test" in done.stdout


@pytest.mark.parametrize("release, counts", [
    ({"ID": "debian", "VERSION_ID": "12"}, True), ({"ID": "debian", "VERSION_ID": "13"}, False),
    ({"ID": "ubuntu", "VERSION_ID": "24.04"}, False), ({"ID": "arch"}, False)])
def test_what_a_distribution_lacks_is_a_failure_in_CI_on_the_complete_one_alone(
        monkeypatch, release, counts):
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    with pytest.raises(pytest.skip.Exception) as skip:
        distribution.lacks("podman 5 has no CNI backend")
    assert isinstance(skip.value, distribution.Lacks) != counts
