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


WAITING = """\
10 fcntl(0, F_GETFD) = 0
10 sendto(4, [{nlmsg_seq=7}, "up"], 40) = 40
10 recvfrom(4, [{nlmsg_seq=7}, "done"], 512) = 36
10 sendto(4, [{nlmsg_seq=8}, "route"], 40) = 40
10 recvfrom(4, [{nlmsg_seq=8}, "none"], 512) = 36
10 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=100000}, NULL) = 0
10 sendto(4, [{nlmsg_seq=9}, "route"], 40) = 40
10 recvfrom(4, [{nlmsg_seq=9}, "none"], 512) = 36
10 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=150000}, NULL) = 0
10 sendto(4, [{nlmsg_seq=10}, "route"], 40) = 40
10 recvfrom(4, [{nlmsg_seq=10}, "none"], 512) = 36
10 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=225000}, NULL) = 0
10 sendto(4, [{nlmsg_seq=11}, "route"], 40) = 40
10 recvfrom(4, [{nlmsg_seq=11}, "local"], 512) = 36
10 write(1, "{}", 2) = 2
10 exit_group(0) = ?
"""


def test_of_a_wait_the_first_round_and_the_last_one_are_places_for_faults():
    [own] = inject.processes_of(WAITING).values()
    found = brief(inject.rounds_once(inject.calls_of(own)))
    assert found == [("fcntl", 1), ("sendto", 1), ("recvfrom", 1), ("sendto", 2), ("recvfrom", 2),
                     ("clock_nanosleep", 1), ("sendto", 5), ("recvfrom", 5), ("write", 1)]


def test_a_sample_is_evenly_spread_and_the_bundles_is_between(monkeypatch):
    monkeypatch.delenv("FAULTS", raising=False)
    assert inject.spread(range(8), 4, between=False) == [0, 2, 4, 6]
    assert inject.spread(range(8), 4, between=True) == [1, 3, 5, 7]
    assert inject.spread([1, 2], 4, between=True) == [1, 2]
    monkeypatch.setenv("FAULTS", "all")
    assert inject.spread(range(8), 4) == range(8)
