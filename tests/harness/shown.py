# SPDX-License-Identifier: GPL-2.0-or-later
"""What `bridge-cni show` tells, each time held against its schema."""
import contextlib
import fcntl
import json
import os
import re

from . import plugin
from .command import command
from .former import hash_text
from .node import NETWORK, network
from .schema import errors_of

SCHEMA = json.loads((plugin.REPOSITORY / "deploy/show.schema.json").read_text())
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
CONF = "/run/network.conflist"  # in the node, where everybody may read it

GUARDED = {"spoofCheck": True, "portIsolation": True,
           "capabilities": {"portMappings": True, "bandwidth": True}}
RATES = {"ingressRate": 8000000, "ingressBurst": 800000,
         "egressRate": 1000000, "egressBurst": 80000}
MAPPINGS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
            {"hostPort": 53, "containerPort": 5353, "protocol": "udp", "hostIP": "192.0.2.2"}]

CLEAR = "\x1b[2J\x1b]0;owned\x07"
C1 = "\x9b31m"  # what "\x1b[31m" is to many terminals
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def named(name, namespace="shop"):
    return f"IgnoreUnknown=1;K8S_POD_NAMESPACE={namespace};K8S_POD_NAME={name}"


def guarded(node, n=3):
    """Pods, the first of which has rates and host ports."""
    conf = network("dual", **GUARDED)
    pods = [node.pod() for _ in range(n)]
    for number, pod in enumerate(pods):
        asked = {"portMappings": MAPPINGS, "bandwidth": RATES} if number == 0 else {}
        node.add(pod, {**conf, "runtimeConfig": asked}, args=named(f"cart-{number}"))
    return conf, pods


def only(found):
    [net] = found["networks"]
    return net


def configured(node, *confs):
    """A file with the list of each configuration; paths in the node."""
    paths = []
    for number, conf in enumerate(confs):
        path = CONF.replace("network", f"network{number}")
        conf = dict(conf)
        head = {key: conf.pop(key) for key in ("cniVersion", "name")}
        (node.run_dir / path.split("/")[-1]).write_text(
            json.dumps({**head, "plugins": [conf]}))
        paths.append(path)
    return paths


def document(done):
    """The JSON that was printed, which is as the schema says."""
    assert (done.returncode, done.stderr) == (0, ""), done
    found = json.loads(done.stdout)
    assert errors_of(found, SCHEMA) == []
    return found


def show(node, *confs, **kw):
    return document(command(node, "show", "--json", *configured(node, *confs), **kw))


def show_text(node, *confs, **kw):
    done = command(node, "show", *configured(node, *confs), **kw)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def records_of(node, name):
    return sorted((node.store / ".bridge-cni" / name).glob("p-*"))


def record_write(node, name, lines):
    """Writes a record as the plugin does: its file has the holder's hash, its last line the
    text's."""
    values = dict(line.split(" ", 1) for line in lines)
    holder = hash_text(f"{values['container']}\r\n{values['ifname']}")
    text = "".join(f"{line}\n" for line in lines)
    path = node.store / ".bridge-cni" / name / f"p-{holder:016x}"
    path.write_text(f"{text}end {hash_text(text):016x}\n")
    return path


@contextlib.contextmanager
def hold_locks(node):
    """All locks of the node and of the network's store are held."""
    paths = [node.store / NETWORK / "lock", node.store / ".bridge-cni" / NETWORK,
             *(node.run_dir / "bridge-cni").iterdir()]
    assert len(paths) >= 4
    held = [os.open(path, os.O_RDONLY) for path in paths]
    try:
        for fd in held:
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        for fd in held:
            os.close(fd)


CHANGES = (r"O_CREAT|O_WRONLY|O_RDWR|O_TRUNC",
           r"\b(flock|unlink(at)?|rename\w*|mkdir\w*|rmdir|link(at)?|symlink\w*|f?chmod\w*|"
           r"f?chown\w*|utime\w*|f?truncate)\(",
           r"F_(OFD_)?SETLK", r"NFT_MSG_(NEW|DEL)", r"RTM_(NEW|DEL|SET)", r"IPCTNL_MSG_CT_(NEW|DEL)")


@contextlib.contextmanager
def read_only(node, trace):
    """Gives a wrapper for a command that only looks: it makes no system call that changes or locks
    anything, and no file of the node has another time afterwards."""
    times = {path: path.lstat().st_mtime_ns for path in node.directory.rglob("*")}
    yield plugin.strace(trace, "%file,%desc,sendto,sendmsg,execve,fork,clone,vfork")
    sent = "\n".join(line for line in trace.read_text().splitlines() if "recv" not in line)
    assert "openat(" in sent
    for change in CHANGES:
        assert not re.search(change, sent), re.search(f".*({change}).*", sent)[0]
    assert len(re.findall(r"\bexecve\(", sent)) == 1 and "clone(" not in sent
    assert times == {path: path.lstat().st_mtime_ns for path in times}
