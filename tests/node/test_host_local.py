# SPDX-License-Identifier: GPL-2.0-or-later
"""Under the name host-local the executable is the IPAM plugin of that name."""
import json
import os
import pathlib
import shutil

import pytest

from harness import plugin, snapshot
from harness.node import (GATEWAY4, INTERNET4, INTERNET6, NETWORK, UPLINK, addresses_of,
                          network)

REFERENCE = pathlib.Path("/usr/lib/cni")  # Debian: containernetworking-plugins
pytestmark = [pytest.mark.must_run,
              pytest.mark.skipif(not REFERENCE.exists(), reason=f"no {REFERENCE}")]

DEBIANS_NEWEST = "1.0.0"
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "198.18.0.0/15", "gw": "10.1.2.9"},
          {"dst": "::/0"}, {"dst": "fd00:9::/32", "gw": "fd00:1:2::9"}]
RESOLV_CONF = "nameserver 10.1.2.53\ndomain x.org\nsearch a.x.org b.x.org\noptions ndots:2\n"


class Ipam:
    """One of the two programs of that name, on a store of its own or on a shared one."""

    def __init__(self, node, executable, data_dir="/var/lib/cni/networks"):
        self.node, self.executable, self.data_dir = node, str(executable), data_dir

    def conf(self, conf):
        conf = {**conf, "ipam": {"dataDir": self.data_dir, **conf["ipam"]}}
        if self.executable.startswith(str(REFERENCE)):
            conf["cniVersion"] = min(conf["cniVersion"], DEBIANS_NEWEST)
        return conf

    def add(self, pod, conf, **kw):
        return self.node.add(pod, self.conf(conf), executable=self.executable, **kw)

    def check(self, pod, conf, prev=None, **kw):
        return self.node.check(pod, self.conf(conf), prev, executable=self.executable,
                               **kw)

    def delete(self, pod, conf, **kw):
        return self.node.delete(pod, self.conf(conf), executable=self.executable, **kw)


@pytest.fixture
def plugins(node):
    """A plugin directory where host-local is this program and the rest Debian's."""
    directory = node.directory / "plugins"
    directory.mkdir()
    for path in REFERENCE.iterdir():
        (directory / path.name).symlink_to(path)
    (directory / "host-local").unlink()
    (directory / "host-local").symlink_to(plugin.BRIDGE_CNI)
    return directory


@pytest.fixture
def ours(node, plugins):
    return Ipam(node, plugins / "host-local")


def the_other(node, **kw):
    return Ipam(node, REFERENCE / "host-local", **kw)


# -- what it prints


@pytest.mark.parametrize("extras", [{}, {"routes": ROUTES},
                                    {"resolvConf": "/var/lib/resolv.conf"},
                                    {"routes": ROUTES,
                                     "resolvConf": "/var/lib/resolv.conf"}])
@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
@pytest.mark.parametrize("version", plugin.VERSIONS)
def test_a_result_has_the_references_keys_and_values(node, ours, version, families,
                                                     extras):
    (node.var_lib / "resolv.conf").write_text(RESOLV_CONF)
    conf, pod = network(families, cniVersion=version, ipam=extras), node.pod()
    theirs = the_other(node, data_dir="/var/lib/theirs")
    result, expected = ours.add(pod, conf), theirs.add(pod, conf)
    assert "interfaces" not in result and "interface" not in json.dumps(result)
    assert result.pop("cniVersion") == version
    assert expected.pop("cniVersion") == min(version, DEBIANS_NEWEST)
    assert result == expected
    ours.delete(pod, conf)
    theirs.delete(pod, conf)
    assert node.reservations() == {}


@pytest.mark.parametrize("version", plugin.VERSIONS)
def test_VERSION(node, ours, version):
    done = node.invoke("VERSION", {"cniVersion": version}, executable=ours.executable)
    assert json.loads(done.stdout) == {"cniVersion": version,
                                       "supportedVersions": plugin.VERSIONS}


def test_all_of_several_sets(node, ours):
    conf = network(ipam={"ranges": [[{"subnet": "10.1.2.0/24"}],
                                    [{"subnet": "10.3.0.0/24"}],
                                    [{"subnet": "fd00::/64"}]]})
    assert addresses_of(ours.add(node.pod(), conf)) == ["10.1.2.2", "10.3.0.2",
                                                        "fd00::2"]


# -- what it is asked with


@pytest.mark.parametrize("key, value", [
    ("mtu", "big"), ("mtu", 12), ("master", 5), ("mode", []), ("bridge", "a/b"),
    ("bridge", 7), ("isGateway", "yes"), ("ipMasq", 3), ("hairpinMode", "off"),
    ("vlan", -1), ("dns", "none"), ("type", 1), ("prevResult", {"ips": "what"}),
    ("runtimeConfig", {"mac": 3})])
def test_the_calling_plugins_keys_are_its_own_business(node, ours, key, value):
    conf, pod = network(**{key: value}), node.pod()
    ours.add(pod, conf)
    if key != "prevResult":
        ours.check(pod, conf)
    ours.delete(pod, conf)
    assert node.reservations() == {}


@pytest.mark.parametrize("ipam, code, words", [
    ({"ranges": None}, plugin.CONFIG, ["ipam"]),
    ({"ranges": [[{"subnet": "10.1.2.3/33"}]]}, plugin.CONFIG,
     ["ipam.ranges[0][0].subnet", "10.1.2.3/33"]),
    ({"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.2.0/25"}]]},
     plugin.CONFIG, ["ipam.ranges"]),
    ({"dataDir": "relative"}, plugin.CONFIG, ["ipam.dataDir", "relative"]),
    ({"resolvConf": "/nowhere"}, plugin.IO, ["/nowhere"])])
def test_what_is_wrong_with_its_own_is_an_error(node, ours, ipam, code, words):
    with plugin.refusal(code, *words):
        ours.add(node.pod(), network(ipam=ipam))
    assert node.reservations() == {}


def test_a_second_ADD_and_an_empty_range_are_refused(node, ours):
    conf = network(ipam={"ranges": [[{"subnet": "10.1.2.0/30"}]]})
    pod = node.pod()
    ours.add(pod, conf)
    with plugin.refusal(plugin.EXISTS):
        ours.add(pod, conf)
    with plugin.refusal(plugin.EXHAUSTED):
        ours.add(node.pod(), conf)
    assert node.reservations() == {"10.1.2.2": (pod.id, "eth0")}


def test_an_address_asked_for_is_given(node, ours):
    result = ours.add(node.pod(), network("dual"), args="IP=10.1.2.77")
    assert addresses_of(result) == ["10.1.2.77", "fd00:1:2::2"]


def test_a_result_that_nobody_got_is_a_failed_ADD(node, ours):
    done = node.invoke("ADD", network("dual"), node.pod(), executable=ours.executable,
                       wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode != 0
    assert node.reservations() == {}


# -- DEL and CHECK


def test_DEL_gives_back_what_is_the_attachments_and_again_is_success(node, ours):
    conf, pod, other = network("dual"), node.pod(), node.pod()
    ours.add(pod, conf)
    ours.add(other, conf)
    ours.add(pod, conf, ifname="eth1")
    for env in ({}, {"CNI_NETNS": ""}):
        ours.delete(pod, conf, env=env)
        assert sorted(set(node.reservations().values())) == sorted(
            [(other.id, "eth0"), (pod.id, "eth1")])
    ours.delete(pod, network(ipam={"ranges": "wrong", "routes": 5}), ifname="eth1")
    assert set(node.reservations().values()) == {(other.id, "eth0")}


def test_CHECK_finds_the_address_by_its_owner(node, ours):
    conf, pod = network("dual"), node.pod()
    result = ours.add(pod, conf)
    ours.check(pod, conf)
    ours.check(pod, conf, result)
    # An address of another range is another plugin's.
    result["ips"].append({"address": "172.30.0.7/24"})
    ours.check(pod, conf, result)
    for wrong in (lambda: ours.check(node.pod(), conf),
                  lambda: ours.check(pod, conf, ifname="eth1"),
                  lambda: ours.check(pod, conf, {**result, "ips": [
                      {"address": "10.1.2.99/24"}]})):
        with plugin.refusal(plugin.CHECK):
            wrong()
    ours.delete(pod, conf)
    with plugin.refusal(plugin.CHECK):
        ours.check(pod, conf, result)


# -- where it works, and where not


def test_no_namespace_and_no_netlink(node, ours):
    """CNI_NETNS has to be named, as for every plugin, but nothing need be there."""
    trace = node.directory / "trace"
    for verb in ("ADD", "CHECK", "DEL"):
        done = node.invoke(verb, ours.conf(network("dual")), node.pod(),
                           executable=ours.executable,
                           env={"ASAN_OPTIONS": "detect_leaks=0",
                                "CNI_CONTAINERID": "one", "CNI_NETNS": "/no/such"},
                           wrapper=["strace", "-f", "-qq", "-e",
                                    "trace=socket,setns,execve,openat", "-o", str(trace)])
        plugin.judge(verb, done, plugin.NEWEST)
        text = trace.read_text()
        assert "socket(" not in text and "setns(" not in text and "/no/such" not in text
        assert text.count("execve(") == 1 and "libnftables" not in text


def test_one_store_with_Debians(node, ours):
    """One sequence, and each gives back what the other reserved."""
    conf, theirs = network("dual"), the_other(node)
    pods = [node.pod() for _ in range(4)]
    given = [addresses_of(ipam.add(pod, conf))
             for pod, ipam in zip(pods, (ours, theirs, ours, theirs))]
    assert given == [[f"10.1.2.{n}", f"fd00:1:2::{n}"] for n in range(2, 6)]
    for pod, ipam in zip(pods, (theirs, ours, ours, theirs)):
        ipam.check(pod, conf)
        ipam.delete(pod, conf)
    assert node.reservations() == {}


def test_one_store_with_bridge_cni_itself(node, ours):
    conf, pod, other = network(), node.pod(), node.pod()
    node.add(pod, conf)
    assert addresses_of(ours.add(other, conf)) == ["10.1.2.3"]
    ours.check(pod, conf)
    node.delete(other, conf)
    assert node.reservations() == {"10.1.2.2": (pod.id, "eth0")}


def test_no_record_is_written(node, ours):
    """Called as host-local, the plugin knows nothing of namespace or veth, which a record names."""
    pod = node.pod()
    ours.add(pod, network("dual"))
    for name, content in snapshot.files(node.store / ".bridge-cni").items():
        assert pod.id not in name and pod.id.encode() not in (content or b"")


# -- for Debian's own plugins


@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
@pytest.mark.parametrize("version", ["0.2.0", "0.4.0", "1.0.0"])
def test_the_reference_bridge_delegates_to_it(node, plugins, version, families):
    node.sysctl("ipv6.conf.default.accept_dad", 0)
    conf = network(families, cniVersion=version)
    pods = [node.pod(), node.pod()]
    executable = str(plugins / "bridge")
    results = [node.add(pod, conf, executable=executable) for pod in pods]
    internet = {"v4": [INTERNET4], "v6": [INTERNET6], "dual": [INTERNET4, INTERNET6]}
    for pod in pods:
        assert all(pod.ping(address) for address in internet[families])
    holders = [(pod.id, "eth0") for pod in pods]
    assert sorted(node.reservations().values()) == sorted(
        holders * (2 if families == "dual" else 1))
    for pod, result in zip(pods, results):
        if version >= "0.4.0":
            node.check(pod, conf, result, executable=executable)
        node.delete(pod, conf, result, executable=executable)
    assert node.reservations() == {} and not node.host_veths()


def test_the_reference_macvlan_delegates_to_it(node, plugins):
    if node.run("ip", "link", "add", "macvlan9", "link", UPLINK, "type", "macvlan",
                check=False).returncode:
        pytest.skip("this kernel has no macvlan")
    node.ip("link del macvlan9")
    conf = {"cniVersion": "1.0.0", "name": NETWORK, "type": "macvlan", "master": UPLINK,
            "mode": "bridge", "mtu": 1400,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24"}]]}}
    pods = [node.pod(), node.pod()]
    executable = str(plugins / "macvlan")
    results = [node.add(pod, conf, executable=executable) for pod in pods]
    assert [addresses_of(result) for result in results] == [["10.1.2.2"], ["10.1.2.3"]]
    assert pods[0].ping("10.1.2.3")
    for pod, result in zip(pods, results):
        node.check(pod, conf, result, executable=executable)
        node.delete(pod, conf, result, executable=executable)
    assert node.reservations() == {}
    assert "eth0" not in pods[0].links()


def test_the_reference_ptp_delegates_to_it(node, plugins):
    conf = {"cniVersion": "1.0.0", "name": NETWORK, "type": "ptp", "ipMasq": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24"}]],
                     "routes": [{"dst": "0.0.0.0/0"}]}}
    pod, executable = node.pod(), str(plugins / "ptp")
    result = node.add(pod, conf, executable=executable)
    assert pod.ping(GATEWAY4) and pod.ping(INTERNET4)
    node.check(pod, conf, result, executable=executable)
    node.delete(pod, conf, result, executable=executable)
    assert node.reservations() == {} and not node.host_veths()


def test_a_copy_is_as_good_as_a_link(node):
    directory = node.directory / "copies"
    directory.mkdir()
    shutil.copy(plugin.BRIDGE_CNI, directory / "host-local")
    ipam = Ipam(node, directory / "host-local")
    assert addresses_of(ipam.add(node.pod(), network())) == ["10.1.2.2"]
    # By a path without a slash, too.
    done = node.invoke("ADD", network(), node.pod(), executable="host-local",
                       env={"PATH": f"{directory}:{os.environ['PATH']}",
                            "CNI_PATH": "/x"},
                       wrapper=["env"])
    assert "interfaces" not in plugin.judge("ADD", done, plugin.NEWEST)
