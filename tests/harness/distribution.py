# SPDX-License-Identifier: GPL-2.0-or-later
"""The distribution that the tests run on, and what it is known to lack."""
import platform

import pytest

# Debian 12 has all that the tests need, in the versions they were written for. CI runs all there.
COMPLETE = ("debian", "12")


def is_complete():
    release = platform.freedesktop_os_release()
    return (release.get("ID"), release.get("VERSION_ID")) == COMPLETE


class Lacks(pytest.skip.Exception):
    """A test that can't run here, whoever runs it: not even in CI is it one that must."""


def lacks(reason):
    """Skips a test for something that only another distribution has."""
    raise (pytest.skip.Exception if is_complete() else Lacks)(reason)
