# SPDX-License-Identifier: GPL-2.0-or-later
"""Does an ADD or a DEL cost more where there is much already? In the store, of pods, of
other programs' rules. And what reading a whole store costs, once."""
import ipaddress
import os
import statistics

import columns as c
import kube_proxy
from columns import BUNDLE, DEBIAN, FLOOR, MAKE

from harness import netns

BEFORE_FIRST = 0x200  # addresses of a subnet that are not filled


def nth(column, i):
    """The address number i of those that are filled."""
    subnet = ipaddress.ip_network(c.subnet_of(column.title))
    return str(subnet.network_address + BEFORE_FIRST + i)


def fill(directory, column, count):
    for i in range(count):
        (directory / nth(column, i)).write_text(f"pod-{i}\r\neth0")


def of_one_network(columns):
    """The columns by their network's directory in the store."""
    return {column.node.store / column.name: column for column in columns
            if column.title != FLOOR}


def with_reservations(bench, count, passed_by=False):
    """As a node that filled up has them: the next address is free. `passed_by`: all of
    them are between last_reserved_ip and the next free one, at every ADD."""
    node = bench.node(on_disk=True)
    columns = bench.columns(node)
    for directory, column in of_one_network(columns).items():
        last = directory / "last_reserved_ip.0"
        fill(directory, column, count)
        last.write_text(nth(column, count - 1))
        if passed_by:
            first = node.directory / "first"
            first.write_text(nth(column, -1))
            column.before["ADD"] = c.line(node, first, last, "/bin/cat")
    os.sync()
    return columns


def passed_by(bench, count):
    return with_reservations(bench, count, passed_by=True)


def with_pods(bench, count):
    node = bench.node()
    # All on one bridge, Debian's too, where its addresses are others.
    columns = bench.columns(node, [t for t in bench.titles if t != DEBIAN])
    if DEBIAN in bench.titles:
        columns += bench.columns(node, [DEBIAN], bridge="cni0", ipam={
            "type": "host-local",
            "ranges": [[{"subnet": c.SUBNET, "rangeStart": "10.1.128.1"}]]})
    maker = next(column for column in columns if column.title == MAKE)
    c.measure([maker.step("ADD", node.pod()) for _ in range(count)], "-j", "4")
    return columns


def with_services(bench, count):
    node = bench.node()
    columns = bench.columns(node)
    netns.TIMEOUT = 600
    node.nft(kube_proxy.services(count))
    return columns


def growth(bench, quick):
    sizes = {"reservations": 2000 if quick else 60000, "pods": 50 if quick else 500,
             "services": 500 if quick else 10000}
    states = {"reservations": with_reservations, "reservations to pass by": passed_by,
              "pods": with_pods, "services": with_services}
    rows = {}
    for what, make in states.items():
        size = sizes[what.split()[0]]
        empty = bench.node(on_disk="reservations" in what)
        sets = {"empty": bench.columns(empty), "full": make(bench, size)}
        slow = {name: [x for x in cols if x.title == DEBIAN] for name, cols in sets.items()}
        quicker = {name: [x for x in cols if x.title != DEBIAN]
                   for name, cols in sets.items()}
        c.interleaved(sets, ("ADD", "DEL"), 1)  # who reads all once does so now
        found = c.interleaved(quicker, ("ADD", "DEL"), 10 if quick else 60)
        found |= c.interleaved(slow, ("ADD", "DEL"), 2 if quick else 10)
        for verb in ("ADD", "DEL"):
            rows[f"{verb}, {size:,} {what}"] = {
                title: {"empty_ms": c.median(found, ("empty", title, verb)) / 1e6,
                        "ms": c.median(found, ("full", title, verb)) / 1e6}
                for title in bench.titles}
    return rows


def storage(bench, quick):
    """Reading a store once: after another program wrote, without an index, at a boot."""
    count = 2000 if quick else 60000
    node = bench.node(on_disk=True)
    title = BUNDLE if BUNDLE in bench.titles else MAKE
    [column] = bench.columns(node, [title])
    pod, directory = node.pod(), node.store / column.name
    fill(directory, column, count)
    os.sync()

    def ms(verb):
        return c.measure([column.step(verb, pod)])[0][0] / 1e6

    found = {"DEL, the first reading": ms("DEL")}
    other = directory / "10.1.255.250"
    took = []
    for i in range(5):
        ms("ADD")
        other.write_text(f"other-{i}\r\neth0")
        took.append(ms("DEL"))
        other.unlink()
        ms("DEL")
    found["DEL, after another program wrote"] = statistics.median(took)
    (node.store / ".bridge-cni" / column.name / "index").unlink()
    found["DEL, without an index"] = ms("DEL")
    boot, past = node.directory / "boot", 1000
    for i in range(past, count):
        (directory / nth(column, i)).unlink()
    ms("DEL")
    os.sync()
    boot.write_text("11111111-2222-3333-4444-555555555555\n")
    node.run("mount", "--bind", boot, "/proc/sys/kernel/random/boot_id")
    found[f"ADD, the first of a boot: {past:,} given back"] = ms("ADD")
    return {"reservations": count, "title": title, "ms": found}
