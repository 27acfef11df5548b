# SPDX-License-Identifier: GPL-2.0-or-later
"""How long an agent takes to answer, on a machine that may be busy. A process of its own asks again and
again. It leaves out the time in which it or the agent could have run and had no processor: that is the
machine's.

    python3 -m harness.asking PID SECONDS PATH...

prints a line for each request: the path, the answer's status (0: none came), and the seconds.
"""
import http.client
import os
import pathlib
import sys
import time
from typing import NamedTuple

from .agent_pages import PATIENCE, PORT
from .waiting import SLOWNESS, kept_waiting

PAUSE = 0.1  # seconds
TESTS = pathlib.Path(__file__).resolve().parents[1]


class Answer(NamedTuple):
    path: str
    status: int
    seconds: float


def answers(node, seconds, *paths):
    """What comes in so many seconds, at least one Answer of each page."""
    done = node.run(sys.executable, "-B", "-m", "harness.asking", str(node.agent_pid()), str(seconds), *paths,
                    env={**os.environ, "PYTHONPATH": str(TESTS)})
    lines = map(str.split, done.stdout.splitlines())
    return [Answer(path, int(status), float(took)) for path, status, took in lines]


def slowest(node, seconds, *paths):
    """The seconds of the slowest answer. Each page is there."""
    found = answers(node, seconds, *paths)
    assert {answer.status for answer in found} == {200}, found
    return max(answer.seconds for answer in found)


def _ask(path):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE * SLOWNESS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _main(pid, seconds, *paths):
    end = time.monotonic() + float(seconds)
    while True:
        for path in paths:
            began, waited = time.monotonic(), kept_waiting(pid) + kept_waiting("self")
            status = _ask(path)
            took, waits = time.monotonic() - began, kept_waiting(pid) + kept_waiting("self") - waited
            print(path, status, f"{took - waits:.3f}", flush=True)
        if time.monotonic() >= end:
            break
        time.sleep(PAUSE)


if __name__ == "__main__":
    _main(*sys.argv[1:])
