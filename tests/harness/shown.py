# SPDX-License-Identifier: GPL-2.0-or-later
"""What `bridge-cni show` tells, each time held against its schema."""
import json

from . import plugin
from .command import command
from .former import hash_text
from .schema import errors_of

SCHEMA = json.loads((plugin.REPOSITORY / "deploy/show.schema.json").read_text())
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
CONF = "/run/network.conflist"  # in the node, where everybody may read it


def configured(node, *confs):
    """A file with the list of each configuration; paths in the node."""
    paths = []
    for number, conf in enumerate(confs):
        path = CONF.replace("network", f"network{number}")
        conf = dict(conf)
        head = {key: conf.pop(key) for key in ("cniVersion", "name")}
        (node.run_dir / path.split("/")[-1]).write_text(
            json.dumps({**head, "plugins": [conf]}))
        paths.append(path)
    return paths


def document(done):
    """The JSON that was printed, which is as the schema says."""
    assert (done.returncode, done.stderr) == (0, ""), done
    found = json.loads(done.stdout)
    assert errors_of(found, SCHEMA) == []
    return found


def show(node, *confs, **kw):
    return document(command(node, "show", "--json", *configured(node, *confs), **kw))


def show_text(node, *confs, **kw):
    done = command(node, "show", *configured(node, *confs), **kw)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def records_of(node, name):
    return sorted((node.store / ".bridge-cni" / name).glob("p-*"))


def record_write(node, name, lines):
    """Writes a record as the plugin does: its file has the holder's hash, its last line the
    text's."""
    values = dict(line.split(" ", 1) for line in lines)
    holder = hash_text(f"{values['container']}\r\n{values['ifname']}")
    text = "".join(f"{line}\n" for line in lines)
    path = node.store / ".bridge-cni" / name / f"p-{holder:016x}"
    path.write_text(f"{text}end {hash_text(text):016x}\n")
    return path
