# SPDX-License-Identifier: GPL-2.0-or-later
"""The faults read the executable's own calls from strace's record, and no others."""
import inject

RECORD = """\
10 getpid() = 10
10 fcntl(0, F_GETFD) = 0
10 openat(AT_FDCWD, "lock", O_RDONLY) = 3
10 vfork( <unfinished ...>
11 socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) = 4
11 exit_group(0) = ?
11 +++ exited with 0 +++
10 <... vfork resumed>) = 11
10 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=11, si_uid=0} ---
10 poll([{fd=5, events=POLLIN}], 1, -1) = ? ERESTART_RESTARTBLOCK (Interrupted by signal)
10 --- stopped by SIGSTOP ---
10 restart_syscall(<... resuming interrupted poll ...>) = 1
10 write(7, "1", 1 <unfinished ...>
11 socket(AF_INET, SOCK_DGRAM, 0) = 5
10 <... write resumed>) = ? ERESTARTNOINTR (To be restarted)
10 write(7, "1", 1) = 1
10 rt_sigreturn({mask=[]}) = 0
10 restart_syscall(<... resuming interrupted nanosleep ...> <unfinished ...>
10 <... restart_syscall resumed>) = 0
10 exit_group(0) = ?
10 +++ exited with 0 +++
"""


def brief(calls):
    return [(call.name, call.nth) for call in calls]


def test_a_record_gives_the_calls_from_main_on_and_nothing_that_the_kernel_does_by_itself():
    own, child = inject.processes_of(RECORD).values()
    assert brief(inject.calls_of(own)) == [
        ("fcntl", 1), ("openat", 1), ("vfork", 1), ("write", 2)]
    assert inject.calls_of(own)[2].line == "vfork( ) = 11"
    assert brief(inject.child_calls(child, own={"exit_group"})) == [("socket", 1), ("socket", 2)]
    assert inject.child_calls(child, own={"exit_group", "socket"}) == []
