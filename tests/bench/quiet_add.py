# SPDX-License-Identifier: GPL-2.0-or-later
"""What an ADD or a DEL with quietBridge takes of the processor more than one without: the program, and the
floor, which is what the kernel takes for the messages."""
import statistics

import columns as c
from columns import BUNDLE, FLOOR, MAKE

KINDS = {
    "IPv4": {},
    "IPv4, spoofCheck": {"spoofCheck": True},
    "dual stack": {"ipam": c.DUAL_STACK},
    "dual stack, spoofCheck": {"ipam": c.DUAL_STACK, "spoofCheck": True},
}
WAYS = {"without": {}, "quietBridge": {"quietBridge": True}}
PROCESSOR = 1  # of the values of a measurement


def columns_of(bench, titles, keys):
    node = bench.node()
    if "spoofCheck" in keys:
        node.nft(c.FLOOR_SETS)
    return bench.columns(node, titles, **keys)


def quiet_add(bench, quick):
    """Kind of pod -> verb -> column -> µs without the key, and quartiles of how many more with it: of the
    differences of each round."""
    titles = [title for title in (FLOOR, BUNDLE, MAKE) if title in bench.titles]
    sets = {(kind, way): columns_of(bench, titles, {**keys, **more})
            for kind, keys in KINDS.items() for way, more in WAYS.items()}
    found = c.interleaved(sets, ("ADD", "DEL"), 10 if quick else 400)
    rows = {}
    for kind in KINDS:
        for verb in ("ADD", "DEL"):
            for title in titles:
                without, with_key = ([values[PROCESSOR] for values in found[(kind, way), title, verb]]
                                     for way in WAYS)
                rows.setdefault(kind, {}).setdefault(verb, {})[title] = {
                    "us": statistics.median(without),
                    "more": statistics.quantiles(
                        [b - a for a, b in zip(without, with_key)], n=4, method="inclusive"),
                    "medians": statistics.median(with_key) - statistics.median(without)}
    return rows
