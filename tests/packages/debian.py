# SPDX-License-Identifier: GPL-2.0-or-later
"""A minimal Debian (tests/packages/root) that systemd boots, in namespaces of its own.

It has no network but its own, and of the machine a directory in the control group hierarchy of
systemd. All of it ends with its first process.
"""
import os
import pathlib
import subprocess
import sys

from harness import netns
from harness.host import REMOVER, cgroup_mounts
from harness.plugin import REPOSITORY
from harness.waiting import wait_for

ROOT = REPOSITORY / "build/packages/root"

# $1: a directory for what is written; behind it KIND:OPTIONS:WHERE of each control group hierarchy.
BOOT = r"""
set -e
new=$1/root; shift
mkdir "$new" "$new.upper" "$new.work"
mount -t overlay -o "lowerdir=$ROOT,upperdir=$new.upper,workdir=$new.work" overlay "$new"
cd "$new"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
for place in run tmp dev; do mount -t tmpfs tmpfs $place; done
mkdir dev/pts dev/shm
for device in null zero full random urandom; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs sys/fs/cgroup
for hierarchy; do
    kind=${hierarchy%%:*} rest=${hierarchy#*:}
    mkdir -p ".${rest#*:}"
    mount -t "$kind" ${rest%%:*} cgroup ".${rest#*:}"
done
ip link set lo up
mkdir old
pivot_root . old
umount --lazy /old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    /lib/systemd/systemd --log-target=console --show-status=false
"""


class Debian(netns.Namespace):
    def __init__(self, directory):
        self.directory, self.opened = directory, []
        directory.mkdir()
        # A file system of its own, as an overlay may not be made of another one.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory], check=True)
        hierarchies = [(kind, options, where) for kind, options, where in cgroup_mounts()
                       if (kind == "cgroup2" or options == "name=systemd") and os.path.isdir(where)]
        self.cgroups = [pathlib.Path(where, f"bridge-cni-packages-{os.getpid()}-{id(self)}")
                        for _, _, where in hierarchies]
        self.remover = subprocess.Popen([sys.executable, "-c", REMOVER, *self.cgroups],
                                        stdin=subprocess.PIPE, start_new_session=True)
        for path in self.cgroups:
            path.mkdir()
        enter = "".join(f"echo $$ >'{path}/cgroup.procs'; " for path in self.cgroups)
        self.console = directory / "console"
        with open(self.console, "wb") as console:
            self.outer = subprocess.Popen(
                ["sh", "-c", f'{enter} exec setpriv --pdeathsig KILL "$@"', "sh", "unshare", "--mount", "--pid", "--ipc", "--uts",
                 "--net", "--cgroup", "--fork", "--kill-child", "--propagation", "private",
                 "sh", "-c", BOOT, "sh", directory,
                 *(f"{kind}:{'-o none,' + options if options else ''}:{where}"
                   for kind, options, where in hierarchies)],
                env={**os.environ, "ROOT": str(ROOT)}, stdin=subprocess.DEVNULL, stdout=console,
                stderr=console)

    def wait(self):
        """Until it has booted. Whatever happens here, close() ends it."""
        self.pid = wait_for(self._first_process)
        self.opened = [os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                       for path in (f"/proc/{self.pid}/ns/net", "/proc/self/ns/mnt")]
        super().__init__(*self.opened, "debian")
        states = "running", "degraded"
        wait_for(lambda: self.says("systemctl", "is-system-running") in states)

    def _first_process(self):
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text()
        return next(iter(children.split()), None)

    def argv(self, argv):
        return ["nsenter", "-t", self.pid, "-a", "--", "env", "-i", "LANG=C.UTF-8", "HOME=/root",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *argv]

    def inside(self, *argv, check=True, input=None):
        """Runs a command there; its result has text."""
        done = subprocess.run([str(word) for word in self.argv(argv)], input=input, text=True,
                              capture_output=True, timeout=120)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done

    def ip(self, words):
        return self.inside("ip", *words.split()).stdout

    def namespace(self, name):
        """A network namespace that is mounted there; it is closed with this one."""
        net = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
        self.opened.append(net)
        return netns.Namespace(net, self.mnt_fd, name)

    def says(self, *argv):
        return self.inside(*argv, check=False).stdout.strip()

    def path(self, name):
        """A file of it, as the tests see it."""
        return pathlib.Path(f"/proc/{self.pid}/root", name.lstrip("/"))

    def write(self, name, text):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def close(self):
        self.outer.kill()
        self.outer.wait()
        self.remover.stdin.close()
        self.remover.wait()
        for fd in self.opened:
            os.close(fd)
        netns.umount(self.directory)
        assert not any(path.is_dir() for path in self.cgroups)
