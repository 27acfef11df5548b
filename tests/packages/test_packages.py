# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian packages of `make deb`, on a minimal Debian that systemd boots (debian.py)."""
import base64
import json
import os
import re
import shutil
import subprocess

import pytest

from debian import Debian
from harness import agent_pages, apiserver
from harness.pinging import pinging
from harness.plugin import REPOSITORY
from harness.waiting import wait_for

BUILT = REPOSITORY / "build/deb"
PLUGIN, AGENT = "/usr/lib/cni/bridge-cni", "bridge-cni-agent"
STORE, GATEWAY = "/var/lib/cni/networks", "10.244.1.1"
CONF = {"cniVersion": "1.0.0", "name": "pods", "type": "bridge-cni", "bridge": "cni0",
        "isDefaultGateway": True, "ipMasq": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.1.0/24"}]]}}


def package(name, directory=BUILT):
    found, = directory.glob(f"{name}_*.deb")
    return found


@pytest.fixture(scope="module")
def former(tmp_path_factory):
    """The same packages as an earlier version, whose programs have one byte more."""
    directory = tmp_path_factory.mktemp("former")
    for name, program in (("bridge-cni", PLUGIN), (AGENT, "/usr/sbin/bridge-cni-agent")):
        tree = directory / name
        subprocess.run(["dpkg-deb", "-R", package(name), tree], check=True)
        control = tree / "DEBIAN/control"
        text = control.read_text()
        version = re.search(r"^Version: (.*)$", text, re.M)[1]
        control.write_text(text.replace(version, "0.0.9-1"))
        with open(tree / program.lstrip("/"), "ab") as file:
            file.write(b"\0")
        subprocess.run(["dpkg-deb", "-b", tree, directory / f"{name}_0.0.9-1_all.deb"], check=True,
                       capture_output=True)
    return directory


@pytest.fixture
def debian(tmp_path):
    machine = Debian(tmp_path / "debian")
    try:
        machine.wait()
        yield machine
    finally:
        machine.close()


def install(debian, *names, directory=BUILT):
    for name in names:
        shutil.copy(package(name, directory), debian.path("/tmp"))
    files = [f"/tmp/{package(name, directory).name}" for name in names]
    done = debian.inside("dpkg", "-i", *files)
    assert "warning" not in done.stderr, done.stderr


def plugin(debian, verb, container="one", path=PLUGIN, conf=CONF):
    env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_IFNAME": "eth0",
           "CNI_NETNS": f"/run/netns/{container}", "CNI_PATH": "/usr/lib/cni"}
    done = debian.inside("env", *(f"{k}={v}" for k, v in env.items()), path,
                         input=json.dumps(conf))
    return json.loads(done.stdout) if done.stdout else None


def attach(debian, container="one", conf=CONF):
    """The pod's network namespace, and the ADD's result."""
    debian.inside("ip", "netns", "add", container)
    return debian.namespace(f"/run/netns/{container}"), plugin(debian, "ADD", container, conf=conf)


def reserved(debian, network="pods"):
    directory = debian.path(STORE) / network
    return sorted(p.name for p in directory.glob("10.*")) if directory.is_dir() else None


# -- what is built


OUTSIDE_MAKE = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}


def copy_of_the_tree(tree):
    tree.mkdir(parents=True)
    subprocess.run(f"tar -c --exclude=./build --exclude=./.git . | tar -xm -C '{tree}'", shell=True,
                   cwd=REPOSITORY, check=True)
    return tree


def test_the_packages_have_the_same_bytes_wherever_they_are_built(tmp_path):
    tree = copy_of_the_tree(tmp_path / "another-place" / "tree")
    done = subprocess.run(["sh", "-c", "umask 077; make deb"], cwd=tree, text=True, capture_output=True,
                          env={**OUTSIDE_MAKE, "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "USER": "other"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    names = sorted(path.name for path in BUILT.glob("*.*deb"))  # debug symbols: .ddeb on Ubuntu
    assert [name.split("_")[0] for name in names] == ["bridge-cni-agent-dbgsym", "bridge-cni-agent",
                                                      "bridge-cni-dbgsym", "bridge-cni"]
    for name in names:
        assert (tree / "build/deb" / name).read_bytes() == (BUILT / name).read_bytes(), name


def test_whoever_passes_the_packages_on_sets_maintainer_and_distribution(tmp_path):
    tree = copy_of_the_tree(tmp_path / "tree")
    nothing = tmp_path / "bin/dpkg-buildpackage"
    nothing.parent.mkdir()
    nothing.write_text("#!/bin/sh\n")
    nothing.chmod(0o755)

    def make(maintainer):
        return subprocess.run(["make", "deb", f"MAINTAINER={maintainer}", "DISTRIBUTION=noble"], cwd=tree, text=True,
                              capture_output=True, env={**OUTSIDE_MAKE, "PATH": f"{nothing.parent}:{os.environ['PATH']}"})

    for wrong in "", "Ann", "ann@b.org", "Ann <ann>", "Ann <ann@b.org>, Bob <bob@b.org>":
        done = make(wrong)
        assert done.returncode and "expected NAME <MAIL>" in done.stderr
    name = "Ann O'Neil & Söhne <ann@b.org>"
    assert make(name).returncode == 0
    staged, = tree.glob("build/deb/*/debian")
    assert re.findall("^Maintainer: (.*)$", (staged / "control").read_text(), re.M) == [name]
    signed = re.findall("^ -- (.*)  ", (staged / "changelog").read_text(), re.M)
    assert len(signed) > 1 and set(signed) == {name}
    heads = re.findall(r"^bridge-cni \(.*\) (.*); ", (staged / "changelog").read_text(), re.M)
    assert len(heads) == len(signed) and set(heads) == {"noble"}
    assert "#" not in (staged / "control").read_text()


def test_lintian_finds_no_error_and_has_no_warning():
    changes, = BUILT.glob("*.changes")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", changes], text=True,
                          capture_output=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_plugin_s_package_has_the_plugin_alone_where_runtimes_look():
    listed = subprocess.run(["dpkg-deb", "-c", package("bridge-cni")], text=True, check=True,
                            capture_output=True).stdout.splitlines()
    files = [line.split()[5] for line in listed if not line.startswith("d")]
    assert [name for name in files if not name.startswith("./usr/share/")] == ["." + PLUGIN]
    assert {"./usr/share/man/man8/bridge-cni.8.gz", "./usr/share/man/man5/bridge-cni.conf.5.gz"} \
        <= set(files)


# -- the plugin's package


def test_pods_stay_connected_while_the_package_is_upgraded_removed_and_purged(debian, former):
    install(debian, "bridge-cni", directory=former)
    before = debian.path(PLUGIN).read_bytes()
    pod, result = attach(debian)
    held = reserved(debian)
    with pinging([(pod, GATEWAY)]) as pinger:
        install(debian, "bridge-cni")
        assert debian.path(PLUGIN).read_bytes() == before[:-1]
        plugin(debian, "CHECK", conf={**CONF, "prevResult": result})
        attach(debian, "two")
        plugin(debian, "DEL", "two")
        debian.inside("dpkg", "--remove", "bridge-cni")
        assert not debian.path(PLUGIN).exists() and reserved(debian) == held
        debian.inside("dpkg", "--purge", "bridge-cni")
        assert reserved(debian) == held and len(held) == 1
    assert pinger.lost() == {}
    install(debian, "bridge-cni")
    plugin(debian, "CHECK", conf={**CONF, "prevResult": result})
    plugin(debian, "DEL")
    assert reserved(debian) == []


def test_a_purge_removes_stores_in_which_nothing_is_reserved_and_no_others(debian):
    install(debian, "bridge-cni")
    attach(debian)
    for network, address in (("others", "10.9.0.2"), ("shared", "10.8.0.2")):
        debian.write(f"{STORE}/{network}/{address}", "four\r\neth0")
        debian.write(f"{STORE}/{network}/last_reserved_ip.0", address)
    debian.path(f"{STORE}/.bridge-cni/shared").mkdir()
    debian.write(f"{STORE}/hostlocal/lock", "")
    debian.inside("dpkg", "--purge", "bridge-cni")
    assert len(reserved(debian)) == 1
    install(debian, "bridge-cni")
    plugin(debian, "DEL")
    debian.inside("dpkg", "--purge", "bridge-cni")
    left = sorted(str(p.relative_to(debian.path(STORE))) for p in debian.path(STORE).rglob("*")
                  if p.is_file())
    assert left == ["hostlocal/lock", "others/10.9.0.2", "others/last_reserved_ip.0",
                    "shared/10.8.0.2", "shared/last_reserved_ip.0"]


def test_a_purge_of_a_store_that_is_empty_leaves_nothing(debian):
    install(debian, "bridge-cni")
    attach(debian)
    plugin(debian, "DEL")
    debian.inside("dpkg", "--purge", "bridge-cni")
    assert not debian.path(STORE).exists()


def test_the_documented_command_is_for_runtimes_that_look_in_opt(debian):
    install(debian, "bridge-cni")
    text = (REPOSITORY / "deploy/README.md").read_text()
    command, = re.findall(r"^.*ln -s /usr/lib/cni/bridge-cni .*$", text, re.M)
    debian.inside("sh", "-ec", command.strip())
    debian.ip("netns add one")
    assert plugin(debian, "ADD", path="/opt/cni/bin/bridge-cni")["ips"]


# -- the agent's package


@pytest.fixture
def api(debian):
    directory = debian.directory / "api"
    directory.mkdir()
    server = apiserver.ApiServer(debian, "127.0.0.1", directory)
    server.put(debian.says("hostname"), ["10.244.1.0/24"], ["192.0.2.11"])
    server.start()
    yield server
    server.stop()


def configure(debian, api):
    """The agent's file of options, as its comments say."""
    ca = base64.b64encode(api.ca_file.read_bytes()).decode()
    debian.write("/etc/bridge-cni/kubeconfig", json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "c", "cluster": {"server": api.url(), "certificate-authority-data": ca}}],
        "users": [{"name": "u", "user": {"token": apiserver.TOKEN}}],
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}]}))
    path = debian.path("/etc/default/bridge-cni-agent")
    text, found = re.subn(r"^# (BRIDGE_CNI_KUBECONFIG=)", r"\1", path.read_text(), flags=re.M)
    assert found == 1
    path.write_text(text + "BRIDGE_CNI_RETRY_MAX_SECONDS=1\n")


def wait_until_ready(debian):
    try:
        wait_for(lambda: agent_pages.page(debian, "/readyz")[0] == 200)
    except AssertionError:
        raise AssertionError(agent_pages.page(debian, "/readyz")[1] +
                             debian.says("journalctl", "-u", AGENT)) from None


def main_pid(debian):
    return debian.says("systemctl", "show", "-P", "MainPID", AGENT)


def test_the_agent_is_neither_enabled_nor_started_until_somebody_does_so(debian):
    install(debian, "bridge-cni", AGENT)
    assert debian.says("systemctl", "is-enabled", AGENT) == "disabled"
    assert debian.says("systemctl", "is-active", AGENT) == "inactive"
    assert debian.inside("systemd-analyze", "verify", "--man=no", f"{AGENT}.service").stderr == ""


def test_the_agent_works_as_a_service_and_is_started_anew_by_an_upgrade(debian, former, api):
    debian.ip("link add eth0 type veth peer eth1")
    debian.ip("address add 192.0.2.11/24 dev eth0")
    for name in ("eth0", "eth1"):
        debian.ip(f"link set {name} up")
    debian.ip("route add default via 192.0.2.1")
    install(debian, "bridge-cni", AGENT, directory=former)
    configure(debian, api)
    debian.inside("systemctl", "enable", "--now", AGENT)
    wait_until_ready(debian)
    conflist = debian.path("/etc/cni/net.d/10-bridge-cni.conflist")
    text, pid = conflist.read_text(), main_pid(debian)
    doc = json.loads(text)
    pod, _ = attach(debian, conf={**doc["plugins"][0], "name": doc["name"],
                                  "cniVersion": doc["cniVersion"]})

    with pinging([(pod, GATEWAY)]) as pinger:
        install(debian, "bridge-cni", AGENT)
        wait_for(lambda: main_pid(debian) not in ("0", pid))
        wait_until_ready(debian)
    assert pinger.lost() == {}
    assert conflist.read_text() == text and not debian.path(PLUGIN).is_symlink()
    # It puts back what somebody deletes.
    debian.ip(f"address del {GATEWAY}/24 dev cni0")
    wait_for(lambda: f"{GATEWAY}/24" in debian.ip("address show dev cni0"))

    with pinging([(pod, GATEWAY)]) as pinger:
        debian.inside("dpkg", "--remove", AGENT)
        assert debian.says("systemctl", "is-active", AGENT) == "inactive"
        debian.inside("dpkg", "--purge", AGENT)
    assert pinger.lost() == {}
    assert not debian.path("/etc/default/bridge-cni-agent").exists()
    assert debian.says("systemctl", "is-enabled", AGENT) in ("", "not-found")
    assert conflist.read_text() == text and len(reserved(debian)) == 1
