# SPDX-License-Identifier: GPL-2.0-or-later
"""A node that container runtimes and kubelets can work on without the machine's noticing:
processes, mounts, /etc, /opt and the runtimes' directories are its own, and end with it.

Of the machine it has the programs, the network being the node's (harness/node.py), and
a directory in each cgroup hierarchy, which is removed.
"""
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

from . import plugin

CNI_BIN, CNI_CONF = "/opt/cni/bin", "/etc/cni/net.d"
DEBIAN_PLUGINS = "/usr/lib/cni"
IMAGE = "localhost/busybox:test"

# Process 1 of the node: mounts what is private, says so, and ends, with all others, when its
# standard input does: also when the test is killed.
INIT = '''
import os, signal, subprocess, sys
def mount(*argv):
    subprocess.run(["mount", *argv], check=True)
layers, *cgroups = sys.argv[1:]
mount("-t", "tmpfs", "layers", layers)
for name in ("etc", "opt"):
    upper, work = f"{layers}/{name}", f"{layers}/{name}.work"
    os.mkdir(upper), os.mkdir(work)
    mount("-t", "overlay", "-o", f"lowerdir=/{name},upperdir={upper},workdir={work}", name,
          f"/{name}")
for path in ("/dev/shm", "/var/log"):
    mount("-t", "tmpfs", "none", path)
mount("-t", "tmpfs", "cgroup", "/sys/fs/cgroup")
for cgroup in cgroups:
    kind, options, where = cgroup.split(":", 2)
    os.makedirs(where, exist_ok=True)
    mount("-t", kind, *["-o", options] * bool(options), "cgroup", where)
mount("--make-rshared", "/")  # containers see what is mounted on the node later
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans are reaped
print("up", flush=True)
sys.stdin.read()
'''

# Removes the directories when its standard input ends, also where the test is killed, as soon
# as their processes have ended, which may take a moment.
REMOVER = '''
import contextlib, os, sys, time
sys.stdin.read()
end = time.monotonic() + 30
while any(map(os.path.isdir, sys.argv[1:])) and time.monotonic() < end:
    for path in sys.argv[1:]:
        for directory, _, _ in os.walk(path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
    time.sleep(0.01)
'''


def cgroup_mounts():
    """How the machine has its hierarchies: (kind, options that choose one, where)."""
    found = []
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind in ("cgroup", "cgroup2") and where.startswith("/sys/fs/cgroup"):
            chosen = [o for o in options.split(",")
                      if o not in ("rw", "ro", "relatime", "nosuid", "nodev", "noexec",
                                   "nsdelegate", "memory_recursiveprot")]
            found.append((kind, ",".join(chosen) if kind == "cgroup" else "", where))
    return found


class Host:
    def __init__(self, node):
        self.node = node
        self.layers = node.directory / "layers"
        self.layers.mkdir()
        self.log = node.run_dir / "bridge-cni.log"
        self.cgroup = f"bridge-cni-e2e-{os.getpid()}-{id(self)}"
        mounts = [":".join(entry) for entry in cgroup_mounts()]
        self.cgroups = [pathlib.Path(where, self.cgroup) for _, _, where in cgroup_mounts()]
        self.remover = subprocess.Popen([sys.executable, "-c", REMOVER, *self.cgroups],
                                        stdin=subprocess.PIPE, start_new_session=True)
        self.outer = node.popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             sys.executable, "-c", INIT, self.layers, *mounts],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.outer.stdout.readline() != b"up\n":
            raise RuntimeError(self.outer.stderr.read().decode())
        children = f"/proc/{self.outer.pid}/task/{self.outer.pid}/children"
        self.init = pathlib.Path(children).read_text().split()[0]

    def install_plugins(self):
        """All of Debian's but what is replaced, and nothing that is installed on the machine."""
        self.run("sh", "-c", f"rm -rf {CNI_BIN} && mkdir -p {CNI_BIN} {CNI_CONF} && "
                 f"ln -s {DEBIAN_PLUGINS}/* {CNI_BIN} && "
                 f"rm {CNI_BIN}/bridge {CNI_BIN}/host-local {CNI_BIN}/loopback && "
                 f"ln -s {os.path.realpath(plugin.BRIDGE_CNI)} {CNI_BIN}/bridge-cni && "
                 f"{CNI_BIN}/bridge-cni links loopback")

    # -- commands, among the node's processes and files

    def inside(self, argv):
        return ["nsenter", "-t", self.init, "-m", "-p", "--", *map(str, argv)]

    def run(self, *argv, check=True, **kw):
        return self.node.run(*self.inside(argv), check=check, **kw)

    def popen(self, argv, **kw):
        return self.node.popen(self.inside(argv), **kw)

    def write(self, path, text):
        self.run("sh", "-c", f"cat >'{path}'", input=text)

    # -- CNI

    def configure(self, *confs, later=()):
        """Conflists where runtimes look, and no others; each begins with ours."""
        self.run("sh", "-c", f"rm -f {CNI_CONF}/*")
        for number, conf in enumerate(confs):
            first = {k: v for k, v in conf.items() if k not in ("name", "cniVersion")}
            self.write(f"{CNI_CONF}/{number:02}.conflist", json.dumps(
                {"cniVersion": conf["cniVersion"], "name": conf["name"],
                 "plugins": [{**first, "logFile": f"/run/{self.log.name}"}, *later]}))

    def verbs(self):
        """The verbs that runtimes have called since the last question, oldest first."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [dict(word.split("=", 1) for word in line.split() if "=" in word)["verb"]
                for line in lines]

    def assert_nothing_left(self):
        node = self.node
        assert node.host_veths() == []
        assert [name for name in node.links() if name.startswith("ifb")] == []
        for network in node.store.glob("[!.]*"):
            assert node.reservations(network.name) == {}
        assert list(node.store.glob(".bridge-cni/*/p-*")) == []

    # -- control groups

    def make_cgroup(self):
        """The directories, for programs that want them to be there, with all controllers."""
        for kind, _, where in cgroup_mounts():
            path = pathlib.Path(where, self.cgroup)
            path.mkdir()
            if kind == "cgroup2":
                words = pathlib.Path(where, "cgroup.controllers").read_text().split()
                for directory in (pathlib.Path(where), path):
                    (directory / "cgroup.subtree_control").write_text(
                        " ".join(f"+{word}" for word in words))
            for name in ("cpuset.cpus", "cpuset.mems"):
                if kind == "cgroup" and (path / name).exists():
                    (path / name).write_text(pathlib.Path(where, name).read_text())

    # -- the end

    def close(self):
        for process in (self.outer, self.remover):
            process.stdin.close()
            process.wait()
        assert not any(path.is_dir() for path in self.cgroups)


# -- an image


def add(archive, name, data, mode=0o644, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(data)
    archive.addfile(entry, io.BytesIO(data))


def applets():
    """The names of the programs that this machine's busybox has."""
    path = shutil.which("busybox")
    out = subprocess.run([path, "--list"], capture_output=True, text=True).stdout if path else ""
    return out.split()


def layer():
    """A root file system: busybox, its applets as links, and what programs expect."""
    busybox = shutil.which("busybox")
    # None where it is static.
    ldd = subprocess.run(["ldd", busybox], capture_output=True, text=True).stdout
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("bin", "etc", "tmp", "www", "proc", "sys", "dev", "root"):
            add(archive, name, b"", 0o755, tarfile.DIRTYPE)
        for applet in applets():
            add(archive, f"bin/{applet}", b"", kind=tarfile.SYMTYPE, link="/busybox")
        for path in [busybox, *re.findall(r"(/\S+) \(", ldd)]:
            name = "busybox" if path == busybox else path.lstrip("/")
            add(archive, name, pathlib.Path(path).read_bytes(), 0o755)
        add(archive, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        add(archive, "www/index.html", b"served\n")
    return out.getvalue()


def image(path, name=IMAGE, command=("sleep", "600")):
    """Written as `docker save` writes it, which ctr and podman both read."""
    data = layer()
    config = json.dumps({
        "architecture": os.uname().machine.replace("x86_64", "amd64")
                                          .replace("aarch64", "arm64"),
        "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": [*command]},
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest()]},
    }).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name],
                            "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as archive:
        add(archive, "manifest.json", manifest)
        add(archive, "config.json", config)
        add(archive, "layer.tar", data)
    return path
