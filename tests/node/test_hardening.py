# SPDX-License-Identifier: GPL-2.0-or-later
"""The process is a safe one: descriptors, modes, memory."""
import json
import re
import shutil

import pytest

from harness import plugin, snapshot
from harness.delegates import Delegate
from harness.node import LOG, network

pytestmark = [] if plugin.SANITIZED or plugin.BUNDLED else [pytest.mark.must_run]


def shell(script):
    return ["sh", "-c", script + '; exec "$@"', "sh"]


# -- descriptors

OPENING = ("?open,openat,?openat2,socket,socketpair,accept,accept4,?pipe,pipe2,?dup,?dup2,dup3,"
           "?epoll_create,epoll_create1,eventfd2,?signalfd,signalfd4,timerfd_create,"
           "memfd_create,pidfd_open,userfaultfd,fanotify_init,inotify_init1")
# A pidfd is always marked.
MARKED = re.compile(r"CLOEXEC|pidfd_open\(")


def test_every_descriptor_is_closed_on_exec(node):
    """Each system call that makes one marks it, in libraries, too."""
    fake, pod = Delegate(node), node.pod()
    trace = node.directory / "trace"
    conf = fake.conf(macspoofchk=True, hairpinMode=True,
                     logFile=LOG)
    # The plugin alone: no -f.
    wrapper = [a for a in plugin.strace(trace, OPENING) if a != "-f"]
    done = node.invoke("ADD", conf, pod, env={**plugin.TRACED, **fake.env},
                       wrapper=wrapper)
    plugin.judge("ADD", done, plugin.NEWEST)
    lines = [line for line in trace.read_text().splitlines()
             if re.search(r"\) += \d+$", line)]
    assert len(lines) > 10
    # libnftables marks neither its socket nor names that it looks up; no child is started
    # while it works, and a child gets three descriptors (test_delegate.py).
    passed_by = ["NETLINK_NETFILTER", "/etc/iproute2/", *["/proc/self/"] * plugin.SANITIZED]
    unmarked = [line for line in lines if not MARKED.search(line)
                and not any(word in line for word in passed_by)]
    assert not unmarked


STREAMS = [("stdin", "exec <&-", plugin.JSON), ("stdout", "exec >&-", None),
           ("stdout for reading", "exec >&-; exec 1</dev/null", None),
           ("all", "exec <&- >&- 2>&-", None)]


@pytest.mark.parametrize("what, script, code", STREAMS, ids=[s[0] for s in STREAMS])
def test_a_closed_standard_stream_fails_the_ADD_and_nothing_is_left(node, what, script, code):
    """A file that is opened must not take the stream's place: the answer would be written there."""
    conf = network("dual")
    other = node.pod()
    node.add(other, conf)
    before, pod = snapshot.files(node.var_lib), node.pod()
    done = node.invoke("ADD", conf, pod, wrapper=shell(script))
    assert done.returncode == 1
    if code:
        assert json.loads(done.stdout)["code"] == code
    node.assert_nothing_left(pod, others=1)
    after = snapshot.files(node.var_lib)
    for path in before.keys() | after.keys():
        if "last_reserved_ip" not in path and ".bridge-cni" not in path:
            assert before.get(path) == after.get(path), path
    node.delete(other, conf)


def test_a_closed_stderr_changes_nothing(node):
    pod, conf = node.pod(), network("dual")
    done = node.invoke("ADD", conf, pod, wrapper=shell("exec 2>&-"))
    result = plugin.judge("ADD", done, plugin.NEWEST)
    node.check(pod, conf, result)
    for path, content in snapshot.files(node.var_lib).items():
        assert b"bridge-cni:" not in (content or b""), path


# -- modes


@pytest.mark.parametrize("umask", ["000", "777", "022"])
def test_files_have_their_modes_whatever_the_umask(node, umask):
    log = node.run_dir / "log"
    pod = node.pod()
    done = node.invoke("ADD", network("dual", logFile=LOG), pod,
                       wrapper=shell(f"umask {umask}"))
    plugin.judge("ADD", done, plugin.NEWEST)
    wide = []
    for root in (node.var_lib, node.run_dir / "bridge-cni", log):
        for path in [root, *sorted(root.rglob("*"))]:
            mode = path.stat().st_mode
            own = path.parent.name == ".bridge-cni" or path.name == "bridge-cni"
            if mode & (0o077 if own else 0o022):
                wide.append((str(path), oct(mode)))
            assert mode & 0o400, path
    assert not wide
    store = node.store / "testnet"
    for path in store.iterdir():
        wanted = 0o640 if path.name == "lock" else 0o644
        assert path.stat().st_mode & 0o7777 == wanted, path
    assert store.stat().st_mode & 0o7777 == 0o755
    node.check(pod, network("dual"), json.loads(done.stdout))


# -- memory and descriptors

# Apart, as an error of valgrind's about descriptors can't be told from one about memory by the
# exit status, nor be suppressed: 3.24 knows nothing of those that ioctl(SIOCGSKNS) gives.
VALGRIND = {
    "memory": ["--error-exitcode=99", "--leak-check=full",
               "--show-leak-kinds=definite,indirect,possible",
               "--errors-for-leak-kinds=definite,indirect,possible",
               f"--suppressions={plugin.REPOSITORY}/tests/valgrind.supp"],
    "descriptors": ["--tool=none", "--track-fds=yes"],
}


def valgrind(kind, log):
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    return ["valgrind", "--quiet", "--child-silent-after-fork=yes", f"--log-file={log}",
            *VALGRIND[kind]]


@pytest.mark.skipif(plugin.BUNDLED, reason="valgrind sees no allocation of a static program")
@pytest.mark.skipif(plugin.SANITIZED, reason="a sanitizer is in this build, and looks for the same")
@pytest.mark.parametrize("kind", VALGRIND)
def test_valgrind_has_nothing_to_say_about_a_life(node, kind):
    """ADD on a fresh node (libnftables loaded), CHECK, DEL: memory and descriptors."""
    pod, conf = node.pod(), network("dual", macspoofchk=True, hairpinMode=True)
    prev = None
    for verb in ("ADD", "CHECK", "DEL", "DEL"):
        log = node.directory / f"valgrind-{verb}"
        text = conf if prev is None else {**conf, "prevResult": prev}
        done = node.invoke(verb, text, pod, wrapper=valgrind(kind, log))
        said = log.read_text()
        assert done.returncode == 0, f"{verb}: {done.stdout}\n{said}"
        # Beside the three, and valgrind's own log: inherited by it, as it says itself.
        opened = re.findall(r"^==\d+== Open (?!.*\n==\d+==\s+<inherited from parent>).*",
                            said, re.M)
        assert not opened, f"{verb}: {said}"
        prev = json.loads(done.stdout) if verb == "ADD" else prev
    node.assert_nothing_left(pod)
