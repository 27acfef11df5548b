# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces without names on the machine.

A namespace lives by descriptors of this process and by mounts in mount namespaces of
its own, so that all of it vanishes with the process, however that ends. Nothing here
knows about CNI.
"""
import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import threading

from . import icmp
from .waiting import ANSWER, SLOWNESS, answered, wait_for

CLONE_FS, CLONE_NEWNS, CLONE_NEWNET = 0x00000200, 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 0x1000, 0x4000, 0x40000, 0x100000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
RTF_LOCAL = 0x80000000
MNT_DETACH = 2
PIPE_SIZE = 65536
TIMEOUT = 60 * SLOWNESS  # seconds that any command may take: sanitizers under strace are slow

libc = ctypes.CDLL(None, use_errno=True)


def _call(name, *args):
    if getattr(libc, name)(*args) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{name}: {os.strerror(errno)}")


def setns(fd, kind):
    _call("setns", fd, kind)


def unshare(flags):
    _call("unshare", flags)


def mount(source, target, fstype=None, flags=0):
    enc = [None if s is None else os.fsencode(s) for s in (source, target, fstype)]
    _call("mount", *enc, flags, None)


def umount(target):
    _call("umount2", os.fsencode(target), MNT_DETACH)


def on_a_thread(function, *args, **kw):
    """function(*args, **kw) on a thread that may enter namespaces, and ends with it. Much less
    work than a fork of this process."""
    box = {}

    def body():
        try:
            unshare(CLONE_FS)  # its root and working directory, which a mount namespace changes
            box["value"] = function(*args, **kw)
        except BaseException as error:  # handed to the caller's thread
            box["error"] = error

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "error" in box:
        raise box["error"]
    return box["value"]


@contextlib.contextmanager
def on_one_processor():
    """While the block runs, the calling thread stays on the processor that it is on. What it sends by a
    veth is received on the same one, in its order. Had the kernel moved the thread, frames of before could
    still wait on the other processor for its turn."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {libc.sched_getcpu()})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class CommandFailed(AssertionError):
    def __init__(self, argv, done):
        super().__init__(f"{' '.join(map(str, argv))}: exit {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
        self.done = done


class Namespace:
    """A network namespace, seen from a mount namespace (the node's)."""

    def __init__(self, net_fd, mnt_fd, name):
        self.net_fd, self.mnt_fd, self.name = net_fd, mnt_fd, name
        self._processes = []

    # -- commands

    def popen(self, argv, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)

        def start():
            setns(self.mnt_fd, CLONE_NEWNS)
            setns(self.net_fd, CLONE_NEWNET)
            return subprocess.Popen([os.fspath(a) for a in argv], **kw)

        process = on_a_thread(start)
        self._processes.append(process)
        return process

    def begin(self, *argv, input=None, env=None, timeout=TIMEOUT):
        """Starts a command in here; call what is returned for its end (see run)."""
        process = self.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=env)
        rest = (input or "").encode() if not isinstance(input, bytes) else input
        if len(rest) <= PIPE_SIZE:  # at once, so that several can run side by side
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(rest)
                process.stdin.close()
            process.stdin = rest = None

        def finish():
            try:
                out, err = process.communicate(rest, timeout)
            finally:
                process.kill()
                process.wait()
                self._processes.remove(process)
            return subprocess.CompletedProcess(argv, process.returncode,
                                               out.decode(errors="replace"),
                                               err.decode(errors="replace"))

        return finish

    def run(self, *argv, input=None, check=True, env=None, timeout=TIMEOUT):
        """Runs a command in here; its result has text in stdout and stderr."""
        done = self.begin(*argv, input=input, env=env, timeout=timeout)()
        if check and done.returncode != 0:
            raise CommandFailed(argv, done)
        return done

    def ip(self, *args, check=True):
        return self.run("ip", *" ".join(args).split(), check=check).stdout

    def ip_batch(self, lines):
        """Many ip commands for the price of one process."""
        self.run("ip", "-batch", "-", input=lines)

    def ip_json(self, *args):
        out = self.ip("-j", *args, check=False)
        return [entry for entry in json.loads(out or "[]") if entry]

    def nft(self, text):
        return self.run("nft", "-f", "-", input=text).stdout

    def ping(self, address, wait=None, source=None):
        """Does an answer to one echo request come, within `wait` seconds? Without `wait` see
        answered(). source: the address that it is sent from."""
        if wait is None:
            return answered(lambda: self.ping(address, ANSWER / SLOWNESS, source))
        return self.call(icmp.is_answered, str(address), wait * SLOWNESS, source)

    # -- this process's own sockets and files in the namespace

    def call(self, function, *args):
        """function(*args) on a thread that is in this network namespace."""

        def enter_and_call():
            setns(self.net_fd, CLONE_NEWNET)
            return function(*args)

        return on_a_thread(enter_and_call)

    def socket(self, *args):
        sock = self.call(socket.socket, *args)
        sock.settimeout(2 * SLOWNESS)
        return sock

    def udp(self, address, port=0):
        """A UDP socket in here, bound to an address."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = self.socket(family, socket.SOCK_DGRAM)
        sock.bind((address, port))
        return sock

    def sysctl(self, key, value=None):
        """Reads (and first writes) net.<key>, for example "ipv4.ip_forward"."""
        path = "/proc/sys/net/" + key.replace(".", "/").replace("|", ".")

        def access():
            if value is not None:
                with open(path, "w") as file:
                    file.write(str(value))
            with open(path) as file:
                return file.read().strip()

        return self.call(access)

    def up(self, ifname):
        """As `ip link set up` does it, without a process."""
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", ifname.encode(), IFF_UP))

    # -- what is in here

    @property
    def path(self):
        """By which `ip link … netns` gives this namespace an interface."""
        return f"/proc/{os.getpid()}/fd/{self.net_fd}"

    def links(self):
        try:
            found = self.ip_json("-d", "link")
        except json.JSONDecodeError:  # of a VXLAN iproute2 6.1 writes no JSON
            found = [self._details(link) for link in self.ip_json("link")]
        return {link["ifname"]: link for link in found}

    def _details(self, link):
        try:
            return self.ip_json("-d", "link", "show", "dev", link["ifname"])[0]
        except json.JSONDecodeError:
            return link

    def addresses(self, ifname, scope="global"):
        """The addresses of an interface, as text with their prefix length."""
        return sorted(f"{a['local']}/{a['prefixlen']}"
                      for link in self.ip_json("addr", "show", "dev", ifname)
                      for a in link["addr_info"] if a["scope"] == scope)

    def uses(self, *addresses):
        """Waits until these IPv6 addresses are used: until then packets to them are led elsewhere, and
        nobody is told who has them. The kernel does that at a time of its own, also where no duplicate
        is looked for (addrconf_dad_work() of linux/net/ipv6/addrconf.c)."""
        wanted = {socket.inet_pton(socket.AF_INET6, address).hex() for address in addresses}

        def local():
            with open("/proc/thread-self/net/ipv6_route") as file:
                routes = [line.split() for line in file]
            return {route[0] for route in routes if int(route[8], 16) & RTF_LOCAL}

        wait_for(lambda: wanted <= self.call(local))

    def routes(self, family=4):
        return self.ip_json(f"-{family}", "route")

    # -- the end

    def close(self):
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()
        if self.net_fd >= 0:
            os.close(self.net_fd)
            self.net_fd = -1


def new_machine(binds):
    """A fresh network and mount namespace: (net_fd, mnt_fd).

    In it /sys is the namespace's own, and each path of `binds` shows another directory.
    """

    def make():
        unshare(CLONE_NEWNS | CLONE_NEWNET)
        mount("none", "/", None, MS_REC | MS_PRIVATE)
        mount("sysfs", "/sys", "sysfs")
        for target, source in binds.items():
            mount(source, target, None, MS_BIND)
        return _open_namespace("net"), _open_namespace("mnt")

    return on_a_thread(make)


def new_namespace(mnt_fd, path):
    """A fresh network namespace bound to `path` (as mnt_fd sees it), like `ip netns add`."""

    def make():
        setns(mnt_fd, CLONE_NEWNS)
        unshare(CLONE_NEWNET)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY | os.O_CLOEXEC))
        mount("/proc/thread-self/ns/net", path, None, MS_BIND)
        return _open_namespace("net")

    return on_a_thread(make)


def share(mnt_fd, path):
    """What is mounted below `path` from now on is seen in copies of the mount namespace as well."""

    def change():
        setns(mnt_fd, CLONE_NEWNS)
        mount("none", path, None, MS_REC | MS_SHARED)

    on_a_thread(change)


def remove_path(mnt_fd, path, keep_file=False):
    """The mount at `path` goes, and the file below it, like `ip netns delete`."""

    def remove():
        setns(mnt_fd, CLONE_NEWNS)
        umount(path)
        if not keep_file:
            os.unlink(path)

    on_a_thread(remove)


def _open_namespace(kind):
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
