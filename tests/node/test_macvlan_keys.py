# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys of a macvlan network: what can't be served is refused by name, or told where the
reference's macvlan ignores it; CHECK of what ADD made."""
import json

import pytest

from harness import command, plugin
from harness.node import UPLINK, network

pytestmark = pytest.mark.must_run
OURS = {"type": "bridge-cni", "switch": "macvlan"}
EFFECTS = {"bridge": "cni0", "isGateway": True, "isDefaultGateway": True, "ipMasq": True,
           "hairpinMode": True, "promiscMode": True, "forceAddress": True,
           "preserveDefaultVlan": True, "quietBridge": True, "fastPath": True,
           "disableContainerInterface": True}
GUARDS = {"spoofCheck": True, "macspoofchk": True, "portIsolation": True, "isolate": True,
          "podLink": "routed", "vlan": 7, "vlanTrunk": [{"id": 7}]}
PORTS = {"capabilities": {"portMappings": True}, "runtimeConfig": {"portMappings": [
    {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}
RATES = {"runtimeConfig": {"bandwidth": {"ingressRate": 8000000, "ingressBurst": 8000000}}}


def macvlan(families="v4", **changes):
    return network(families, **{"type": "macvlan", "bridge": None, "isDefaultGateway": None,
                                "ipMasq": None, **changes})


@pytest.mark.parametrize("key", [*EFFECTS, *GUARDS])
def test_a_key_that_macvlan_cant_serve_is_refused_by_name(node, key):
    value = {**EFFECTS, **GUARDS}[key]
    node.refused(node.pod(), macvlan(**OURS, **{key: value}), plugin.CONFIG, key, "macvlan")


@pytest.mark.parametrize("key", GUARDS)
def test_a_guard_is_refused_by_the_references_name_too(node, key):
    node.refused(node.pod(), macvlan(**{key: GUARDS[key]}), plugin.CONFIG, key, "macvlan")


@pytest.mark.parametrize("key", EFFECTS)
def test_what_the_reference_ignores_is_told_and_nothing_comes_of_it(node, key):
    pod = node.pod()
    done = node.invoke("ADD", macvlan(**{key: EFFECTS[key]}), pod)
    assert done.returncode == 0 and key in done.stderr and "macvlan" in done.stderr
    assert len(json.loads(done.stdout)["interfaces"]) == 1
    assert "cni0" not in node.links()
    assert node.run("nft", "list", "ruleset").stdout == ""


@pytest.mark.parametrize("asked, word", [(PORTS, "portMappings"), (RATES, "ingressRate, egressRate")])
def test_host_ports_and_rates_are_refused_or_told(node, asked, word):
    node.refused(node.pod(), macvlan(**OURS, **asked), plugin.CONFIG, word, "macvlan")
    done = node.invoke("ADD", macvlan(**asked), node.pod())
    assert done.returncode == 0 and word in done.stderr


def test_type_and_switch_that_contradict_each_other_are_refused(node):
    node.refused(node.pod(), macvlan(switch="bridge"), plugin.CONFIG, "switch", "macvlan")


def test_ipvlan_has_no_mac_of_its_own_and_needs_addresses(node):
    ours = {"type": "bridge-cni", "switch": "ipvlan"}
    for asked in ({"mac": "02:00:00:00:00:01"},
                  {"runtimeConfig": {"mac": "02:00:00:00:00:01"}}):
        node.refused(node.pod(), macvlan(**ours, **asked), plugin.CONFIG, "mac", "ipvlan")
    node.refused(node.pod(), macvlan(**ours), plugin.CONFIG, "mac", "ipvlan",
                 args="IgnoreUnknown=1;MAC=02:00:00:00:00:01")
    node.refused(node.pod(), macvlan(**ours, bcqueuelen=7), plugin.CONFIG, "bcqueuelen",
                 "ipvlan")
    node.refused(node.pod(), macvlan(**ours, mode="bridge"), plugin.CONFIG, "mode", "l3s")
    node.refused(node.pod(), macvlan(**ours, ipam={"type": None, "ranges": None}),
                 plugin.CONFIG, "ipam.type", "ipvlan")


def chained(version="1.0.0", interfaces=({"name": UPLINK},), **changes):
    """An ipvlan without an IPAM plugin, behind another plugin of the list."""
    return macvlan(**{"cniVersion": version, "type": "ipvlan", "ipam": None, "prevResult": {
        "cniVersion": version, "interfaces": list(interfaces), "ips": [
            {"address": "10.1.2.7/24", "gateway": "10.1.2.1", "interface": 0}]}, **changes})


def changed(conf, **changes):
    return {**conf, "prevResult": {**conf["prevResult"], **changes}}


@pytest.mark.parametrize("name", ["ipvlan", "bridge-cni"])
def test_an_ipvlan_without_ipam_needs_an_address_of_prevResult(node, name):
    conf = chained(type=name, switch="ipvlan")
    for lacking in ({**conf, "prevResult": None}, changed(conf, ips=[])):
        node.refused(node.pod(), {k: v for k, v in lacking.items() if v}, plugin.CONFIG,
                     "ipam.type", "prevResult", "ipvlan")
    node.refused(node.pod(), changed(conf, ips=[{"address": "10.1.2.7/24", "gateway": "fd00::1"}]),
                 plugin.CONFIG, "prevResult: gateway", "fd00::1")
    node.refused(node.pod(), changed(conf, routes=[{"dst": "::/0", "gw": "10.1.2.1"}]),
                 plugin.CONFIG, "prevResult: gw", "10.1.2.1")


@pytest.mark.parametrize("interfaces", [[], [{"name": UPLINK}, {"name": "eth9"}], [{"mac": ""}]])
@pytest.mark.parametrize("ipam", [None, {"type": "host-local",
                                         "ranges": [[{"subnet": "10.1.2.0/24"}]]}])
def test_an_ipvlan_takes_no_interface_of_prevResult_but_a_single_one(node, interfaces, ipam):
    pod, conf = node.pod(), chained(interfaces=interfaces, ipam=ipam)
    conf = changed(conf, ips=[{"address": "10.1.2.7/24"}])
    node.refused(pod, conf, plugin.CONFIG, "master", "prevResult", f"{len(interfaces)} interfaces")
    node.assert_nothing_left(pod)


def test_the_interface_of_prevResult_has_to_be_there(node):
    for hidden, where in (({}, "on the node"), ({"linkInContainer": True}, "in the pod")):
        node.refused(node.pod(), chained(interfaces=[{"name": "eth7"}], **hidden),
                     plugin.TRY_AGAIN, "master", "eth7", where)
    # A macvlan doesn't look at prevResult.
    result = node.add(node.pod(), macvlan(prevResult={"cniVersion": "1.1.0",
                                                      "interfaces": [{"name": "eth7"}]}))
    assert [i["name"] for i in result["interfaces"]] == ["eth7", "eth0"]


def test_reservations_of_the_plugin_that_gave_the_addresses_are_left_alone(node):
    """By an ADD that fails behind the record, a DEL, and a GC: they have the pod's names."""
    pod, store = node.pod(), node.store / "testnet"
    conf = chained(interfaces=[{"name": "eth7"}])
    theirs = f"{pod.id}\r\neth0"
    store.mkdir(parents=True)
    (store / "10.1.2.7").write_text(theirs)
    node.refused(pod, conf, plugin.TRY_AGAIN, "eth7")
    node.delete(pod, conf)
    done = node.invoke("GC", {**conf, "cniVersion": "1.1.0", "cni.dev/valid-attachments": []})
    assert done.returncode == 0, done.stdout
    assert (store / "10.1.2.7").read_bytes() == theirs.encode()
    # One that has an IPAM of its own gives them back, as host-local does.
    node.delete(pod, macvlan())
    assert not (store / "10.1.2.7").exists()


def test_STATUS_and_repair_do_without_prevResult(node):
    conf = {k: v for k, v in chained(version="1.1.0").items() if k != "prevResult"}
    for family in ("-4", "-6"):
        node.ip(family, "route", "del", "default")
    done = node.invoke("STATUS", conf)
    assert done.returncode == 0, done.stdout
    assert command.repair(node, {**conf, "type": "bridge-cni", "switch": "ipvlan"}) == [
        "nothing to mend"]
    with plugin.refusal(plugin.UNAVAILABLE, "eth7"):
        plugin.judge("STATUS", node.invoke("STATUS", {**conf, "master": "eth7"}), "1.1.0")


def test_validate_wants_a_plugin_before_an_ipvlan_without_ipam(node):
    ours = {"type": "bridge-cni", "switch": "ipvlan"}
    lists = {"alone": [ours], "first": [ours, {"type": "tuning"}],
             "behind": [{"type": "their-eni"}, ours]}
    said = {}
    for name, plugins in lists.items():
        path = node.run_dir / f"{name}.conflist"
        path.write_text(json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}))
        said[name] = command.command(node, "validate", f"/run/{name}.conflist")
    for name in ("alone", "first"):
        assert "ADD fails with code 7" in said[name].stdout and "prevResult" in said[name].stdout
    assert said["behind"].returncode == 0 and "error" not in said["behind"].stdout, said["behind"]


def test_keys_of_macvlan_do_nothing_for_a_bridge_and_validate_says_so(node):
    pod, conf = node.pod(), network(master="eth7", mode="vepa", bcqueuelen=9, trunk=[{"id": 5}])
    result = node.add(pod, conf)
    assert len(result["interfaces"]) == 3
    done = command.command(node, "validate", *command.written(node, conf))
    for key in ("master", "mode", "bcqueuelen"):
        assert f'{key}: ignored, as it is a key of the switch "macvlan", and this one is ' \
               '"bridge"; remove the key, or take that switch' in done.stdout, done.stdout
    assert 'trunk: ignored, as it is a key of the switch "ovs"' in done.stdout, done.stdout


def test_a_mac_that_no_interface_can_have_is_refused(node):
    for mac in ("01:00:00:00:00:01", "no", "00:00:00:00:00:00"):
        node.refused(node.pod(), macvlan(mac=mac), plugin.CONFIG, "mac", mac)
    node.refused(node.pod(), macvlan(master="a/b"), plugin.CONFIG, "master", "a/b")


# -- CHECK


CHANGES = {
    "the link": ("link del eth0", "eth0"),
    "another kind": ("link del eth0\nlink add eth0 type veth peer name eth1\nlink set eth0 up",
                     "macvlan"),
    "mode": ("link set eth0 type macvlan mode vepa", "bridge"),
    "down": ("link set eth0 down", "up"),
    "mac": ("link set eth0 down\nlink set eth0 address 02:00:00:00:00:77\n"
            "link set eth0 up\nroute add 198.51.100.0/24 via 10.1.2.1", "MAC"),
    "address": ("addr flush dev eth0", "10.1.2.2/24"),
    "route": ("route del 198.51.100.0/24", "198.51.100.0/24"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_CHECK_finds_what_was_changed_by_hand(node, change):
    pod = node.pod()
    conf = macvlan(ipam={"routes": [{"dst": "198.51.100.0/24"}]})
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    commands, word = CHANGES[change]
    pod.ip_batch(commands + "\n")
    with plugin.refusal(plugin.CHECK, word):
        node.check(pod, conf, result)


def test_CHECK_finds_a_link_of_another_master(node):
    pod, conf = node.pod(), macvlan(master=UPLINK)
    result = node.add(pod, conf)
    node.ip_batch("link add lan1 type veth peer name lan2\nlink set lan1 up\n")
    mac = result["interfaces"][0]["mac"]
    pod.ip("link", "del", "eth0")
    node.ip("link", "add", "link", "lan1", "name", "eth0", "address", mac, "netns", pod.path,
            "type", "macvlan", "mode", "bridge")
    pod.ip_batch("addr add 10.1.2.2/24 dev eth0\nlink set eth0 up\n")
    with plugin.refusal(plugin.CHECK, "master", UPLINK):
        node.check(pod, conf, result)


def test_CHECK_asks_that_the_master_is_there(node):
    pod, conf = node.pod(), macvlan(master=UPLINK)
    result = node.add(pod, conf)
    node.ip_batch(f"link set {UPLINK} down\nlink set {UPLINK} name card7\n")
    with plugin.refusal(plugin.CHECK, "master", UPLINK):
        node.check(pod, conf, result)
