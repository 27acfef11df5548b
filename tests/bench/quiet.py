# SPDX-License-Identifier: GPL-2.0-or-later
"""What it takes to find a pod's MAC address, among few pods and among many, with quietBridge and
without: one pod asks another one's, the bridge is idle otherwise."""
import pathlib
import statistics

import columns as c

from harness.node import addresses_of, network
from harness.quiet import asks_at_once

ASK = c.TOOLS / "ask"
WAYS = {"without": {}, "quietBridge": {"quietBridge": True}}
QUESTIONS = 50  # a round
RANGES = [[{"subnet": "10.1.0.0/16"}], [{"subnet": "fd00:1::/64"}]]
GATEWAYS = "10.1.0.1", "fd00:1::1"


class Way:
    """A bridge of a node that has so many pods."""

    def __init__(self, node, count, keys):
        self.node = node
        self.conf = network(**keys, ipam={"ranges": RANGES})
        self.pods, self.results = [], []
        self.fill(count)
        if "quietBridge" in keys:
            asks_at_once(self.node)

    def fill(self, count):
        while len(self.pods) < count:
            self.pods.append(self.node.pod())
            self.results.append(self.node.add(self.pods[-1], self.conf,
                                              executable=str(c.EXECUTABLES[c.MAKE])))

    def ask(self, family, count, target=None):
        """Nanoseconds of each answer, None for a lost one; and the processor's for one question. target:
        an address; None: the last pod's."""
        asker = self.pods[0]
        own, last = (addresses_of(result)[family] for result in (self.results[0], self.results[-1]))
        target = target or last
        before = kernel_threads()
        out = asker.run(str(ASK), "eth0", own, target, str(count)).stdout.splitlines()
        spent = int(out.pop().split()[1]) + kernel_threads() - before
        return [int(line) if line != "-1" else None for line in out], spent / count


def kernel_threads():
    """Nanoseconds that the threads have taken in which the kernel does what a flood leaves."""
    total = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().startswith("ksoftirqd"):
                total += int((path.parent / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def summary(answers, spent):
    """Microseconds; the answers of a list of rounds, in which some may be lost."""
    there = sorted(a for a in answers if a is not None)
    return {"median": statistics.median(there) / 1e3 if there else None,
            "p99": there[int(len(there) * 0.99)] / 1e3 if there else None,
            "lost": 1 - len(there) / len(answers), "processor": statistics.median(spent) / 1e3}


def quiet(bench, quick):
    """Row -> way -> summary()."""
    rounds, found = 1 if quick else 5, {}
    for count in (2, 50) if quick else (2, 250, 800):
        ways = {name: Way(bench.node(), count, keys) for name, keys in WAYS.items()}
        for family, what in enumerate(("ARP", "IPv6")):
            answers, spent = {name: [] for name in ways}, {name: [] for name in ways}
            for _ in range(rounds):
                for name, way in ways.items():
                    some, took = way.ask(family, 10 if quick else QUESTIONS)
                    answers[name] += some
                    spent[name].append(took)
            found[f"{what}, {count} pods"] = {name: summary(answers[name], spent[name])
                                              for name in ways}
        for way in ways.values():
            way.node.close()
    return found
