# SPDX-License-Identifier: GPL-2.0-or-later
"""A runtime on a node: libcni by way of a small cnitool, conflists from a directory."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import plugin
from harness.node import NETWORK

HERE = pathlib.Path(__file__).parent
GOPATH = pathlib.Path("/usr/share/gocode")
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", os.path.dirname(plugin.BRIDGE_CNI)))


@pytest.fixture(scope="session")
def cnitool():
    if shutil.which("go") is None:
        pytest.skip("golang-go is not installed")
    if not (GOPATH / "src/github.com/containernetworking/cni/libcni").is_dir():
        pytest.skip("golang-github-appc-cni-dev is not installed")
    out = BUILD.resolve() / "libcni/cnitool"
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GOPATH),
           "GOCACHE": str(out.parent / "go-cache"), "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", str(out), str(HERE / "main.go")], env=env,
                   check=True)
    return out


class Runtime:
    """A runtime on a node: its directory of conflists, and the tool."""

    def __init__(self, node, tool):
        self.node, self.tool = node, tool
        self.net_d = node.directory / "net.d"
        self.net_d.mkdir()

    def configure(self, conf, *later):
        plugins = [{k: v for k, v in conf.items() if k not in ("name", "cniVersion")}]
        (self.net_d / f"10-{conf['name']}.conflist").write_text(json.dumps(
            {"cniVersion": conf["cniVersion"], "name": conf["name"],
             "plugins": [*plugins, *later]}))

    def call(self, verb, netns, **env):
        env = {"NETCONFPATH": str(self.net_d), "PATH": os.environ["PATH"],
               "CNI_PATH": f"{os.path.dirname(plugin.BRIDGE_CNI)}:/usr/lib/cni",
               **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}, **env}
        return self.node.run(self.tool, verb, NETWORK, netns, check=False, env=env)

    def good(self, verb, netns, **env):
        done = self.call(verb, netns, **env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None


@pytest.fixture
def runtime(node, cnitool):
    return Runtime(node, cnitool)
