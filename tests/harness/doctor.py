# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` as tests run it: what it finds of a node whose configuration they write, and
the finding's own command, after which the finding has to be gone."""
import json

from harness.command import command, conflist
from harness.node import network

STATUS = {"ok": 0, "warning": 1, "problem": 2}
# Keys without which validate has something to say.
RIGHT = {"cniVersion": "1.0.0", "capabilities": {"portMappings": True}}


def ours(families="dual", **changes):
    return network(families, **{**RIGHT, **changes})


def plugins(node, name):
    directory = node.run_dir / "bin"
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def write(node, conf, name="10-ours.conflist"):
    directory = node.run_dir / "net.d"
    directory.mkdir(exist_ok=True)
    if isinstance(conf, dict) and "plugins" not in conf:
        conf = conflist(conf)
    (directory / name).write_text(conf if isinstance(conf, str) else json.dumps(conf))


def run(node, *arguments, env=None, **kw):
    return command(node, "doctor", *arguments, "/run/net.d", env={"CNI_PATH": "/run/bin", **(env or {})}, **kw)


def findings(node, check=None, **kw):
    """What it finds that is not right, of one check or of all."""
    done = run(node, "--json", **kw)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert done.returncode == max(STATUS[finding["level"]] for finding in found)
    return [finding for finding in found
            if finding["level"] != "ok" and check in (None, finding["check"])]


def one(node, check, level, *words):
    found = findings(node, check)
    assert [finding["level"] for finding in found] == [level], found
    for word in words:
        assert word in found[0]["message"], found
    return found[0]


def mended(node, finding):
    """The finding's command is typed as it is; the finding is gone then."""
    node.run("sh", "-c", finding["command"])
    assert findings(node, finding["check"]) == []


def told_and_mended(node, check, level, *words):
    finding = one(node, check, level, *words)
    mended(node, finding)
    return finding


POLICY = """
table inet other {
    chain %s {
        type filter hook forward priority 0; policy drop;
    }
}"""


def all_mended(node, check, level):
    found = findings(node, check)
    assert found and {finding["level"] for finding in found} == {level}, found
    for finding in found:
        node.run("sh", "-c", finding["command"])
    assert findings(node, check) == []
