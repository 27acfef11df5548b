# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of deploy/README.md."""
import re

from .plugin import REPOSITORY

README = REPOSITORY / "deploy/README.md"
# Before the commands of a document, in a mount namespace: its paths lead to the node's.
PATHS = """\
set -e
mount -t tmpfs none /opt
mount -t tmpfs none /etc
mkdir -p /opt/cni/bin /etc/cni/net.d
mount --bind {bin} /opt/cni/bin
mount --bind {conf} /etc/cni/net.d
"""


def section(heading):
    """The text that deploy/README.md has below a heading."""
    return re.split(rf"\n####? {re.escape(heading)}\n", README.read_text())[1].split("\n##")[0]


def commands(heading):
    """The blocks of commands below a heading, each a list of lines."""
    return [[re.sub(r"\s+#.*", "", line).strip() for line in block.strip().splitlines()]
            for block in section(heading).split("```")[1::2]]


def inline(heading, start):
    """The command that begins so in the text below a heading."""
    text = "".join(section(heading).split("```")[::2])
    found = [" ".join(command.split()) for command in re.findall(r"`([^`]+)`", text)]
    return next(command for command in found if command.startswith(start))


def of_node(line, name):
    """A command in which NODE stands for a node's name."""
    return re.sub(r"\bNODE\b", name, line)


def by_hand(node, lines):
    """The finished process of commands that are typed on a node."""
    script = PATHS.format(bin=node.bin_dir, conf=node.conf_dir) + "\n".join(lines)
    return node.run("unshare", "-m", "sh", "-c", script, check=False)
