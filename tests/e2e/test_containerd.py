# SPDX-License-Identifier: GPL-2.0-or-later
"""containerd and runc: containers that `ctr run --cni` starts, and ends or leaves behind."""
import re
import subprocess
import time

import pytest
from conftest import missing

from harness import host as hosts
from harness.netns import TIMEOUT
from harness.node import GATEWAY4, INTERNET4, INTERNET6, network
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run

CONFIG = """
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/containerd/containerd.sock"
"""


class Containerd:
    def __init__(self, host, image):
        self.host, self.node = host, host.node
        host.write("/etc/containerd.toml", CONFIG)
        host.popen(["containerd", "--config", "/etc/containerd.toml"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.ctr("version", check=False).returncode == 0)
        self.ctr("images", "import", image)

    def ctr(self, *argv, **kw):
        return self.host.run("ctr", *argv, **kw)

    def _run(self, name, options, command):
        return ["ctr", "run", *options, "--cni", "--cgroup", f"/{self.host.cgroup}/{name}",
                hosts.IMAGE, name, *command]

    def start(self, name):
        """In the background: ctr has done its part when it returns."""
        self.host.run(*self._run(name, ["-d"], ["sleep", "600"]))

    def attend(self, name, *command):
        """In the foreground: ctr waits for the container's end. Gives its process."""
        return self.host.popen(self._run(name, ["--rm"], command), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)

    def inside(self, name, *command, **kw):
        return self.ctr("task", "exec", "--exec-id", f"x{time.monotonic_ns()}", name,
                        *command, **kw)

    def pid(self, name):
        """Among the node's processes."""
        return dict(re.findall(r"^(\S+) +(\d+) ", self.ctr("task", "ls").stdout, re.M))[name]

    def addresses(self, name):
        """Not by what a command prints inside: once that has ended ctr gives its output up where the
        open() of the pipe has not yet returned, which it begins before the command, and ends with
        status 0 and without a word."""
        out = self.host.run("nsenter", "-t", self.pid(name), "-n",
                            "ip", "address", "show", "dev", "eth0").stdout
        return re.findall(r"inet6? (\S+) .*scope global", out)

    def end(self, name):
        """Not by `ctr task kill`, which sends a DEL of its own since containerd 1.7."""
        self.host.run("sh", "-c", f"kill -KILL {self.pid(name)}")

    def forget(self, name):
        """The end of a container that nobody attends to: no DEL is sent."""
        veths = len(self.node.host_veths())
        self.end(name)
        wait_for(lambda: "STOPPED" in self.ctr("task", "ls").stdout)
        self.ctr("task", "rm", name, check=False)  # its status is the container's: killed
        self.ctr("container", "rm", name)
        wait_for(lambda: len(self.node.host_veths()) < veths)


@pytest.fixture(scope="module")
def containerd(host, image):
    lacks = missing("containerd", "ctr", "runc")
    if lacks:
        pytest.skip(lacks)
    return Containerd(host, image)


def conf(*families, **changes):
    """1.6 and 1.7 refuse a list of a newer version."""
    return network(*families, cniVersion="1.0.0", **changes)


def test_containers_reach_each_other_and_the_world_and_their_end_is_a_DEL(host, containerd):
    # Its own loopback is behind it in the chain.
    host.configure(conf("dual"), later=[{"type": "loopback", "logFile": "/run/loopback.log"}])
    attended = [containerd.attend("one", "sleep", "600")]
    wait_for(lambda: containerd.inside("one", "true", check=False).returncode == 0)
    attended.append(containerd.attend("two", "sleep", "600"))
    wait_for(lambda: containerd.inside("two", "true", check=False).returncode == 0)
    assert containerd.addresses("one") == ["10.1.2.2/24", "fd00:1:2::2/64"]
    assert containerd.addresses("two") == ["10.1.2.3/24", "fd00:1:2::3/64"]
    for address in ("10.1.2.3", "fd00:1:2::3", GATEWAY4, INTERNET4, INTERNET6):
        containerd.inside("one", "ping", "-c1", "-W5", address)
    for name, process in zip(("one", "two"), attended):
        containerd.end(name)
        process.communicate(timeout=TIMEOUT)
    assert host.verbs() == ["ADD", "ADD", "DEL", "DEL"]
    lines = (host.node.run_dir / "loopback.log").read_text().splitlines()
    assert ["outcome=ok" in line and re.search(r"verb=(\w+)", line)[1] for line in lines] == \
        ["ADD", "ADD", "DEL", "DEL"]
    host.assert_nothing_left()


def test_a_container_that_fails_to_start_leaves_nothing(host, containerd):
    host.configure(conf())
    process = containerd.attend("broken", "/no/such/program")
    assert b"no/such/program" in process.communicate(timeout=TIMEOUT)[1]
    host.verbs()
    host.assert_nothing_left()


def test_what_was_killed_without_a_DEL_is_given_back_when_it_is_needed(host, containerd):
    """The network has one address; neither another container's ADD nor one of the same
    name must fail for it."""
    host.configure(conf(name="narrow", bridge="cni1", ingressRate=10 ** 8, ingressBurst=10 ** 6,
                        egressRate=10 ** 8, egressBurst=10 ** 6,
                        ipam={"ranges": [[{"subnet": "10.1.3.0/30"}]]}))
    for name in ("first", "second", "second"):
        containerd.start(name)
        assert containerd.addresses(name) == ["10.1.3.2/30"]
        containerd.inside(name, "ping", "-c1", "-W5", INTERNET4)
        containerd.forget(name)
        assert list(host.node.reservations("narrow")) == ["10.1.3.2"]
    assert host.verbs() == ["ADD"] * 3
    process = containerd.attend("third", "ping", "-c1", "-W5", INTERNET4)
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, (out, err)
    assert host.verbs() == ["ADD", "DEL"]
    host.assert_nothing_left()
