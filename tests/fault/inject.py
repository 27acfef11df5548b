# SPDX-License-Identifier: GPL-2.0-or-later
"""One fault at one system call of the executable, by strace.

A run without faults is recorded; every call from main() on, by its name and its number
among the calls of that name, is a place for faults. What a delegated IPAM does is its own
affair. The child that libnftables works in is one of ours: strace counts a name's calls in
each process, so those are taken that only the child makes (its talk with the kernel).
"""
import os
import re
import signal
from typing import NamedTuple

from harness import plugin

# main()'s first call: before it the dynamic loader works, which no code of ours can help.
MAIN = re.compile(r"fcntl\(0, F_GETFD\)")

# The errors that a call can give, by its manual page. EPERM stands for seccomp
# filters and security modules, which may refuse any call.
ERRORS = {
    "open": "ENOMEM ENFILE EIO EINTR EPERM",
    "openat": "ENOMEM ENFILE EIO EINTR EPERM",
    "read": "EIO EINTR EPERM",
    "pread64": "EIO EINTR EPERM",
    "writev": "EIO ENOSPC EINTR EPERM",
    "readv": "EIO EINTR EPERM",
    "write": "EIO ENOSPC EINTR EPERM",
    "pwrite64": "EIO ENOSPC EINTR EPERM",
    "ftruncate": "EIO EINTR EPERM",
    "newfstatat": "EIO ENOMEM EPERM",
    "fstat": "EIO ENOMEM EPERM",
    "stat": "EIO ENOMEM EPERM",
    "lstat": "EIO ENOMEM EPERM",
    "fstatfs": "EIO ENOMEM EPERM",
    "getdents64": "EIO ENOMEM EPERM",
    "lseek": "EPERM",
    "access": "EIO ENOMEM EPERM",
    "faccessat": "EIO ENOMEM EPERM",
    "faccessat2": "EIO ENOMEM EPERM",
    "readlink": "EIO ENOMEM EPERM",
    "mkdir": "EIO ENOSPC EPERM",
    "chmod": "EIO EPERM",
    "fchmod": "EIO EPERM",
    "rmdir": "EIO EBUSY EPERM",
    "unlink": "EIO EBUSY EPERM",
    "unlinkat": "EIO EBUSY EPERM",
    "linkat": "EIO ENOSPC EPERM",
    "renameat": "EIO ENOSPC EBUSY EPERM",
    "renameat2": "EIO ENOSPC EBUSY EINVAL EPERM",
    "utimensat": "EIO EPERM",
    "flock": "EINTR ENOLCK EPERM",
    "fcntl": "ENOLCK EINTR EPERM",
    "socket": "ENOMEM EMFILE EPERM",
    "bind": "ENOMEM EADDRINUSE EPERM",
    "connect": "EAGAIN EINTR EPERM",
    "setsockopt": "ENOMEM ENOPROTOOPT EPERM",
    "getsockopt": "ENOPROTOOPT EPERM",
    "getsockname": "ENOBUFS EPERM",
    "sendto": "ENOMEM ENOBUFS EAGAIN EINTR EPERM",
    "sendmsg": "ENOMEM ENOBUFS EAGAIN EINTR EPERM",
    "recvfrom": "ENOMEM ENOBUFS EINTR EPERM",
    "recvmsg": "ENOMEM ENOBUFS EINTR EPERM",
    "pselect6": "ENOMEM EINTR EPERM",
    "poll": "ENOMEM EINTR EPERM",
    "ppoll": "ENOMEM EINTR EPERM",
    "ioctl": "ENOMEM EPERM",
    "setns": "ENOMEM EPERM",
    "getrandom": "EAGAIN ENOSYS EPERM",
    "mmap": "ENOMEM EPERM",
    "mprotect": "ENOMEM EPERM",
    "munmap": "ENOMEM",
    "brk": "",  # see below
    "rt_sigaction": "EPERM",
    "rt_sigprocmask": "EPERM",
    "setitimer": "EPERM",
    "clock_nanosleep": "EINTR EPERM",
    "nanosleep": "EINTR EPERM",
    "mremap": "ENOMEM",
    "madvise": "EPERM",
    "memfd_create": "ENOMEM EMFILE EPERM",
    "pipe2": "EMFILE ENFILE EPERM",
    "vfork": "EAGAIN ENOMEM EPERM",
    "clone": "EAGAIN ENOMEM EPERM",
    "fork": "EAGAIN ENOMEM EPERM",
    "wait4": "EINTR EPERM",
    "pidfd_open": "ENOMEM EMFILE EPERM",
    "kill": "EPERM",
    "prlimit64": "EPERM",
    "sched_getaffinity": "EPERM",
    "futex": "EINTR EAGAIN",
    # Linux closes whatever close() gives, and strace would leave out the call itself: a
    # descriptor, and with it a lock, would stay that no kernel leaves.
    "close": "",
    # These can't fail, and say nothing that the program looks at.
    "umask": "", "getuid": "", "geteuid": "", "getpid": "", "gettid": "", "exit_group": "",
    "set_robust_list": "", "prctl": "",
    "clock_gettime": "",
}
MAKING = "ENOSPC EDQUOT"  # more of openat() with O_CREAT
# In a build with a sanitizer they are its own, which ends the process where one fails.
MEMORY = ("mmap", "mprotect", "munmap", "mremap", "madvise")


class Call(NamedTuple):
    name: str
    nth: int
    line: str
    in_child: bool = False

    def errors(self):
        """strace's words for what this call can give."""
        if self.name not in ERRORS:
            raise AssertionError(f"tests/fault/inject.py: which errors can {self.name}() "
                                 f"give? {self.line}")
        if plugin.SANITIZED and self.name in MEMORY:
            return []
        # The C library compares what brk() gives with what it wanted, and asks for nothing
        # where it only wants to know: that can't fail.
        if self.name == "brk" and "NULL" not in self.line:
            return ["retval=0"]
        # Looks a name up, and can only say that there is none (net/core/dev_ioctl.c).
        if "SIOCGIFINDEX" in self.line:
            return []
        names = ERRORS[self.name].split()
        if "O_CREAT" in self.line:
            names += MAKING.split()
        return [f"error={name}" for name in names]


class Fault(NamedTuple):
    call: Call
    what: str  # "error=EIO", "signal=KILL"

    def __str__(self):
        return f"{self.what} at {self.call.name} {self.call.nth}: {self.call.line[:100]}"


# The kernel makes these by itself: it goes on with a call that a stop (by a debugger, by job
# control) had interrupted, and comes back from a signal's handler.
BY_THE_KERNEL = ("restart_syscall", "rt_sigreturn")


def processes_of(text):
    """The calls of each process in what `strace -f -o` wrote, a line each.

    strace writes a call that another process interrupts in two parts, and tells of signals
    and of a process's end in lines of their own.
    """
    processes = {}
    for line in text.splitlines():
        pid, _, rest = line.partition(" ")
        lines, rest = processes.setdefault(pid, []), rest.lstrip()
        match = re.match(r"(\w+)\(", rest)
        resumed = re.match(r"<\.\.\. (\w+) resumed>", rest)
        if match and match[1] not in BY_THE_KERNEL:
            lines.append(rest)
        elif resumed and resumed[1] not in BY_THE_KERNEL:
            lines[-1] = lines[-1].replace("<unfinished ...>", "") + rest[resumed.end():]
    return processes


def name_of(line):
    return line[:line.index("(")]


def calls_of(lines):
    """The calls of one process from main() on, the last one (exit_group) left out."""
    calls, counts, started = [], {}, False
    for line in lines:
        name = name_of(line)
        counts[name] = counts.get(name, 0) + 1
        started = started or bool(MAIN.match(line))
        # The kernel starts a write to /proc/sys again and again while a lock of its own is busy.
        if started and name != "exit_group" and "ERESTART" not in line:
            calls.append(Call(name, counts[name], line))
    assert calls, "main() can't be found in the trace"
    return calls


def shape_of(call):
    return re.sub(r"0x[0-9a-f]+|\d+", "N", call.line)


def rounds_once(calls):
    """Without the later rounds of a wait that looks, sleeps and looks again: how often it does depends
    on how busy the machine is, so that another run hardly comes to them. The first round, and the last
    one, which found what was waited for, are places for faults."""
    kept, round_ = [], []
    for call in calls:
        round_.append(call)
        if not call.name.endswith("nanosleep"):
            continue
        if list(map(shape_of, kept[-len(round_):])) != list(map(shape_of, round_)):
            kept += round_
        round_ = []
    return kept + round_


def child_calls(lines, own):
    """The calls of a child that the process itself never makes."""
    calls, counts = [], {}
    for line in lines:
        name = name_of(line)
        if name in ERRORS and name not in own:
            counts[name] = counts.get(name, 0) + 1
            calls.append(Call(name, counts[name], line, in_child=True))
    return calls


def record(node, invoke, children):
    """The calls of a run without faults; invoke(wrapper=...) runs it."""
    trace = node.directory / "trace"
    done = invoke(wrapper=["strace", "-f", "-qq", "-o", trace], env=plugin.TRACED)
    own, *others = processes_of(trace.read_text()).values()
    calls = rounds_once(calls_of(own))
    for lines in others if children else ():
        calls += child_calls(lines, {call.name for call in calls if not call.in_child})
    return done, calls


def run(node, fault, invoke):
    """The finished process, and whether the run came to the fault."""
    trace = node.directory / "trace"
    call = fault.call
    done = invoke(env=plugin.TRACED, wrapper=[
        "strace", "-qq", *["-f"] * call.in_child, "-o", trace, "-e", f"trace={call.name}",
        "-e", f"inject={call.name}:{fault.what}:when={call.nth}"])
    if fault.what.startswith("signal="):
        return done, died_of(done, fault.what.removeprefix("signal="))
    return done, "(INJECTED)" in trace.read_text()


def died_of(done, name):
    """strace ends as its tracee did."""
    number = signal.Signals[f"SIG{name}"]
    return done.returncode in (-number, 128 + number)


def spread(items, n, between=plugin.BUNDLED):
    """All, where FAULTS=all says so; else n of them, evenly spread. between: those in the middle between the
    others. So the bundle's executable, which does the same by the same sources, shows other places."""
    if os.environ.get("FAULTS") == "all" or len(items) <= n:
        return items
    return [items[(2 * i + between) * len(items) // (2 * n)] for i in range(n)]
