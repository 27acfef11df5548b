# SPDX-License-Identifier: GPL-2.0-or-later
"""Tricks with paths and names: what comes from outside is data, never a path to
somewhere else and never syntax."""
import json
import os

import pytest

from harness import plugin, snapshot
from harness.node import GATEWAY4, NETWORK, network

VICTIM = b"somebody else's\n"


def refused_untouched(node, conf, code, *words, **kw):
    """ADD fails with this code and words, and changes nothing in the kernel."""
    pod = node.pod()
    before = snapshot.kernel(node)
    node.refused(pod, conf, code, *words, **kw)
    snapshot.assert_same(before, snapshot.kernel(node))


def life(node, conf, **kw):
    """ADD, ping, CHECK, DEL; nothing is left of it."""
    pod = node.pod()
    result = node.add(pod, conf, **kw)
    node.check(pod, conf, result, **kw)
    node.delete(pod, conf, result, **kw)
    node.assert_nothing_left(pod)


# -- names that are paths


@pytest.mark.parametrize("path", ["relative", "./here", "../up", "~/x"])
@pytest.mark.parametrize("key", ["dataDir", "resolvConf"])
def test_a_path_must_be_absolute(node, key, path):
    refused_untouched(node, network(ipam={key: path}), plugin.CONFIG, f"ipam.{key}", path)


def test_a_path_longer_than_the_kernel_takes_is_an_error(node):
    refused_untouched(node, network(ipam={"dataDir": "/" + "d/" * 2040}), plugin.IO,
                      "ENAMETOOLONG")


def test_a_dataDir_that_no_directory_can_be_at(node):
    refused_untouched(node, network(ipam={"dataDir": "/proc/self/nowhere"}), plugin.IO,
                      "/proc/self/nowhere")
    refused_untouched(node, network(ipam={"dataDir": "/dev/null"}), plugin.IO, "/dev/null")


NAMES = ["lock", "index", "10.1.2.2", "last_reserved_ip.0", "p-0000000000000000", "a..b",
         "x.reservation", "n" * 255]


@pytest.mark.parametrize("name", NAMES, ids=[name[:24] for name in NAMES])
def test_a_network_may_be_called_like_a_file_of_the_store(node, name):
    conf = network(name=name)
    life(node, conf)
    assert sorted(os.listdir(node.store)) == [".bridge-cni", name]


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_container_may_be_called_like_a_file_of_the_store(node, name):
    other, conf = node.pod(), network()
    node.add(other, conf)
    held = node.reservations()
    pod = node.pod()
    node.add(pod, conf, env={"CNI_CONTAINERID": name})
    assert node.reservations() == {**held, "10.1.2.3": (name, "eth0")}
    node.delete(pod, conf, env={"CNI_CONTAINERID": name})
    assert node.reservations() == held
    assert (node.store / NETWORK / "lock").exists()


@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK"])
@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "a/../b", "/etc", "", ".bridge-cni",
                                  "a\0b", "a\nb"])
def test_a_network_name_that_leads_elsewhere_is_refused(node, verb, name):
    before = snapshot.files(node.var_lib)
    pod = node.pod()
    with pytest.raises(plugin.CniError) as error:
        plugin.judge(verb, node.invoke(verb, network(name=name), pod), None)
    assert error.value.code == (plugin.JSON if "\0" in name else plugin.CONFIG)
    assert snapshot.files(node.var_lib) == before


def test_a_resolvConf_that_is_no_resolv_conf_tells_nothing(node):
    secret = node.directory / "secret"
    secret.write_text("root:$6$salt$hash:19000:0:99999:7:::\nkey nameserver\n")
    result = node.add(node.pod(), network(ipam={"resolvConf": str(secret)}))
    assert result["dns"] == {}


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "/proc/kmsg", "/", "/run/netns"])
def test_a_resolvConf_that_is_no_file_is_refused_at_once(node, path):
    with plugin.refusal(plugin.IO, "ipam.resolvConf", path):
        node.add(node.pod(), network(ipam={"resolvConf": path}))


# -- names that are syntax

BRIDGES = ['a";drop{}', "br*", "$(reboot)", "{a,b}", "@set", "-o", "#x", "a\\\"b", "'x'",
           "br0,br1", "!=x", "counter", "\u00e9\u4e2d"]


OTHER = {"ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]]}


def ruleset(node):
    """Kind of object -> what tells them apart: for rules, their comments."""
    found = {"table": [], "chain": [], "rule": []}
    for entry in json.loads(node.run("nft", "-j", "list", "ruleset").stdout)["nftables"]:
        for kind, value in entry.items():
            # What all owners share has none.
            if kind in found and f" {16 * '0'} " not in value.get("comment", ""):
                found[kind].append(value.get("comment") or value["name"])
    return {kind: sorted(names) for kind, names in found.items()}


@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_bridge_name_is_never_syntax(node, bridge):
    """Rules of that network are the rules of any network, and there is nothing else."""
    node.add(node.pod(), network("dual", name="plain", macspoofchk=True))
    plain = ruleset(node)
    pod, conf = node.pod(), network("dual", bridge=bridge, macspoofchk=True, ipam=OTHER)
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    both = ruleset(node)
    assert both["chain"] == plain["chain"] and both["table"] == plain["table"]
    of = {name: [rule for rule in both["rule"] if name in rule.split()]
          for name in ("plain", NETWORK)}
    assert len(of["plain"]) == len(of[NETWORK]) > 1
    assert sorted(of["plain"] + of[NETWORK]) == both["rule"]
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod, others=1)
    assert bridge in node.links()


@pytest.mark.parametrize("ifname", ['a";drop{}', "eth*", "$(id)", "{a}", "-x", "#1", "~"])
def test_an_interface_name_is_never_syntax(node, ifname):
    pod, conf = node.pod(), network("dual", macspoofchk=True)
    result = node.add(pod, conf, ifname=ifname)
    assert ifname in pod.links() and pod.ping(GATEWAY4)
    node.check(pod, conf, result, ifname=ifname)
    node.delete(pod, conf, result, ifname=ifname)
    node.assert_nothing_left(pod)


# -- links in the store


def test_links_in_the_store_are_neither_followed_nor_filled(node):
    conf, pod, first = network("dual"), node.pod(), node.pod()
    node.add(first, conf)
    node.delete(first, conf)
    victim = node.directory / "victim"
    victim.write_bytes(VICTIM)
    own, store = node.store / ".bridge-cni" / NETWORK, node.store / NETWORK
    for path in [*own.iterdir(), store / "last_reserved_ip.0", store / "last_reserved_ip.1",
                 store / "10.1.2.3", store / "fd00:1:2::3", own / ".reservation",
                 own / ".reservation.0", own / ".0", own / ".record", own / ".index"]:
        path.unlink(missing_ok=True)
        path.symlink_to(victim)
    result = node.add(pod, conf)
    assert not {"10.1.2.3/24", "fd00:1:2::3/64"} & {ip["address"] for ip in result["ips"]}
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod)
    assert victim.read_bytes() == VICTIM and victim.stat().st_nlink == 1
    assert (store / "10.1.2.3").is_symlink()


def test_a_linked_lock_is_refused(node):
    conf, victim = network(), node.directory / "victim"
    (node.store / NETWORK).mkdir(parents=True)
    victim.write_bytes(VICTIM)
    (node.store / NETWORK / "lock").symlink_to(victim)
    refused_untouched(node, conf, plugin.IO, "lock", "link")


def test_our_own_directory_is_never_a_link(node):
    target = node.directory / "target"
    target.mkdir()
    (node.store / ".bridge-cni").mkdir(parents=True)
    (node.store / ".bridge-cni" / NETWORK).symlink_to(target)
    with plugin.refusal(plugin.IO, f".bridge-cni/{NETWORK}"):
        node.add(node.pod(), network())
    assert os.listdir(target) == []


def test_a_networks_directory_may_be_a_link_as_for_host_local(node):
    target = node.store / "target"  # on the same file system
    target.mkdir(parents=True)
    (node.store / NETWORK).symlink_to("target")
    life(node, network())
    assert "lock" in os.listdir(target)


def test_the_node_lock_follows_no_link(node):
    victim, conf, pod = node.directory / "victim", network(), node.pod()
    node.add(pod, conf)
    victim.write_bytes(VICTIM)
    locks = [p for p in (node.run_dir / "bridge-cni").iterdir() if p.suffix == ".lock"]
    assert locks
    for lock in locks:
        lock.unlink()
        lock.symlink_to(victim)
    with pytest.raises(plugin.CniError) as error:
        node.delete(pod, conf)
    error.value.says(".lock")
    assert victim.read_bytes() == VICTIM
