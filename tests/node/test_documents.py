# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents' examples, run as they stand there: their output is what comes out.

In a block of code a line that begins with "# " is a command, and what follows is its output; a
block without such a line is commands alone. With DOCUMENTS=write in the environment the output in
the document becomes what came out here.
"""
import json
import os
import re

import pytest

from harness import plugin
from harness.command import written

README = plugin.REPOSITORY / "README.md"
EXAMPLES = plugin.REPOSITORY / "plugin/README.md"
MANUAL = plugin.REPOSITORY / "deploy/man/bridge-cni.8"
WRITE = os.environ.get("DOCUMENTS") == "write"
MARK = "-- here ends the output of a command --"
# These differ from run to run: the MAC address of a bridge made here, which follows from the
# boot and the namespace, the link-local address that follows from that, and interfaces' indexes.
VARIES = [(r"\b06(:[0-9a-f]{2}){5}\b", "BRIDGE-MAC"), (r"fe80::4[0-9a-f:]+/64", "BRIDGE-LL"),
          (r"@if\d+", "@ifN")]


def section(document, title):
    """The text below a headline, up to the next of its level or above."""
    ends = tuple("#" * n + " " for n in range(1, title.index(" ") + 1))
    lines, inside, code = [], False, False
    for line in document.read_text().splitlines(keepends=True):
        code ^= line.startswith("```")
        if not code and line.startswith(ends):
            inside = line.strip() == title
        elif inside:
            lines.append(line)
    return "".join(lines)


def blocks(text):
    """(language, lines) of each block of code, and the paragraph in front of it."""
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [(m[1], m[2], text[:m.start()].rstrip().rsplit("\n\n", 1)[-1]) for m in found]


def steps(block):
    """[command, output] of each; where there is no prompt, one command without output."""
    if not re.search(r"^# ", block, re.M):
        return [[block, None]]
    parts = re.split(r"^# (.*)\n", block, flags=re.M)
    assert parts[0] == "", "output before the first command"
    return [[command, output] for command, output in zip(parts[1::2], parts[2::2])]


def what_came_out(node, directory, commands):
    """The output of each command, with stderr; all run in one shell, on the node."""
    script = "exec 2>&1\n" + "".join(f"{command}\necho '{MARK}'\n" for command in commands)
    out = node.run("bash", "-c", f"cd '{directory}'\n{script}").stdout
    outputs = out.split(MARK + "\n")
    assert len(outputs) == len(commands) + 1, out
    return outputs[:-1]


def alike(command, text):
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    if command.startswith("ls "):  # in as many columns as the terminal has room for
        return text.split()
    # Columns are as wide as what stands in them.
    return [line.split() for line in text.splitlines()]


def write(command, output, after):
    """Puts the output into the document, behind a place; gives the next one. None: as it is."""
    text = EXAMPLES.read_text()
    start = text.index(f"# {command}\n", after) + len(command) + 3
    end = re.compile(r"^(# |```)", re.M).search(text, start).start()
    if output is not None:
        output = "  ".join(output.split()) + "\n" if command.startswith("ls ") else \
            "".join(line.rstrip() + "\n" for line in output.splitlines())
        EXAMPLES.write_text(text[:start] + output + text[end:])
    return start


def hold(node, directory, shown):
    """Runs the steps; their output must be the document's."""
    found = what_came_out(node, directory, [command for command, _ in shown])
    place = 0
    for (command, wanted), output in zip(shown, found):
        if wanted is None:
            assert output == "", f"{command}\n{output}"
            continue
        same = alike(command, output) == alike(command, wanted)
        if WRITE:
            place = write(command, None if same else output, place)
        else:
            assert same, \
                f"{EXAMPLES}: `{command}` prints\n{output}(DOCUMENTS=write puts that there)"


@pytest.fixture
def directory(node):
    """A directory in which somebody has built the plugin."""
    path = node.directory / "tree"
    (path / "build").mkdir(parents=True)
    (path / "build/bridge-cni").symlink_to(os.path.realpath(plugin.BRIDGE_CNI))
    return path


def example(directory):
    """The worked example's steps, with its files where they are wanted."""
    shown = []
    for language, text, before in blocks(section(EXAMPLES, "## A worked example")):
        name = re.fullmatch(r"In, `(\S+)`:", before)
        if language == "json" and name:
            (directory / name[1]).write_text(text)
        else:
            shown += steps(text)
    return shown


def test_the_worked_example_comes_out_as_it_stands(node, directory):
    hold(node, directory, example(directory))
    # The example ends by removing all that it made.
    assert [path.name for path in (node.run_dir / "netns").iterdir()] == ["outside"]
    assert not (node.run_dir / "bridge-cni-example").exists()


def test_repair_prints_what_it_mends_as_it_stands(node, directory):
    """On the worked example's node, whose configuration is in a file."""
    commands = [command for command, _ in example(directory)]
    added = [command for command in commands if command.startswith("cni ADD")]
    conf = json.loads((directory / "net.json").read_text())
    written(node, conf)
    shown, = [steps(text) for _, text, _ in blocks(section(EXAMPLES, "## Healing"))
              if "bridge-cni repair\n" in text and "# ip link" in text]
    before = f"""
        ip() {{ command ip -n node1 "$@"; }}
        nft() {{ command ip netns exec node1 nft "$@"; }}
        bridge-cni() {{ command ip netns exec node1 build/bridge-cni "$@" '{node.directory}'; }}"""
    hold(node, directory, [[commands[0], None],
                           *([f"{command} >/dev/null", None] for command in added),
                           [before, None], *shown])


def conflist():
    """The one of /etc/cni/net.d."""
    text, = [text for language, text, _ in blocks(section(README, "## One configuration"))
             if language == "json" and '"plugins"' in text]
    return json.loads(text)


def how_to_look():
    """The commands of the manual page."""
    block, = re.findall(r"^\.Ss How to look\n\.Bd -literal\n(.*?)^\.Ed$", MANUAL.read_text(),
                        re.M | re.S)
    return block.splitlines()


def test_the_conflist_serves_and_one_finds_what_it_made_where_How_to_look_says(node):
    conf = conflist()
    first, = conf["plugins"]
    pod = node.pod()
    node.add(pod, {"cniVersion": conf["cniVersion"], "name": conf["name"], **first,
                   "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80}]}})
    for command in how_to_look():
        done = node.run("bash", "-c", command, check=False)
        said = done.stdout + done.stderr
        if command.startswith("fuser"):  # nobody holds it now: that, and no other, is its reason
            assert "does not exist" not in said, command
        else:
            assert done.returncode == 0 and done.stdout, f"{command}: {said}"
        if command.startswith("grep"):
            assert pod.id in done.stdout
