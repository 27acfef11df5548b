# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for the thing itself, and for nothing longer than that."""
import fcntl
import time


def wait_for(what, seconds=30.0, step=0.01):
    """The first true value of what(), or a failed assertion with what() last failed with."""
    end = time.monotonic() + seconds
    while True:
        error = None
        try:
            value = what()
            if value:
                return value
        except (AssertionError, OSError, KeyError, ValueError) as caught:
            error = caught
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what.__qualname__}") from error
        time.sleep(step)


def is_locked(path, operation):
    """Would somebody who asks for LOCK_EX or LOCK_SH of this file have to wait?"""
    with open(path) as file:
        try:
            fcntl.flock(file, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
