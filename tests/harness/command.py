# SPDX-License-Identifier: GPL-2.0-or-later
"""The executable by its command line, and configurations as they stand in files."""
import json

from . import plugin


def conflist(conf, *others):
    """As it stands in /etc/cni/net.d."""
    conf = dict(conf)
    head = {key: conf.pop(key) for key in ("cniVersion", "name")}
    return {**head, "plugins": [conf, *others]}


def written(node, *confs):
    """The paths of files with a list each."""
    paths = []
    for number, conf in enumerate(confs):
        paths.append(node.directory / f"{number:02}.conflist")
        paths[-1].write_text(json.dumps(conf if "plugins" in conf else conflist(conf)))
    return list(map(str, paths))


def begin(node, *argv, wrapper=(), env=None, executable=plugin.BRIDGE_CNI):
    """Starts it; call what is returned for its end."""
    values = plugin.environment("", **(env or {}))
    del values["CNI_COMMAND"]
    return node.begin(*wrapper, executable, *argv, env=values)


def command(node, *argv, **kw):
    """The finished process, unjudged."""
    return begin(node, *argv, **kw)()


def lines_of(done):
    """The lines that say what was done. The command has succeeded, without a word on stderr."""
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.splitlines()


def refused(done, *words):
    """The command has failed with these words on stderr, and has done nothing."""
    assert done.returncode == 1 and done.stdout == "", done
    for word in words:
        assert word in done.stderr, f"{word} is not named in: {done.stderr}"


def repair(node, *confs, **kw):
    return lines_of(command(node, "repair", *written(node, *confs), **kw))


def cleanup(node, *confs, **kw):
    return lines_of(command(node, "cleanup", *written(node, *confs), **kw))
