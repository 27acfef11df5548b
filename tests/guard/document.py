# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of results that a document has, each between two comments.

With DOCUMENTS=write in the environment the document's table becomes what came out.
"""
import os

from harness import plugin

DOCUMENT = plugin.REPOSITORY / "deploy/README.md"
END = "<!-- the end of what tests/guard writes -->\n"


def table(heads, parts):
    """Markdown. parts: [(title, [(name, [a cell each])])]; rows of a part whose cells are the same
    share a line."""
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for title, rows in parts:
        alike = {}
        for name, cells in rows:
            alike.setdefault(tuple(cells), []).append(name)
        lines += [f"| **{title}** |" + " |" * len(heads)] if title else []
        lines += [f"| {'; '.join(names)} | {' | '.join(cells)} |" for cells, names in alike.items()]
    return "".join(line + "\n" for line in lines)


def hold(name, new):
    """The document's table of that name is this one."""
    begin, text = f"<!-- tests/guard writes this: {name} -->\n", DOCUMENT.read_text()
    before, rest = text.split(begin)
    old, after = rest.split(END, 1)
    if os.environ.get("DOCUMENTS") == "write":
        DOCUMENT.write_text(before + begin + new + END + after)
    else:
        assert old == new, f"{DOCUMENT}: what came out is\n{new}(DOCUMENTS=write puts that there)"
