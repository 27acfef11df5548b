# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that are compared, each on a node made of namespaces, and how they are measured."""
import functools
import json
import os
import pathlib
import random
import statistics
import subprocess

from harness import plugin
from harness.node import Node

TREE = pathlib.Path(__file__).resolve().parents[2]
TOOLS = TREE / "build/bench"
REFERENCE = pathlib.Path("/usr/lib/cni")  # Debian's containernetworking-plugins
SUBNET = "10.1.0.0/16"
DUAL_STACK = {"type": "host-local", "ranges": [[{"subnet": SUBNET}], [{"subnet": "fd00:1::/64"}]]}
DEBIANS_SUBNET = "10.3.0.0/16"  # on a bridge of its own, on the same node
# The executable of each, by its column's title.
FLOOR, BUNDLE, MAKE, DEBIAN = "floor", "bundle", "make", "debian"
EXECUTABLES = {FLOOR: TOOLS / "floor", BUNDLE: TREE / "build/bundle/bridge-cni",
               MAKE: TREE / "build/release/bridge-cni", DEBIAN: REFERENCE / "bridge"}

# In which the floor has its elements, as spoofCheck does.
FLOOR_SETS = "table bridge floor {" + "".join(
    f"set s{i} {{ type {kind}; }}\n" for i, kind in enumerate(
        ("ifname . ether_addr", "ifname . ipv4_addr", "ifname . ipv6_addr",
         "ifname . ipv6_addr", "ifname", "ifname"))) + "}"


def missing():
    """Columns that can't be had, with the reason."""
    return {title: f"{os.path.relpath(path, TREE)} is not there" for title, path in EXECUTABLES.items()
            if not os.access(path, os.X_OK)}


def subnet_of(title):
    return DEBIANS_SUBNET if title == DEBIAN else SUBNET


def configuration(title, name, **changes):
    conf = {"cniVersion": "1.0.0" if title == DEBIAN else "1.1.0", "name": name,
            "type": "bridge", "bridge": "br-debian" if title == DEBIAN else "cni0",
            "isDefaultGateway": True, "ipMasq": True, "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": subnet_of(title)}]]}}
    conf.update(changes)
    return conf


class Column:
    """One of those compared, on one node, ready for a pod to come."""

    def __init__(self, title, node, pod, name="pods", **changes):
        self.title, self.node = title, node
        self.name = f"{name}-debian" if title == DEBIAN else name
        self.executable = EXECUTABLES[title]
        self.conf = configuration(title, self.name, **changes)
        self.changes = changes
        self.kept = pod  # what CHECK looks at
        self.input = self._file("conf", self.conf)
        self.input_of = {}
        self.before = {}  # verb -> a line of the plan that goes before it, unmeasured
        if title != FLOOR:
            self._first()

    def _file(self, what, conf):
        path = f"{self.node.directory}/{self.title}-{self.name}-{what}.json"
        pathlib.Path(path).write_text(json.dumps(conf))
        return path

    def answer(self, pod):
        return f"{self.node.directory}/{self.title}-{pod.name}.out"

    def _first(self):
        """The first ADD makes what all pods share, and its result is given to CHECK."""
        measure([self.step("ADD", self.kept)])
        result = json.loads(pathlib.Path(self.answer(self.kept)).read_text())
        self.input_of["CHECK"] = self._file("check", {**self.conf, "prevResult": result})

    def has(self, verb):
        if self.title == FLOOR:
            return verb != "CHECK"
        return verb != "STATUS" or self.title != DEBIAN  # Debian's: CNI 1.0.0

    def _floor(self, number):
        """What tests/bench/floor.c reads."""
        spoof, quiet = (self.changes.get(key) for key in ("spoofCheck", "quietBridge"))
        return {"FLOOR_BRIDGE": "cni0", "FLOOR_HOST": f"floor{number}",
                "FLOOR_ADDRESS": f"10.1.{250 + number // 250}.{number % 250 + 2}",
                "FLOOR_ADDRESS6": (f"fd00:1::fa:{number + 1:x}"
                                   if self.changes.get("ipam") == DUAL_STACK else None),
                "FLOOR_SPOOF": "1" if spoof else None,
                "FLOOR_QUIET": self.bridge_mac if quiet else None}

    @functools.cached_property
    def bridge_mac(self):
        return self.node.links()["cni0"]["address"]

    def step(self, verb, pod):
        """A line of tests/bench/measure.c's plan."""
        if verb == "CHECK":
            pod = self.kept
        values = {"CNI_CONTAINERID": pod.id, "CNI_NETNS": pod.netns, "CNI_IFNAME": "eth0",
                  "CNI_PATH": str(REFERENCE)}
        if self.title == FLOOR:
            values.update(self._floor(pod.node.pods.index(pod)))
        env = plugin.environment(verb, **values)
        env["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        return line(self.node, self.input_of.get(verb, self.input), self.answer(pod),
                    self.executable, *(f"{k}={v}" for k, v in env.items()))


def line(node, given, answer, executable, *env):
    return "\t".join(map(str, (node.mnt_fd, node.net_fd, 0, given, answer, executable, *env)))


def measure(lines, *options):
    """Runs a plan; what tests/bench/measure.c prints, a tuple of numbers a line."""
    fds = {int(fd) for text in lines for fd in text.split("\t")[:2]}
    done = subprocess.run([TOOLS / "measure", *options], input="\n".join(lines) + "\n",
                          text=True, capture_output=True, pass_fds=fds)
    if done.returncode != 0:
        answer = pathlib.Path(done.stderr.split()[-1])
        said = answer.read_text() if answer.is_file() else ""
        raise SystemExit(f"tests/bench: {done.stderr}{said}")
    return [tuple(map(int, text.split())) for text in done.stdout.splitlines()]


class Bench:
    """Nodes; all columns that can be had on each.

    Their store is in memory, as on a node with dataDir in /run; or on a disk.
    """

    def __init__(self, memory, disk, titles):
        self.memory, self.disk = pathlib.Path(memory), pathlib.Path(disk)
        self.titles = titles
        self.nodes = 0

    def node(self, on_disk=False):
        self.nodes += 1
        node = Node((self.disk if on_disk else self.memory) / f"node{self.nodes}")
        node.connect()
        return node

    def columns(self, node, titles=None, **changes):
        # The floor uses what another column's first ADD made.
        return [Column(title, node, node.pod(), **changes)
                for title in reversed(titles or self.titles)][::-1]


def interleaved(sets, verbs, rounds, options=()):
    """Every verb of every column in turn, so many times: (set, column, verb) -> values.

    `sets`: name -> columns, each on a node in another state. All are in each round, in
    another order each time, so that whatever else the machine does meets all of them.
    """
    order = random.Random(1)
    steps, keys = [], []
    entries = [(name, column, column.node.pod()) for name, columns in sets.items()
               for column in columns]
    for _ in range(rounds):
        for verb in verbs:
            order.shuffle(entries)
            for name, column, pod in entries:
                if verb in column.before:
                    steps.append(column.before[verb])
                    keys.append(None)
                if column.has(verb):
                    steps.append(column.step(verb, pod))
                    keys.append((name, column.title, verb))
    found = {}
    for key, values in zip(keys, measure(steps, *options)):
        found.setdefault(key, []).append(values)
    found.pop(None, None)
    return found


def median(found, key, which=0):
    return statistics.median(values[which] for values in found[key]) if key in found else None

