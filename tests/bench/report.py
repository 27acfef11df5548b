# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as tables, compared with the aims, and as a chart."""
import os
import platform
import shutil
import subprocess

from columns import BUNDLE, DEBIAN, FLOOR, MAKE

TITLES = {FLOOR: "floor", BUNDLE: "bundle", MAKE: "`make`", DEBIAN: "Debian's bridge"}


def first_line(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    return (done.stdout.splitlines() or [""])[0].strip()


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((row.split(":")[1].strip() for row in file
                      if row.startswith("model name")), platform.machine())
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    version = first_line("dpkg-query", "-W", "-f", "${Version}", "containernetworking-plugins")
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release(),
            "system": system, "containernetworking-plugins": version}


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines) + "\n"


def number(value):
    if value is None:
        return "–"
    if value == int(value):
        return str(int(value))
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def cells(columns, titles, field, scale=1):
    return [number(columns[t][field] / scale if t in columns else None) for t in titles]


def cost_rows(results, titles):
    what = {"ms": ("wall, ms", 1), "cpu_ms": ("processor, ms", 1),
            "kib": ("peak resident, MB", 1024), "calls": ("system calls", 1)}
    for verb, columns in results.get("cost", {}).items():
        for field, (name, scale) in what.items():
            if any(field in column for column in columns.values()):
                yield [f"{verb}: {name}", *cells(columns, titles, field, scale)]
    for verb, columns in results.get("elements", {}).items():
        yield [f"{verb}, with `spoofCheck`: wall, ms", *cells(columns, titles, "ms")]
    for verb, columns in results.get("storm", {}).items():
        yield [f"{verb}, 16 at a time: pods a second", *cells(columns, titles, "per_second")]


def slower(columns, title):
    """How much dearer than where nothing is, less what the floor is."""
    def ratio(t):
        return columns[t]["ms"] / columns[t]["empty_ms"]
    return ratio(title) / ratio(FLOOR)


def growth_rows(results, titles):
    for what, columns in results.get("growth", {}).items():
        yield [what, *(f"{number(columns[t]['empty_ms'])} → {number(columns[t]['ms'])}"
                       f" ({slower(columns, t):.2f})" for t in titles)]


def aims(results):
    """The aims: (name, title, value, limit, at most?)."""
    for what, row in results.get("tunnels", {}).items():
        less = "µs" in what
        yield f"{what.split(':')[0]}, ours / flannel's", MAKE, row["ours"]["ratio"], \
            1.03 if less else 0.97, less
    cost, storm = results.get("cost"), results.get("storm")
    for title, add, faster, cpu, mib, dels, often in (
            (BUNDLE, 1.5, 25, 1 / 20, 1, 1.10, 25), (MAKE, 3.0, 12, 1 / 12, 3, 1.15, 12)):
        if cost and title in cost["ADD"]:
            own, floor = cost["ADD"][title], cost["ADD"][FLOOR]
            yield "ADD / floor", title, own["ms"] / floor["ms"], add, True
            yield "CHECK / ADD", title, cost["CHECK"][title]["ms"] / own["ms"], 1.0, True
            yield "peak resident, MB", title, max(
                verb[title].get("kib", 0) for verb in cost.values()
                if title in verb) / 1024, mib, True
            waits = cost["DEL, delWaits"]
            yield "DEL / floor", title, \
                cost["DEL"][title]["ms"] / cost["DEL"][FLOOR]["ms"], 0.2, True
            yield "DEL, delWaits / floor", title, \
                waits[title]["ms"] / waits[FLOOR]["ms"], dels, True
            if title == BUNDLE:
                yield "STATUS / an empty process", title, \
                    cost["STATUS"][title]["ms"] / cost["STATUS"][FLOOR]["ms"], 1.5, True
            if DEBIAN in cost["ADD"]:
                other = cost["ADD"][DEBIAN]
                yield "Debian's ADD / ADD", title, other["ms"] / own["ms"], faster, False
                yield "processor of ADD / of Debian's", title, \
                    own["cpu_ms"] / other["cpu_ms"], cpu, True
        if title in results.get("elements", {}).get("DEL", {}):
            for verb, limit in (("DEL", 0.2), ("DEL, delWaits", dels)):
                rows = results["elements"][verb]
                yield f"{verb}, with elements / floor", title, \
                    rows[title]["ms"] / rows[FLOOR]["ms"], limit, True
        for what, columns in results.get("growth", {}).items():
            if title in columns and what.startswith("ADD"):
                yield f"{what} / none", title, slower(columns, title), 1.10, True
        if storm and title in storm["ADD"] and DEBIAN in storm["ADD"]:
            for verb, rates in storm.items():
                yield f"storm, {verb}: times Debian's pods a second", title, \
                    rates[title]["per_second"] / rates[DEBIAN]["per_second"], often, False


def aim_rows(results):
    for name, title, value, limit, at_most in aims(results):
        good = value <= limit if at_most else value >= limit
        yield [name, TITLES[title], f"{value:.3f}" if value < 0.1 else number(value),
               ("≤ " if at_most else "≥ ") + f"{limit:.3g}", "yes" if good else "NO"]


def packets_cell(one):
    """A median and, in brackets, the quartiles of its ratio to ours of the same round."""
    if one["median"] is None:
        return "lost"
    low, middle, high = one["ratio"] or (None,) * 3
    ratio = f" ({middle:.2f}: {low:.2f}–{high:.2f})" if middle else ""
    return number(one["median"]) + ratio + (f", {one['failed']} lost" if one["failed"] else "")


def packets_tables(found):
    for pods, paths in found.items():
        for path, names in paths.items():
            titles = next(iter(names.values()))
            yield table([f"{path}, {pods} pods", *names],
                        [[TITLES.get(title, title), *(packets_cell(row[title]) for row in names.values())]
                         for title in titles])


def head_of(verbs):
    """Titles of the columns that each verb has."""
    return [TITLES[title] for title in next(iter(verbs.values()))]


def text(results):
    on = results["machine"]
    titles = [t for t in TITLES if t not in results["left_out"]]
    head = [TITLES[t] for t in titles]
    parts = [f"{on['processors']} × {on['processor']}, Linux {on['kernel']}, {on['system']}; "
             f"containernetworking-plugins {on['containernetworking-plugins']}\n"]
    rows = list(cost_rows(results, titles))
    if rows:
        parts.append(table(["median", *head], rows))
    rows = list(growth_rows(results, titles))
    if rows:
        parts.append(table(["ms, empty → full (÷ the floor's)", *head], rows))
    if "storage" in results:
        parts.append(table([f"once, {results['storage']['reservations']:,} reservations",
                            "ms"], [[k, number(v)] for k, v in
                                    results["storage"]["ms"].items()]))
    if "throughput" in results:
        ways = list(results["throughput"]["1 stream"])
        parts.append(table(["pod to pod, Gbit/s", *ways], [
            [what, *(number(v) for v in row.values())]
            for what, row in results["throughput"].items()]))
    if "tunnels" in results:
        ways = list(next(iter(results["tunnels"].values())))
        parts.append(table(["pod to pod over two nodes (÷ flannel's)", *ways], [
            [what, *(f"{number(v['median'])} ({v['ratio']:.2f})" for v in row.values())]
            for what, row in results["tunnels"].items()]))
    if "quiet" in results:
        ways = list(next(iter(results["quiet"].values())))
        parts.append(table(["a pod asks for another's MAC address",
                            *(f"{way}: median / p99, µs; processor, µs; lost" for way in ways)], [
            [what, *(f"{number(v['median'])} / {number(v['p99'])}; {number(v['processor'])}; "
                     f"{v['lost']:.0%}" for v in row.values())]
            for what, row in results["quiet"].items()]))
    for kind, verbs in results.get("quiet_add", {}).items():
        parts.append(table([f"quietBridge, {kind}: processor, µs", *head_of(verbs)], [
            [verb, *(f"{number(v['us'])} + {number(v['medians'])} ({number(v['more'][0])} / "
                     f"{number(v['more'][1])} / {number(v['more'][2])})" for v in row.values())]
            for verb, row in verbs.items()]))
    if "rules" in results:
        parts.append(table(["one datagram over two nodes, on one processor", "ns", "÷ flannel's"], [
            [what, number(row["ns"]), f"{row['ratio']:.2f}"]
            for what, row in results["rules"].items()]))
    parts += packets_tables(results.get("packets", {}))
    rows = list(aim_rows(results))
    if rows:
        parts.append(table(["aim", "build", "here", "limit", "reached"], rows))
    return "\n".join(parts)


CHART = """\
set terminal svg size 960,380 font "sans-serif,12" background "#ffffff"
set output "{output}"
set multiplot layout 1,2
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set logscale y
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set ylabel "ms (logarithmic)"
set key top left vertical reverse Left
set bmargin 4
set yrange [0.05:2000]
$cost << EOD
{cost}
EOD
$growth << EOD
{growth}
EOD
set title "One pod, start to exit (median)"
plot {cost_plots}
set title "ADD, as the node fills"
unset key
plot {growth_plots}
"""
COLORS = {FLOOR: "#999999", BUNDLE: "#1b7837", MAKE: "#7fbf7b", DEBIAN: "#2b6cb0"}


def block(rows, titles):
    """gnuplot's data: a name, then a number a column; ? where there is none."""
    return "\n".join([" ".join(["what", *(f'"{TITLES[t].strip("`")}"' for t in titles)]), *(
        " ".join([f'"{name}"', *(f"{row[t]:.4f}" if t in row else "?" for t in titles)])
        for name, row in rows)])


def chart(results, directory):
    """Draws the chart, where there is gnuplot and the sections that the chart shows were run."""
    if not shutil.which("gnuplot") or not {"cost", "growth"} <= results.keys():
        print("no chart: it wants gnuplot, and the sections cost and growth")
        return
    titles = [t for t in TITLES if t not in results["left_out"]]
    cost = [(verb, {t: v["ms"] for t, v in row.items()})
            for verb, row in results["cost"].items() if DEBIAN in row or verb == "STATUS"]
    growth = [("none", {t: v["ms"] for t, v in results["cost"]["ADD"].items()})]
    growth += [(what.removeprefix("ADD, ").replace(" ", "\\n"),
                {t: v["ms"] for t, v in row.items()})
               for what, row in results["growth"].items()
               if what.startswith("ADD") and "pass by" not in what]

    def plots(name):
        return ", ".join(f"{name} using {i + 2}:xtic(1) title columnheader({i + 2}) "
                         f"lc rgb '{COLORS[t]}'" for i, t in enumerate(titles))

    script = CHART.format(output=directory / "chart.svg", cost=block(cost, titles),
                          growth=block(growth, titles), cost_plots=plots("$cost"),
                          growth_plots=plots("$growth"))
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
