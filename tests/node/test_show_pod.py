# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni show NAME`: the attachment that a name names, whole, as ip, nft and CHECK have it."""
import json
import re

import pytest

from harness import plugin, snapshot
from harness.command import command
from harness.delegates import Delegate
from harness.node import GATEWAY4, GATEWAY6, NETWORK, network
from harness.quiet import groups, inner
from harness.service import netfilter_on_the_bridge
from harness.shown import (C1, CLEAR, CONTROL, GUARDED, NOBODY, configured, document, guarded,
                           hold_locks, named, only, read_only, record_write, records_of)
from harness.waiting import wait_for


def show(node, conf, *names, **kw):
    return document(command(node, "show", *names, "--json", *configured(node, conf), **kw))


def whole(node, conf, name, **kw):
    [attachment] = show(node, conf, name, **kw)["attachments"]
    return attachment


def text_of(node, conf, *names):
    done = command(node, "show", *names, *configured(node, conf))
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_whichever_kind_of_name_it_is(node):
    conf, pods = guarded(node)
    shown = only(show(node, conf, NETWORK))["pods"][1]
    address4, address6 = (address.split("/")[0] for address in shown["addresses"])
    for name in (address4, f"{address4}/24", address6, f"{address6}/64", address6.replace("::", ":0:0:0:0:"), "shop/cart-1", "cart-1",
                 shown["mac"], shown["mac"].upper(), shown["hostInterface"]["mac"],
                 shown["hostInterface"]["name"], pods[1].id, pods[1].id[:8]):
        found = show(node, conf, name)
        assert [a["containerID"] for a in found["attachments"]] == [pods[1].id], name
        assert found["networks"] == [] and found["reservations"] == []
    ifb, = [name for name in node.links() if name.startswith("ifb")]
    assert [a["pod"] for a in show(node, conf, ifb)["attachments"]] == ["shop/cart-0"]
    for name in NETWORK, "cni0", GATEWAY4, f"{GATEWAY6}/64", node.links()["cni0"]["address"]:
        found = show(node, conf, name)
        assert only(found)["name"] == NETWORK and found["attachments"] == []
    assert {a["containerID"] for a in show(node, conf, "eth0")["attachments"]} == {
        pod.id for pod in pods}
    two = show(node, conf, "cart-0", address4)["attachments"]
    assert {a["pod"] for a in two} == {"shop/cart-0", "shop/cart-1"}


def test_what_is_not_there(node):
    conf, pods = guarded(node, 1)
    for name in ("nobody", "10.1.2.200", pods[0].id[:3], "shop/"):
        done = command(node, "show", name, "cart-0", *configured(node, conf))
        assert done.returncode == 1 and f'is named "{name}"' in done.stderr
        assert "attachment shop/cart-0" in done.stdout
    (node.store / NETWORK / "10.1.2.200").write_text("of-the-reference\r\neth0")
    for name in ("10.1.2.200", "of-the-ref"):
        found = show(node, conf, name)
        assert found["attachments"] == []
        assert [r["containerID"] for r in found["reservations"]] == ["of-the-reference"]
    assert "10.1.2.200 of container of-the-reference" in text_of(node, conf, "10.1.2.200")


def test_it_is_what_ip_and_nft_say(node):
    conf, pods = guarded(node)
    pod = pods[0]
    assert pod.ping(GATEWAY4)
    # The kernel sends on its own for a while, so that counters go on.
    before = pod.ip_json("-s link show dev eth0")[0]["stats64"]
    shown = whole(node, conf, "cart-0")
    after = pod.ip_json("-s link show dev eth0")[0]["stats64"]
    inside = pod.ip_json("addr show dev eth0")[0]
    told = shown["inside"]
    assert (told["up"], told["mtu"], told["mac"]) == (True, inside["mtu"], inside["address"])
    assert sorted(told["addresses"]) == sorted(f"{a['local']}/{a['prefixlen']}"
                                               for a in inside["addr_info"])
    for direction, of_ip in (("received", "rx"), ("sent", "tx")):
        for key in ("packets", "bytes"):
            assert before[of_ip][key] <= told["counters"][direction][key] <= after[of_ip][key]
    assert told["counters"]["sent"]["packets"] > 0
    assert shown["hostCounters"]["received"]["packets"] > 0
    routes = {(r["to"], r["via"]) for r in told["routes"]}
    assert {("0.0.0.0/0", GATEWAY4), ("10.1.2.0/24", None)} <= routes
    assert len(routes) == len([r for family in (4, 6) for r in pod.routes(family)
                               if r["dst"] != "multicast"])
    host = shown["hostInterface"]["name"]
    # Those with a limit, and dropped_ports, are the rules' own, which packets fill.
    listed = [len(re.findall(f'"{host}[^"]*"(?! limit)', node.run("nft", "list", *what).stdout))
              for what in (["ruleset"], "set bridge bridge_cni dropped_ports".split())]
    assert len(shown["elements"]) == listed[0] - listed[1] > 10
    assert any("hostports4_" in line and "8080" in line for line in shown["elements"])
    assert [line.split(":")[0] for line in shown["queues"]] == ["ingress", "egress"]
    assert "8000000 bit/s" in shown["queues"][0] and host in shown["queues"][0]
    assert f"pod {shown['pod']}" in shown["record"]
    assert records_of(node, NETWORK) and shown["recordFile"].startswith("/var/lib/cni/networks/")
    text = text_of(node, conf, "cart-0")
    for line in (*shown["elements"], *shown["queues"], *shown["record"]):
        assert line in text


def test_connections_are_counted(node):
    conf = network()
    pod = node.pod()
    address = node.add(pod, conf)["ips"][0]["address"].split("/")[0]
    node.nft("add table inet t; add chain inet t c { type filter hook input priority 0; }; "
             "add rule inet t c ct state new accept")
    assert whole(node, conf, address)["connections"] == 0
    assert pod.ping(GATEWAY4)
    assert whole(node, conf, address)["connections"] == 1


HARM = {
    "address": (lambda node, pod: pod.ip("addr del 10.1.2.2/24 dev eth0"), "10.1.2.2/24"),
    "route": (lambda node, pod: pod.ip("route del default"), "a route to 0.0.0.0/0"),
    "rules": (lambda node, pod: node.nft("flush ruleset"), "found none"),
    "port": (lambda node, pod: node.ip(f"link set {node.host_veths()[0]} nomaster"), "cni0"),
    "reservation": (lambda node, pod: (node.store / NETWORK / "10.1.2.2").write_text("x\r\neth0"),
                    "reserved for x/eth0"),
    "queue": (lambda node, pod: node.run("tc", "qdisc", "del", "dev", node.host_veths()[0], "root"),
              "ingressRate: expected"),
}


@pytest.mark.parametrize("harm", HARM)
def test_its_check_names_what_differs(node, harm):
    conf, [pod] = guarded(node, 1)
    assert whole(node, conf, "cart-0")["check"] == {"outcome": "right", "message": None}
    assert "check        right" in text_of(node, conf, "cart-0")
    act, words = HARM[harm]
    act(node, pod)
    check = whole(node, conf, pod.id)["check"]
    assert check["outcome"] == "differs" and words in check["message"], check
    assert "check        differs: " in text_of(node, conf, pod.id)


@pytest.mark.parametrize("changes", [
    {"podLink": "routed"}, {"portIsolation": True}, {"isDefaultGateway": False, "isGateway": True},
    {"ipam": {"routes": [{"dst": "198.18.0.0/15"}]}}, {"ipMasq": False}, {"metric": 77},
    {"quietBridge": True}],
    ids=lambda changes: next(iter(changes)))
def test_its_check_agrees_in_other_configurations(node, changes):
    netfilter_on_the_bridge(node, False)  # which routed pods want
    conf = network("dual", **changes)
    pod = node.pod()
    node.add(pod, conf)
    assert whole(node, conf, pod.id)["check"] == {"outcome": "right", "message": None}


def permanent_forget(node, pod):
    node.ip("neigh flush dev cni0 nud permanent")


def group_forget(node, pod):
    [port] = node.host_veths()
    [group, *_] = groups(node, port)
    node.run("bridge", "mdb", "del", "dev", "cni0", "port", port, "grp", group)


QUIET_HARM = {
    "a macvlan in the pod": (lambda node, pod: inner(pod), "vrrp with 02:00:00:00:00:55 behind it"),
    "the node's neighbours": (permanent_forget, "expected the permanent neighbour 10.1.2.2"),
    "a group": (group_forget, "the multicast group"),
    "the gateway": (lambda node, pod: pod.ip("neigh replace 10.1.2.1 dev eth0 lladdr 02:00:00:00:00:66 "
                                             "nud permanent"), "02:00:00:00:00:66 for good"),
    "flooding": (lambda node, pod: node.run("bridge", "link", "set", "dev", node.host_veths()[0], "flood", "on"),
                 "flooding of unknown addresses off"),
}


@pytest.mark.parametrize("harm", QUIET_HARM)
def test_its_check_names_what_a_quiet_pod_lacks(node, harm):
    conf, pod = network("dual", quietBridge=True), node.pod()
    node.add(pod, conf)
    shown = whole(node, conf, pod.id)
    assert "quiet yes" in shown["record"] and "neighbours cni0" in shown["record"]
    assert shown["check"] == {"outcome": "right", "message": None}
    act, words = QUIET_HARM[harm]
    act(node, pod)
    check = whole(node, conf, pod.id)["check"]
    assert check["outcome"] == "differs" and words in check["message"], check
    assert "check        differs: " in text_of(node, conf, pod.id)


def test_another_ipam_plugin_is_not_run(node):
    fake = Delegate(node)
    conf, pod = fake.conf(), node.pod()
    node.add(pod, conf, env=fake.env)
    calls = fake.log.read_text()
    shown = whole(node, conf, pod.id, env=fake.env)
    assert shown["check"]["outcome"] == "right" and shown["addresses"] == ["10.77.0.5/16"]
    assert [line.split("{ ")[1] for line in shown["elements"]] == [
        "10.77.0.5 }", "10.77.0.5 . 10.77.0.0-10.77.255.255 }"]
    assert fake.log.read_text() == calls


def test_what_is_gone_or_anothers_by_now(node):
    conf, pods = guarded(node, 2)
    pods[0].remove()
    wait_for(lambda: len(node.host_veths()) == 1)
    found = show(node, conf, "cart-0")
    [shown] = found["attachments"]
    assert (shown["state"], shown["inside"]) == ("dead", None)
    assert shown["check"]["outcome"] == "not done" and any("the pod: " in line
                                                           for line in found["unseen"])
    # Another pod's namespace has the path by now.
    name = pods[0].name
    node.pod(name)
    found = show(node, conf, "cart-0")
    assert found["attachments"][0]["inside"] is None
    assert any(f"another namespace is at /run/netns/{name}" in line for line in found["unseen"])


def test_no_lock_is_taken_and_nothing_is_changed(node, tmp_path):
    conf, pods = guarded(node)
    files = configured(node, conf)
    before = snapshot.take(node)
    with hold_locks(node):
        assert whole(node, conf, "cart-1")["check"]["outcome"] == "right"
    with read_only(node, tmp_path / "trace") as wrapper:
        document(command(node, "show", "cart-0", "--json", *files, env=plugin.TRACED,
                         wrapper=wrapper))
    snapshot.assert_same(before, snapshot.take(node))
    assert pods


def test_no_terminal_listens_to_it(node):
    conf = network("dual", **GUARDED)
    pod = node.pod()
    node.add(pod, conf, args=named("cart"))
    [path] = records_of(node, NETWORK)
    lines = path.read_text().splitlines()[:-1]
    record_write(node, NETWORK, [f"pod shop/{CLEAR}{C1}" if line.startswith("pod ") else line
                                 for line in lines])
    pod.run("ip", "link", "add", "x\x1b[2J", "type", "veth", "peer", "name", "x0")
    pod.run("ip", "addr", "add", "203.0.113.1/24", "dev", "x\x1b[2J")
    pod.run("ip", "link", "set", "x\x1b[2J", "up")
    for argv in ([], ["--json"]):
        done = command(node, "show", pod.id, *argv, *configured(node, conf))
        assert (done.returncode, done.stderr) == (0, "")
        assert "203.0.113.0/24" in done.stdout and not CONTROL.search(done.stdout)
    assert f"pod shop/{CLEAR}{C1}" in json.loads(done.stdout)["attachments"][0]["record"]


def test_an_ordinary_user(node):
    conf, pods = guarded(node, 1)
    found = show(node, conf, pods[0].id, wrapper=NOBODY)
    [shown] = found["attachments"]
    assert shown["state"] == "unrecorded" and len(shown["addresses"]) == 2
    assert (shown["inside"], shown["elements"], shown["connections"]) == (None, None, None)
    assert shown["hostInterface"]["up"] and shown["check"]["outcome"] == "not done"
    assert any(line.startswith("elements: ") for line in found["unseen"])
