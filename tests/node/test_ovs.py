# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods on a bridge of Open vSwitch, with its own database and daemon."""
import json
import socket
import struct

import pytest

from harness import plugin
from harness.command import cleanup, command, repair, written
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NETWORK, NODE4,
                          addresses_of, network)
from harness.ovs import BRIDGE, host_end, needs_ovs, ovs_network
from harness.portmap import ask, served
from harness.shown import only, show, show_text
from harness.transfer import datagram, transfer
from harness.waiting import ANSWER, SLOWNESS, wait_for
from test_switches import findings

pytestmark = needs_ovs
MEGABYTE = 1 << 20


ETH_P_TEST = 0x88b5  # for local experiments


def tagged_frame_comes(sender, receiver, vlan, seconds=ANSWER):
    """Does a frame with that tag come to the receiver, without it? This kernel has no 8021q."""
    with receiver.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_TEST)) as inside, \
            sender.socket(socket.AF_PACKET, socket.SOCK_RAW) as outside:
        inside.settimeout(seconds * SLOWNESS)
        inside.bind(("eth0", ETH_P_TEST))
        outside.bind(("eth0", 0))
        payload = b"vlan %d" % vlan
        outside.send(b"\xff" * 6 + b"\x0a\x58\0\0\0\1" +
                     struct.pack("!HHH", 0x8100, vlan, ETH_P_TEST) + payload.ljust(50, b"."))
        try:
            return payload in inside.recv(200)
        except TimeoutError:
            return False


# -- what an ADD makes, and DEL takes away


def test_a_pod_gets_a_port_that_says_whose_it_is(node, ovs):
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    assert [i["name"] for i in result["interfaces"]] == [host_end(result), "eth0"]
    assert ovs.ports() == [host_end(result)]
    port = ovs.port(host_end(result))
    assert port["external_ids"] == (f'{{contIface=eth0, contNetns="{pod.netns}", '
                                    f'container={pod.id}, network={NETWORK}, '
                                    'owner=bridge-cni}'), port
    assert (port["vlan_mode"], port["tag"], port["trunks"]) == ("trunk", "[]", "[]")
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    assert ovs.ports() == []
    node.assert_nothing_left(pod)
    node.delete(pod, conf, result)


def test_the_type_of_ovs_cni_names_the_switch(node, ovs):
    pod = node.pod()
    node.add(pod, {**ovs_network(), "type": "ovs", "switch": None})
    assert len(ovs.ports()) == 1


@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
def test_pods_reach_each_other_the_node_and_the_world(node, ovs, families):
    conf = ovs_network(families)
    one, two = node.pod(), node.pod()
    first, second = node.add(one, conf), node.add(two, conf)
    for address, gateway, internet in zip(addresses_of(second),
                                          [GATEWAY6] if families == "v6" else [GATEWAY4, GATEWAY6],
                                          [INTERNET6] if families == "v6" else [INTERNET4, INTERNET6]):
        assert one.ping(address) and one.ping(gateway)
        assert one.ping(internet), "masqueraded"
    for address in addresses_of(second):
        transfer(one, two, address, 3 * MEGABYTE)
        datagram(one, two, address, 1000)
    for address in addresses_of(first):
        transfer(node, one, address, MEGABYTE)


def test_tcp_goes_through_the_masquerade(node, ovs):
    pod = node.pod()
    node.add(pod, ovs_network())
    transfer(pod, node.outside, INTERNET4, MEGABYTE)


def test_a_host_port_leads_to_the_pod(node, ovs):
    pod = node.pod()
    conf = ovs_network(capabilities={"portMappings": True}, runtimeConfig={
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]})
    node.add(pod, conf)
    with served(pod, 80):
        assert ask(node.outside, NODE4, 8080)
        assert ask(node, NODE4, 8080)


def test_the_pods_end_fills_in_checksums_and_check_says_so(node, ovs):
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    assert "tx-checksumming: off" in pod.run("ethtool", "-k", "eth0").stdout
    pod.run("ethtool", "-K", "eth0", "tx", "on")
    with plugin.refusal(plugin.CHECK, "tx checksumming"):
        node.check(pod, conf, result)


def test_the_mtu_is_the_bridges_or_the_configured_one(node, ovs):
    one, two = node.pod(), node.pod()
    node.add(one, ovs_network())
    assert one.links()["eth0"]["mtu"] == 1500
    node.add(two, ovs_network(mtu=1400))
    assert two.links()["eth0"]["mtu"] == 1400


def test_what_the_pod_receives_is_limited(node, ovs):
    pod = node.pod()
    conf = ovs_network(capabilities={"bandwidth": True}, runtimeConfig={
        "bandwidth": {"ingressRate": 8000000, "ingressBurst": 80000}})
    result = node.add(pod, conf)
    name = host_end(result)
    assert "tbf" in node.run("tc", "qdisc", "show", "dev", name).stdout
    node.check(pod, conf, result)
    ovs.stop_switch()
    ovs.start_switch()
    wait_for(lambda: ovs.vsctl("set", "bridge", BRIDGE, "other_config:x=y") == "")
    node.check(pod, conf, result)  # a daemon that is started again leaves the queue alone
    node.delete(pod, conf, result)
    assert ovs.table("QoS", "type") == []


def test_a_limited_port_that_somebody_removed_leaves_nothing_in_the_database(node, ovs):
    pod = node.pod()
    conf = ovs_network(capabilities={"bandwidth": True}, runtimeConfig={
        "bandwidth": {"ingressRate": 8000000, "ingressBurst": 80000}})
    result = node.add(pod, conf)
    ovs.vsctl("del-port", host_end(result))
    assert any("again" in line for line in repair(node, conf))
    node.check(pod, conf, result)
    assert len(ovs.table("QoS", "type")) == 1
    ovs.vsctl("del-port", host_end(result))
    node.delete(pod, conf, result)
    assert ovs.table("QoS", "type") == []


def test_a_limit_on_what_the_pod_sends_is_refused(node, ovs):
    pod = node.pod()
    node.refused(pod, ovs_network(capabilities={"bandwidth": True}, runtimeConfig={
        "bandwidth": {"egressRate": 8000000, "egressBurst": 80000}}),
        plugin.UNSUPPORTED_FIELD, "egressRate", "netdev")
    node.assert_nothing_left(pod)
    assert ovs.ports() == []


# -- VLANs


def test_a_vlan_keeps_pods_apart(node, ovs):
    pods = [node.pod() for _ in range(3)]
    conf = ovs_network(isDefaultGateway=None, ipMasq=None)
    results = [node.add(pod, {**conf, "vlan": vlan}) for pod, vlan in zip(pods, (100, 100, 200))]
    assert ovs.port(host_end(results[0]))["tag"] == "100"
    assert ovs.port(host_end(results[0]))["vlan_mode"] == "access"
    assert pods[0].ping(addresses_of(results[1])[0])
    assert not pods[0].ping(addresses_of(results[2])[0], 0.5)
    node.check(pods[0], {**conf, "vlan": 100}, results[0])
    with plugin.refusal(plugin.CHECK, "VLANs"):
        node.check(pods[0], {**conf, "vlan": 101}, results[0])


def test_a_trunk_carries_its_vlans_alone(node, ovs):
    trunk, inside, other = node.pod(), node.pod(), node.pod()
    conf = ovs_network(isDefaultGateway=None, ipMasq=None)
    result = node.add(trunk, {**conf, "trunk": [{"id": 0}, {"id": 42}, {"minID": 100, "maxID": 102}]})
    port = ovs.port(host_end(result))
    assert (port["vlan_mode"], port["tag"], port["trunks"]) == ("trunk", "[]", "[0, 42, 100, 101, 102]")
    node.add(inside, {**conf, "vlan": 101})
    node.add(other, {**conf, "vlan": 103})
    assert tagged_frame_comes(trunk, inside, 101)
    assert not tagged_frame_comes(trunk, other, 103, 1)


def test_vlan_and_trunk_together_are_the_native_vlan_and_tagged_ones(node, ovs):
    pod = node.pod()
    conf = ovs_network(isDefaultGateway=None, ipMasq=None, vlan=5, trunk=[{"id": 7}])
    result = node.add(pod, conf)
    port = ovs.port(host_end(result))
    assert (port["vlan_mode"], port["tag"], port["trunks"]) == ("native-untagged", "5", "[7]")
    node.check(pod, conf, result)


def test_an_openflow_number_is_asked_for_and_another_one_told(node, ovs):
    one, two = node.pod(), node.pod()
    conf = ovs_network(ofport_request=77)
    assert ovs.port(host_end(node.add(one, conf)))["ofport"] == "77"
    done = node.invoke("ADD", conf, two)
    assert done.returncode == 0 and "ofport_request" in done.stderr, done


# -- what is refused


@pytest.mark.parametrize("key, value", [
    ("hairpinMode", True), ("promiscMode", True), ("portIsolation", True), ("spoofCheck", True),
    ("macspoofchk", True), ("podLink", "routed"), ("quietBridge", True), ("vlanTrunk", [{"id": 5}])])
def test_a_key_that_the_switch_cannot_serve_is_refused(node, ovs, key, value):
    node.refused(node.pod(), ovs_network(**{key: value}), plugin.CONFIG, key, "ovs")


@pytest.mark.parametrize("changes, code, words", [
    ({"interface_type": "internal"}, plugin.UNSUPPORTED_FIELD, ["interface_type"]),
    ({"configuration_path": "/etc/ovs.conf"}, plugin.UNSUPPORTED_FIELD, ["configuration_path"]),
    ({"deviceID": "0000:03:02.0"}, plugin.UNSUPPORTED_FIELD, ["deviceID"]),
    ({"args": {"cni": {"ovnPort": "port-1"}}}, plugin.UNSUPPORTED_FIELD, ["args.cni.ovnPort"]),
    ({"args": {"cni": {"OVNPort": "port-1"}}, "bridge": None}, plugin.UNSUPPORTED_FIELD, ["args.cni.ovnPort"]),
    ({"socket_file": "tcp:127.0.0.1:6640"}, plugin.UNSUPPORTED_FIELD, ["socket_file"]),
    ({"socket_file": "db.sock"}, plugin.CONFIG, ["socket_file", "absolute"]),
    ({"trunk": [{"minID": 7}]}, plugin.CONFIG, ["trunk[0].maxID"]),
    ({"trunk": [{}]}, plugin.CONFIG, ["trunk[0]"]),
    ({"trunk": [{"id": 4096}]}, plugin.CONFIG, ["trunk[0].id"]),
    ({"ofport_request": 65280}, plugin.CONFIG, ["ofport_request"]),
    ({"bridge": None}, plugin.CONFIG, ["bridge"]),
    ({"vlan": 100}, plugin.CONFIG, ["isGateway", "vlan"]),
    ({"type": "macvlan"}, plugin.CONFIG, ["switch"])])
def test_what_cannot_be_served_is_refused(node, ovs, changes, code, words):
    node.refused(node.pod(), ovs_network(**changes), code, *words)


def test_an_ovn_port_of_CNI_ARGS_is_refused_and_stops_no_DEL(node, ovs):
    pod, conf = node.pod(), ovs_network()
    env = {"CNI_ARGS": "IgnoreUnknown=1;OvnPort=port-1"}
    node.refused(pod, conf, plugin.UNSUPPORTED_FIELD, "CNI_ARGS", "OvnPort", env=env)
    node.refused(pod, conf, plugin.ENVIRONMENT, "OvnPort", env={"CNI_ARGS": "OvnPort=port-1"})
    node.assert_nothing_left(pod)
    empty = {"CNI_ARGS": "IgnoreUnknown=1;OvnPort="}
    result = node.add(pod, conf, env=empty)
    node.delete(pod, conf, result, env=env)
    assert ovs.ports() == []
    # It means nothing to a Linux bridge, as to the reference.
    node.add(node.pod(), network(name="side", isDefaultGateway=None, ipMasq=None), env=env)


@pytest.mark.parametrize("key, value", [
    ("link_state_check_retries", 5), ("link_state_check_interval", 600),
    ("mirrors", [{"name": "mirror-1", "ingress": True}])])
def test_a_key_that_asks_nothing_of_the_port_is_unknown_to_validate(node, ovs, key, value):
    pod, conf = node.pod(), ovs_network(**{key: value})
    node.check(pod, conf, node.add(pod, conf))
    done = command(node, "validate", "--json", *written(node, conf))
    assert any(f"{key}: unknown key, ignored" in item["message"] for item in json.loads(done.stdout)), done


def test_a_file_for_a_devices_description_is_left_alone(node, ovs):
    """No device is attached, so nobody describes one."""
    path = node.directory / "device.json"
    conf = ovs_network(runtimeConfig={"CNIDeviceInfoFile": str(path)})
    node.check((pod := node.pod()), conf, node.add(pod, conf))
    assert not path.exists()


def test_the_pods_uid_is_accepted(node, ovs):
    env = {"CNI_ARGS": "IgnoreUnknown=1;K8S_POD_UID=5f7c;MAC=02:00:00:00:00:07"}
    pod = node.pod()
    node.add(pod, ovs_network(), env=env)
    assert pod.links()["eth0"]["address"] == "02:00:00:00:00:07"


def test_a_bridge_that_is_missing_is_tried_again_and_never_made(node, ovs):
    pod = node.pod()
    node.refused(pod, ovs_network(bridge="br1"), plugin.TRY_AGAIN, "br1", "ovs-vsctl add-br br1")
    assert "br1" not in node.links()
    node.assert_nothing_left(pod)


def test_a_linux_bridge_of_that_name_is_refused(node, ovs):
    ovs.stop_switch()
    ovs.vsctl("--no-wait", "add-br", "br1")
    node.ip("link add br1 type bridge")
    node.refused(node.pod(), ovs_network(bridge="br1"), plugin.EXISTS, "Linux bridge")


def test_without_the_key_the_bridge_is_refused_and_stays(node, ovs):
    conf = ovs_network(switch=None)
    node.refused(node.pod(), conf, plugin.EXISTS, BRIDGE, '"switch": "ovs"')
    node.ip(f"link set {BRIDGE} down")
    text = command(node, "doctor", *written(node, conf)).stdout
    assert 'the key switch to "ovs"' in text and f"link del {BRIDGE}" not in text, text


def test_a_bridge_that_is_gone_is_not_for_repair_to_make(node, ovs):
    conf = ovs_network()
    node.add(node.pod(), conf)
    ovs.stop_switch()
    node.ip(f"link del {BRIDGE}")
    text = command(node, "doctor", *written(node, conf)).stdout
    assert "problem: open-vswitch: " in text and "; start Open vSwitch" in text, text
    assert "bridge-cni repair" not in text and f"bridge {BRIDGE} is gone" not in text, text


@pytest.mark.parametrize("controller, words", [
    (None, "as it has no controller"), ("tcp:127.0.0.1:6653", "its controller adds")])
def test_a_secure_bridge_is_told(node, ovs, controller, words):
    ovs.vsctl("set-fail-mode", BRIDGE, "secure")
    if controller:
        ovs.vsctl("set-controller", BRIDGE, controller)
    done = node.invoke("ADD", ovs_network(), node.pod())
    assert done.returncode == 0 and 'fail_mode "secure"' in done.stderr, done
    assert words in done.stderr, done
    ovs.vsctl("set-fail-mode", BRIDGE, "standalone")
    assert "secure" not in node.invoke("ADD", ovs_network(), node.pod()).stderr


def test_another_socket_is_used_and_the_record_has_it(node, ovs):
    node.run("mv", "/run/openvswitch/db.sock", "/run/other.sock")
    pod = node.pod()
    conf = ovs_network(socket_file="unix:/run/other.sock")
    node.refused(node.pod(), ovs_network(), plugin.TRY_AGAIN, "/var/run/openvswitch/db.sock")
    node.add(pod, conf)
    node.delete(pod, ovs_network())  # the configuration of now names another socket
    ovs.socket = "/run/other.sock"
    assert ovs.ports() == []


# -- STATUS, show


def test_status_asks_for_the_bridge(node, ovs):
    if plugin.NEWEST < "1.1.0":
        pytest.skip("no STATUS")
    assert node._judged("STATUS", ovs_network(), None) is None
    with plugin.refusal(plugin.UNAVAILABLE, "br1"):
        node._judged("STATUS", ovs_network(bridge="br1"), None)
    ovs.stop_switch()
    node.ip("link", "del", BRIDGE)
    with plugin.refusal(plugin.UNAVAILABLE, BRIDGE, "ovs-vswitchd"):
        node._judged("STATUS", ovs_network(), None)
    ovs.stop_database()
    with plugin.refusal(plugin.UNAVAILABLE, "db.sock"):
        node._judged("STATUS", ovs_network(), None)


def test_show_tells_of_the_port(node, ovs):
    pod, conf = node.pod(), ovs_network(isDefaultGateway=None, ipMasq=None, vlan=100)
    node.add(pod, conf)
    text = command(node, "show", pod.id, *written(node, conf)).stdout
    assert f"  port         {ovs.ports()[0]}: port of {BRIDGE}, OpenFlow port 1, access, VLAN 100\n" in text, text
    assert "  port  " in text and "  queues" not in text, text
    for keys, words in (({}, "trunk, all VLANs\n"),
                        ({"trunk": [{"minID": 10, "maxID": 11}]}, "trunk, tagged 10, 11\n"),
                        ({"vlan": 5, "trunk": [{"id": 9}]}, "native-untagged, VLAN 5, tagged 9\n")):
        pod, conf = node.pod(), ovs_network(isDefaultGateway=None, ipMasq=None, **keys)
        node.add(pod, conf)
        text = command(node, "show", pod.id, *written(node, conf)).stdout
        assert words in text, text
    text = command(node, "show", *written(node, conf)).stdout
    assert f"{BRIDGE}, up, MTU" in text.replace("down", "up"), text
    assert " ports" not in text and "bridged" not in text, "the kernel knows no ports of it"


def test_a_trace_leaves_the_way_within_the_switch_to_its_own_tools(node, ovs):
    one, two, conf = node.pod(), node.pod(), ovs_network()
    node.add(one, conf)
    address = addresses_of(node.add(two, conf))[0]
    text = command(node, "doctor", "--trace", one.id, address.split("/")[0],
                   *written(node, conf)).stdout
    assert "ok: port: " in text and "ovs-vsctl port-to-br" in text, text
    assert f"ovs-appctl fdb/show {BRIDGE}" in text and "no port of the bridge" not in text, text


def test_show_doctor_and_validate_say_what_is_so_of_the_switch(node, ovs):
    pod, conf = node.pod(), ovs_network()
    node.add(pod, conf)
    text = show_text(node, conf)
    assert "switch       ovs" in text and f"{BRIDGE}, up" in text and "not there" not in text, text
    assert f"{GATEWAY4}/24 on {BRIDGE}" in text, text
    assert " port" not in text.split("gateway")[0] and "bridged" not in text, "the kernel knows none"
    shown = only(show(node, conf))
    assert (shown["switch"], shown["bridge"]["ports"], shown["bridge"]["kind"]) == ("ovs", None, "tun")
    assert shown["gateways"][0]["present"]
    files = written(node, conf)
    said = [item for item in findings(node, *files) if BRIDGE in json.dumps(item)]
    assert said == []
    done = command(node, "validate", "--json", *files)
    assert [item for item in json.loads(done.stdout) if item["level"] == "error"] == [], done


def test_doctor_wants_the_bridge_up_for_a_gateway_alone(node, ovs):
    conf = ovs_network(isDefaultGateway=None, ipMasq=None)
    node.add(node.pod(), conf)
    assert "state DOWN" in node.ip(f"link show {BRIDGE}")
    assert not [item for item in findings(node, *written(node, conf)) if item["check"] == "bridge"]
    other = ovs_network()
    node.add(node.pod(), other)
    node.ip(f"link set {BRIDGE} down")
    found = [item for item in findings(node, *written(node, other)) if item["check"] == "bridge"]
    assert "is down" in json.dumps(found), found


# -- repair, cleanup


def test_repair_puts_a_port_back(node, ovs):
    one, two, conf = node.pod(), node.pod(), ovs_network()
    first, second = node.add(one, conf), node.add(two, conf)
    ovs.vsctl("del-port", host_end(first))
    ovs.vsctl("set", "port", host_end(second), "tag=9", "vlan_mode=access")
    with plugin.refusal(plugin.CHECK, host_end(first)):
        node.check(one, conf, first)
    lines = repair(node, conf)
    assert len(lines) == 2 and all("again" in line for line in lines), lines
    for pod, result in ((one, first), (two, second)):
        wait_for(lambda: pod.ping(GATEWAY4))
        node.check(pod, conf, result)
    assert repair(node, conf) == ["nothing to mend"]


def test_repair_sets_the_bridge_up_with_its_gateway(node, ovs):
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    node.ip(f"addr flush dev {BRIDGE}")
    node.ip(f"link set {BRIDGE} down")
    with plugin.refusal(plugin.CHECK, "br0"):
        node.check(pod, conf, result)
    assert any(GATEWAY4 in line for line in repair(node, conf))
    node.check(pod, conf, result)


def test_cleanup_leaves_the_bridge_and_takes_the_gateway(node, ovs):
    pod, conf = node.pod(), ovs_network()
    node.delete(pod, conf, node.add(pod, conf))
    assert node.addresses(BRIDGE)
    cleanup(node, conf)
    assert node.addresses(BRIDGE) == []
    assert BRIDGE in node.links() and ovs.vsctl("br-exists", BRIDGE) == ""


# -- what people get wrong


def test_validate_knows_the_switchs_keys_in_a_configuration_that_is_refused(node):
    done = command(node, "validate", *written(node, ovs_network(trunk=[{"minID": 9}])))
    assert "trunk[0].maxID: missing" in done.stdout and "unknown key" not in done.stdout, done.stdout
