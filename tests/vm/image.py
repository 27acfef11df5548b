# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine boots this: Debian's kernel, unpacked from its package, and an
initramfs of this machine's own packages with the built tree in it.

The packages are those that tests/install-deps names, with all that they depend on, less
compilers and headers. Nothing is installed, and no file of this machine is visible in the
virtual machine but those copied here.
"""
import os
import pathlib
import re
import shutil
import stat
import subprocess

TREE = pathlib.Path(__file__).resolve().parents[2]
KERNEL = "linux-image-cloud-amd64"
# For the guest alone, whatever the tests want.
BASE = ["base-files", "base-passwd", "coreutils", "dash", "bash", "util-linux", "mount",
        "hostname", "procps", "sed", "grep", "findutils", "kmod"]
NOT_NEEDED = re.compile(r"(-dev|-headers.*|-doc|-common-dev)$|^(gcc|g\+\+|cpp|make|binutils|"
                        r"clang|libclang|libllvm|golang|pkg-config|pkgconf|qemu|debconf|"
                        r"dpkg|perl|tar|install-info|libgcc-\d+-dev)")
UNREAD = re.compile(r"^/usr/share/(doc|man|locale|info|bash-completion|zsh|lintian|bug|"
                    r"perl5?|i18n|zoneinfo|mime|applications|icons|pixmaps)/|"
                    r"^/(boot|var/cache|usr/lib/systemd|lib/systemd)/")
# These of the kernel's modules are taken; the machine has no hardware for the others.
MODULES = ("kernel/net/", "kernel/lib/", "kernel/crypto/", "kernel/arch/",
           "kernel/drivers/net/")
NO_MODULES = ("kernel/drivers/net/ethernet/", "kernel/drivers/net/wireless/")


class Unavailable(Exception):
    """No virtual machine can be had here; the text says why."""


def output(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, cwd=TREE)
    except FileNotFoundError:
        raise Unavailable(f"{argv[0]} is not installed")
    if done.returncode != 0:
        why = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Unavailable(f"{' '.join(argv[:3])}: {why[-1] if why else 'it failed'}")
    return done.stdout


# -- the kernel


def kernel(directory):
    """(vmlinuz, directory of its modules), downloaded when it isn't in `directory` yet."""
    depends = output("apt-cache", "depends", KERNEL)
    match = re.search(r"Depends: (linux-image-(\S+))", depends)
    if not match:
        raise Unavailable(f"apt knows no package {KERNEL}")
    package, release = match.groups()
    root = directory / release
    if not (root / "complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        packages = directory / "packages"
        shutil.rmtree(packages, ignore_errors=True)
        packages.mkdir(parents=True)
        done = subprocess.run(["apt-get", "-q", "download", package], cwd=packages,
                              capture_output=True, text=True)
        found = list(packages.glob("*.deb"))
        if done.returncode != 0 or not found:
            why = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            raise Unavailable(f"apt-get download {package}: {' '.join(why) or 'failed'}")
        output("dpkg-deb", "-x", str(found[0]), str(root))
        modules = root / "lib/modules" / release
        if not modules.is_dir():  # where /lib is no longer a directory of its own
            shutil.move(root / "usr/lib", root / "lib")
        output("depmod", "-b", str(root), release)
        (root / "complete").touch()
    return root / f"boot/vmlinuz-{release}", root / "lib/modules" / release


# -- the files of packages


def installed():
    """Name -> names that it depends on, and (for what is provided) -> its providers."""
    text = output("dpkg-query", "-W", "-f",
                  "${db:Status-Status}|${Package}|${Provides}|${Pre-Depends}, ${Depends}\n")
    depends, providers = {}, {}
    for line in text.splitlines():
        status, name, provides, wants = line.split("|", 3)
        if status != "installed":
            continue
        depends[name] = [re.split(r"[\s:(]", alternative.strip())[0]
                         for group in wants.split(",")
                         for alternative in group.split("|") if alternative.strip()]
        for provided in filter(None, re.split(r"\s*(?:\([^)]*\))?,\s*", provides)):
            providers.setdefault(provided.split()[0], []).append(name)
    return depends, providers


def packages():
    depends, providers = installed()
    queue = BASE + output("tests/install-deps", "--list", "vm").split()
    found = set()
    while queue:
        name = queue.pop()
        if name in found or NOT_NEEDED.search(name):
            continue
        if name in depends:
            found.add(name)
            queue += depends[name]
        else:
            queue += providers.get(name, [])
    return sorted(found)


def real(path):
    """A path with its directories resolved: /bin/ip is in /usr/bin."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def files_of_packages():
    found = {real(path) for path in output("dpkg", "-L", *packages()).splitlines()
             if path.startswith("/") and not UNREAD.search(path + "/")}
    # The packages' scripts made these.
    for path in sorted(found):
        if path.endswith(".py"):
            directory, name = os.path.split(path)
            cache = pathlib.Path(directory, "__pycache__")
            found.update(map(str, cache.glob(name[:-3] + ".cpython-*.pyc")))
    found.update(str(p) for p in pathlib.Path("/etc/alternatives").iterdir())
    found.update(("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ld.so.cache",
                  "/bin", "/sbin", "/lib", "/lib64", "/usr/bin/awk"))
    # Links that alternatives made: /usr/sbin/iptables, /usr/bin/awk.
    for directory in ("/usr/bin", "/usr/sbin"):
        for path in pathlib.Path(directory).iterdir():
            if path.is_symlink() and os.readlink(path).startswith("/etc/alternatives/"):
                found.add(str(path))
    return found


def libraries(executable):
    """The libraries that the executable is linked with, sanitizers' included."""
    found = re.findall(r"(/\S+) \(0x", output("ldd", str(executable)))
    return {name(path) for path in found for name in (real, os.path.realpath)}


# -- the archive


class Cpio:
    """A newc archive (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self, file):
        self.file, self.inode, self.seen = file, 1, set()

    def _entry(self, name, mode, mtime, content, device=(0, 0)):
        self.inode += 1
        name = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, mtime, len(content), 0, 0, *device,
                  len(name), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self.file.write(header + bytes(-len(header) % 4))
        self.file.write(content)
        self.file.write(bytes(-len(content) % 4))

    def _directories(self, name):
        parent = os.path.dirname(name)
        if parent and parent not in self.seen:
            self._directories(parent)
            self.seen.add(parent)
            self._entry(parent, stat.S_IFDIR | 0o755, 0, b"")

    def add(self, source, name):
        """The file, link or directory `source` as `name`; what is missing is left out."""
        name = name.lstrip("/")
        if name in self.seen or not os.path.lexists(source):
            return
        info = os.lstat(source)
        self._directories(name)
        if stat.S_ISLNK(info.st_mode):
            content = os.fsencode(os.readlink(source))
        elif stat.S_ISREG(info.st_mode):
            content = pathlib.Path(source).read_bytes()
        elif stat.S_ISDIR(info.st_mode):
            content = b""
        else:
            return
        self.seen.add(name)
        self._entry(name, info.st_mode, int(info.st_mtime), content)

    def device(self, name, major, minor):
        self._directories(name)
        self._entry(name, stat.S_IFCHR | 0o600, 0, b"", (major, minor))

    def text(self, name, content, mode=0o644):
        self._directories(name)
        self.seen.add(name)
        self._entry(name, stat.S_IFREG | mode, 0, content.encode())

    def finish(self):
        self._entry("TRAILER!!!", 0, 0, b"")


def initramfs(path, modules, build, script):
    """Writes it: packages, modules, the tree at /tree, and what to run as /tree/script."""
    executables = [build / name for name in ("bridge-cni", "bridge-cni-agent")]
    with open(path, "wb") as file:
        archive = Cpio(file)
        archive.device("dev/console", 5, 1)  # the kernel opens it before /init mounts /dev
        for directory in ("proc", "sys", "tmp", "run", "root", "var/lib", "opt/cni/bin"):
            archive._directories(directory + "/.")
        for name in sorted(files_of_packages().union(*map(libraries, executables))):
            archive.add(name, name)
        root = modules.parents[2]
        for source in sorted(modules.rglob("*")):
            inside = str(source.relative_to(modules))
            if "/" not in inside or (inside.startswith(MODULES) and
                                     not inside.startswith(NO_MODULES)):
                archive.add(source, "/" + str(source.relative_to(root)))
        for top in sorted(TREE.iterdir()):
            if top.name in (".git", "build"):  # not even looked into: whole systems may be there
                continue
            for source in (top, *sorted(top.rglob("*"))):
                archive.add(source, f"/tree/{source.relative_to(TREE)}")
        for executable in (*executables, *(TREE / "build/bench" / name for name in ("packets", "ask"))):
            archive.add(executable, f"/tree/{executable.relative_to(TREE)}")
        archive.add(TREE / "tests/vm/init", "/init")
        archive.text("tree/script", script, 0o755)
        archive.finish()
