# SPDX-License-Identifier: GPL-2.0-or-later
"""The executable in gdb, for `make debug`: a call that comes to a function stops there, on the
terminal that make was started on; one that does not come to it runs to its end."""
import os
import subprocess

BREAK = os.environ.get("GDB_BREAK")

# Once the executable has ended, so does gdb, with its exit status.
SCRIPT = """\
set confirm off
set pagination off
set breakpoint pending on
python
gdb.events.exited.connect(lambda event: gdb.post_event(
    lambda: gdb.execute("quit %d" % getattr(event, "exit_code", 1))))
end
echo \\n--- CNI_COMMAND={verb}: {stdin} \\n
break {function}
run <{stdin} >{stdout} 2>{stderr}
"""


def begin(ns, directory, argv, input, env):
    """As netns.Namespace.begin()."""
    paths = {name: directory / f"debug.{name}" for name in ("stdin", "stdout", "stderr")}
    paths["stdin"].write_bytes(input if isinstance(input, bytes) else (input or "").encode())
    script = directory / "debug.gdb"
    script.write_text(SCRIPT.format(function=BREAK, verb=env["CNI_COMMAND"], **paths))
    terminal = {key: os.environ[key] for key in ("TERM", "HOME") if key in os.environ}
    process = ns.popen(["gdb", "-q", "-x", script, "--args", *argv], stdin=None,
                       env={**terminal, **env})

    def finish():
        process.wait()
        return subprocess.CompletedProcess(
            argv, process.returncode, paths["stdout"].read_text(errors="replace"),
            paths["stderr"].read_text(errors="replace"))

    return finish
