# SPDX-License-Identifier: GPL-2.0-or-later
"""A command that stands still before one of its system calls for as long as the test wants. A delay would
be over before a busy machine has done what is to happen meanwhile."""
import contextlib
import os
import pathlib
import re
import signal

from . import plugin
from .netns import TIMEOUT
from .waiting import wait_for


class Standing:
    """The command's process stands still before its call number `when` of one of these names, which have a
    comma between them. wrapper and env: for what starts it."""

    def __init__(self, trace, calls, when=1):
        self.trace, self.calls, self.when = pathlib.Path(trace), calls.split(","), when
        # -D: strace is not the process's parent, and the process goes on when strace ends, -I2: by SIGTERM.
        self.wrapper = plugin.strace(trace, calls, "-D", "-I2", "-e",
                                     f"inject={calls}:delay_enter={TIMEOUT}000000:when={when}")
        self.env = plugin.TRACED

    def _process(self):
        """The process's number, once it stands there; strace writes the line of a call as it begins."""
        text = self.trace.read_text()
        begun = re.findall(rf"^(\d+) +(?:{'|'.join(self.calls)})\(", text, re.M)
        return len(begun) >= self.when and not text.endswith("\n") and int(begun[-1])

    @contextlib.contextmanager
    def standing(self):
        """The block runs while it stands still; then it goes on."""
        process = wait_for(self._process)
        try:
            yield
        finally:
            status = pathlib.Path(f"/proc/{process}/status").read_text()
            os.kill(int(re.search(r"^TracerPid:\t(\d+)", status, re.M)[1]), signal.SIGTERM)
