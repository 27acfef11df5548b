# SPDX-License-Identifier: GPL-2.0-or-later
"""Under the name loopback the executable is the plugin of that name."""
import json
import pathlib
import shutil

import pytest

from harness import plugin, snapshot
from harness.node import UPLINK, network

REFERENCE = pathlib.Path("/usr/lib/cni/loopback")  # Debian: containernetworking-plugins
DEBIANS_NEWEST = "1.0.0"
NO_MAC = "00:00:00:00:00:00"
V4, V6 = "127.0.0.1/8", "::1/128"
# What an earlier plugin of a chain may have made, with keys of the newest version.
PREV = {"interfaces": [{"name": "cni0", "mac": "02:00:00:00:00:01"},
                       {"name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": "/run/netns/x"}],
        "ips": [{"interface": 1, "address": "10.1.2.3/24", "gateway": "10.1.2.1"},
                {"interface": 1, "address": "fd00:1:2::3/64"}],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "fd00:9::/32", "gw": "fd00:1:2::9"}],
        "dns": {"nameservers": ["10.1.2.53"], "domain": "x.org", "search": ["a.x.org"],
                "options": ["ndots:2"]}}
OLD_PREV = {"ip4": {"ip": "10.1.2.3/24", "gateway": "10.1.2.1",
                    "routes": [{"dst": "0.0.0.0/0"}]},
            "ip6": {"ip": "fd00:1:2::3/64",
                    "routes": [{"dst": "fd00:9::/32", "gw": "fd00:1:2::9"}]},
            "dns": PREV["dns"]}


class Loopback:
    """One of the two programs of that name."""

    def __init__(self, node, executable):
        self.node, self.kw = node, {"executable": str(executable)}

    def add(self, pod, conf, **kw):
        return self.node.add(pod, conf, **self.kw, **kw)

    def check(self, pod, conf, prev=None, **kw):
        return self.node.check(pod, conf, prev, **self.kw, **kw)

    def delete(self, pod, conf, **kw):
        return self.node.delete(pod, conf, **self.kw, **kw)


@pytest.fixture
def ours(node):
    path = node.directory / "loopback"
    path.symlink_to(plugin.BRIDGE_CNI)
    return Loopback(node, path)


@pytest.fixture
def pod(node):
    pod = node.pod()
    pod.ip("link set lo down")
    return pod


def conf(version=plugin.NEWEST, **keys):
    """As containerd has it, in itself."""
    return {"cniVersion": version, "name": "cni-loopback", "type": "loopback", **keys}


def is_up(pod):
    return "UP" in pod.links()["lo"]["flags"]


def prev_of(version):
    prev = OLD_PREV if version < "0.3" else PREV
    if "0.3" <= version < "1.0":
        prev = {**prev, "ips": [{**ip, "version": "6" if ":" in ip["address"] else "4"}
                                for ip in prev["ips"]]}
    return {"cniVersion": version, **prev}


# -- what it answers


@pytest.mark.parametrize("version", plugin.VERSIONS)
def test_lo_with_its_addresses_in_the_shape_of_each_version(node, ours, pod, version):
    result = ours.add(pod, conf(version))
    assert is_up(pod)
    ips = [{"interface": 0, "address": V4}, {"interface": 0, "address": V6}]
    if version < "1.0":
        ips = [{"version": kind, **ip} for kind, ip in zip("46", ips)]
    assert result == ({"cniVersion": version, "ip4": {"ip": V4}, "ip6": {"ip": V6}, "dns": {}}
                      if version < "0.3" else
                      {"cniVersion": version, "ips": ips, "dns": {}, "interfaces": [
                          {"name": "lo", "mac": NO_MAC, "sandbox": pod.netns}]})
    if version >= "0.4":
        ours.check(pod, conf(version), result)
    ours.delete(pod, conf(version))
    assert not is_up(pod)
    ours.delete(pod, conf(version))


@pytest.mark.parametrize("version", plugin.VERSIONS)
def test_prevResult_is_passed_on(node, ours, pod, version):
    prev = prev_of(version)
    assert ours.add(pod, conf(version, prevResult=prev)) == prev
    assert is_up(pod)


@pytest.mark.must_run
@pytest.mark.skipif(not REFERENCE.exists(), reason=f"no {REFERENCE}")
@pytest.mark.parametrize("version", [v for v in plugin.VERSIONS if v <= DEBIANS_NEWEST])
def test_a_result_has_the_references_values(node, ours, pod, version):
    """Without prevResult the reference answers in the newest shape, whatever version it names."""
    theirs = Loopback(node, REFERENCE)

    def life(program, conf):
        result = program.add(pod, conf)
        assert is_up(pod)
        program.delete(pod, conf)
        assert not is_up(pod)
        return result

    assert {**life(ours, conf(DEBIANS_NEWEST)), "cniVersion": version} == \
        life(theirs, conf(version))
    chained = conf(version, prevResult=prev_of(version))
    assert life(ours, chained) == life(theirs, chained)


def test_a_family_that_lo_has_no_address_of_is_left_out(node, ours, pod):
    pod.sysctl("ipv6.conf.all.disable_ipv6", 1)
    assert ours.add(pod, conf())["ips"] == [{"interface": 0, "address": V4}]
    ours.check(pod, conf())
    pod.ip(f"addr del {V4} dev lo")
    assert "ips" not in ours.add(pod, conf())
    with plugin.refusal(plugin.CONFIG, "0.2.0", "without an address", "lo"):
        ours.add(pod, conf("0.2.0"))
    with plugin.refusal(plugin.CONFIG, "0.2.0", "without an address", "prevResult"):
        ours.add(pod, conf("0.2.0", prevResult={"dns": {}}))
    # lo was up before.
    assert is_up(pod)


@pytest.mark.parametrize("address", ["10.9.9.9/32", "fd00::9/128"])
def test_an_address_that_is_none_of_lo_is_refused(node, ours, pod, address):
    pod.ip(f"addr add {address} dev lo")
    with plugin.refusal(plugin.EXISTS, address, "loopback address"):
        ours.add(pod, conf())
    assert not is_up(pod)


@pytest.mark.parametrize("version", plugin.VERSIONS)
def test_VERSION(node, ours, version):
    done = node.invoke("VERSION", conf(version), **ours.kw)
    assert json.loads(done.stdout) == {"cniVersion": version,
                                       "supportedVersions": plugin.VERSIONS}


# -- what it looks at


def test_the_name_of_the_interface_is_not_looked_at(node, ours, pod):
    assert ours.add(pod, conf(), ifname="eth7")["interfaces"][0]["name"] == "lo"
    ours.check(pod, conf(), ifname="eth7")
    ours.delete(pod, conf(), ifname="eth7")
    assert not is_up(pod)


@pytest.mark.parametrize("args", ["none", "A=1", "IP=x", "MAC=zz", pytest.param("A=" + 5000 * "x", id="long")])
def test_CNI_ARGS_are_not_looked_at(node, ours, pod, args):
    """The reference's own tests call it with arguments that are no pairs."""
    env = {"CNI_ARGS": args}
    result = ours.add(pod, conf(), env=env)
    ours.check(pod, conf(), result, env=env)
    ours.delete(pod, conf(), env=env)
    assert not is_up(pod)


def test_CHECK_wants_lo_up_and_a_loopback_address(node, ours, pod):
    with plugin.refusal(plugin.CHECK, "lo is down"):
        ours.check(pod, conf())
    ours.add(pod, conf())
    for address in V4, V6:
        ours.check(pod, conf())
        pod.ip(f"addr del {address} dev lo")
    with plugin.refusal(plugin.CHECK, "no loopback address", V4, V6):
        ours.check(pod, conf())


def test_DEL_where_the_namespace_is_gone(node, ours, pod):
    ours.add(pod, conf())
    ours.delete(pod, conf(), env={"CNI_NETNS": None})
    assert is_up(pod)
    (node.run_dir / "netns/ended").touch()  # its mount is gone
    for path in ("/run/netns/gone", "/run/gone/netns", "/run/netns/ended", "/proc/4194304/ns/net",
                 f"{pod.netns}/x"):
        ours.delete(pod, conf(), env={"CNI_NETNS": path})
        with pytest.raises(plugin.CniError):
            ours.add(pod, conf(), env={"CNI_NETNS": path})
    pod.remove()
    ours.delete(pod, conf())
    with plugin.refusal(plugin.UNKNOWN_CONTAINER, pod.netns):
        ours.add(pod, conf())
    with plugin.refusal(plugin.UNKNOWN_CONTAINER, pod.netns):
        ours.check(pod, conf())


@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK"])
def test_the_nodes_own_lo_is_left_alone(node, ours, pod, verb):
    env = {"CNI_NETNS": "/proc/self/ns/net"}
    done = node.invoke(verb, conf(), pod, env=env, **ours.kw)
    with plugin.refusal(plugin.NETNS, "CNI_NETNS_OVERRIDE"):
        plugin.judge(verb, done, plugin.NEWEST)
    assert is_up(node)
    done = node.invoke(verb, conf(), pod, env={**env, "CNI_NETNS_OVERRIDE": "1"}, **ours.kw)
    assert done.returncode == 0 and is_up(node) == (verb != "DEL")


def test_what_the_specification_asks_of_every_plugin(node, ours, pod):
    with plugin.refusal(plugin.VERSION, "9.0.0"):
        ours.add(pod, conf("9.0.0"))
    with plugin.refusal(plugin.CONFIG, "name"):
        ours.add(pod, {"cniVersion": "1.0.0", "type": "loopback"})
    with plugin.refusal(plugin.CONFIG, "prevResult.ips"):
        ours.add(pod, conf(prevResult={"ips": [{}]}))
    with plugin.refusal(plugin.VERSION, "CHECK"):
        ours.check(pod, conf("0.3.1"))
    with plugin.refusal(plugin.ENVIRONMENT, "CNI_IFNAME"):
        ours.add(pod, conf(), ifname=None)
    assert not is_up(pod)
    # A DEL goes on with a result that can't be read.
    ours.delete(pod, conf(prevResult={"ips": [{}]}))


@pytest.mark.parametrize("verb, keys", [
    ("STATUS", {}), ("GC", {}),
    ("GC", {"cni.dev/valid-attachments": [{"containerID": "x", "ifname": "lo"}]})])
def test_STATUS_and_GC_succeed(node, ours, verb, keys):
    done = node.invoke(verb, conf(**keys), **ours.kw)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_keys_of_other_plugins_are_none_of_its_business(node, ours, pod):
    ours.add(pod, conf(bridge=7, ipam={"type": 3}, draining=True, waitForAgent=True, mtu="x"))
    ours.delete(pod, conf(bridge=7, ipam={"type": 3}))


# -- what it does on the node


def test_it_touches_nothing_but_lo(node, ours, pod):
    """No store and no lock; and the policy is none of its business."""
    before = node.state()
    policy = node.directory / "etc"
    policy.mkdir()
    (policy / "policy.json").write_text("no JSON")
    trace = node.directory / "trace"
    calls = plugin.strace(trace, "open,openat,mkdir,flock,execve,fork,vfork")
    for verb in "ADD", "CHECK", "DEL":
        done = node.invoke(verb, conf(), pod, wrapper=calls, env=plugin.TRACED, **ours.kw)
        assert done.returncode == 0, done
        opened = trace.read_text()
        assert "/etc/bridge-cni" not in opened and "/run/bridge-cni" not in opened
        assert "cni/networks" not in opened and opened.count("execve") == 1
    assert snapshot.difference(before, node.state()) == []
    assert set(node.links()) == {"lo", UPLINK}


def test_its_log_has_the_operation(node, ours, pod):
    ours.add(pod, conf(logFile="/run/log"))
    line = (node.run_dir / "log").read_text()
    assert "verb=ADD network=cni-loopback" in line and "ips=127.0.0.1/8,::1/128" in line


def test_beside_a_bridged_interface(node, ours, pod):
    """In the order in which containerd calls them."""
    bridged = network(cniVersion="1.0.0")
    ours.add(pod, conf("1.0.0"), ifname="lo")
    result = node.add(pod, bridged)
    for _ in range(2):
        ours.delete(pod, conf("1.0.0"), ifname="lo")
        node.delete(pod, bridged, result)
    node.assert_nothing_left(pod)


def test_a_copy_of_the_executable_is_loopback_too(node, pod):
    """As it is called from the plugin directory, with any path or without one."""
    path = node.directory / "loopback"
    if plugin.BUNDLED:
        path.symlink_to(plugin.BRIDGE_CNI)
    else:
        shutil.copy(plugin.BRIDGE_CNI, path)
    done = node.invoke("ADD", conf(), pod, executable="loopback",
                       env={"PATH": str(node.directory), "CNI_PATH": str(node.directory)})
    assert done.returncode == 0 and is_up(pod)
