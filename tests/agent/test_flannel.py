# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster that is switched from flannel's vxlan node by node: nodes that flannel has set up, and
nodes with the agent, which have --flannel true."""
import json
import re

import pytest
from conftest import made

from harness import flannel
from harness.flannel import following
from harness.sniffer import sniffing
from harness.tunnels import DEVICES, assert_own_addresses_are_seen, pairs
from harness.waiting import wait_for

OPTIONS = ("--tunnel", "vxlan", "--tunnel-always", "true", "--flannel", "true")


@pytest.fixture
def families(request):
    return getattr(request, "param", "dual")


@pytest.fixture
def cluster(tmp_path, families):
    """Its link "b" is behind routers, and nobody passes a pod's address on."""
    with made(tmp_path, families=families) as cluster:
        cluster.network("b")
        cluster.check_sources(routers=True, links=True)
        yield cluster


def flannel_nodes(cluster, *networks):
    nodes = [cluster.node(kind=flannel.FlannelNode, network=network) for network in networks]
    for node in nodes:
        node.run_flannel()
    for node in nodes:
        node.read()
    return nodes


def start(node, cluster, *options):
    """The agent, until it has a route to each podCIDR of the others."""
    node.start_agent(*OPTIONS, *options)
    others = {cidr for other in cluster.nodes if other is not node for cidr in other.cidrs}
    wait_for(lambda: others <= {*node.own_routes()})
    wait_for(lambda: flannel.MANAGED in cluster.api.annotations(node.name))


def notes_of(node):
    """What it says as flannel does: family -> (VNI, MAC address, address)."""
    notes = node.cluster.api.annotations(node.name)
    return {family: (*json.loads(notes[data]).values(), notes[flannel.PUBLIC[family]])
            for family, data in flannel.DATA.items() if data in notes}


def unrouted(node):
    """(node, reason) of the metric."""
    return [(re.search('node="([^"]*)"', name)[1], re.search('reason="([^"]*)"', name)[1])
            for name in node.metrics() if name.startswith("bridge_cni_node_unrouted{")]


@pytest.mark.parametrize("families", ["v4", "v6", "dual"], indirect=True)
def test_pods_of_flannels_nodes_and_of_ours_reach_each_other(cluster):
    theirs = flannel_nodes(cluster, "a", "b")
    with following(*theirs):
        ours = [cluster.node(network=network) for network in ("a", "b")]
        for node in ours:
            start(node, cluster)
        # What a pod sends before its node has the way would leave with the pod's address.
        wait_for(lambda: all({node.name for node in ours} <= {*node.known} for node in theirs))
        pods = [node.attach() for node in theirs + ours]
        assert_own_addresses_are_seen(pods)
    for node in ours:
        assert "level=warn" not in node.log()
    assert cluster.fabric.dropped() == 0


def test_each_family_travels_over_the_underlay_of_the_same_family(cluster):
    """flannel has a device of each, and takes what is for its pods by that alone."""
    theirs, = flannel_nodes(cluster, "b")
    ours = cluster.node()
    with following(theirs):
        start(ours, cluster)
        pods = ours.attach(), theirs.attach()
        with sniffing(cluster.fabric.router, "leg") as sniffer:
            assert_own_addresses_are_seen(pods)
    found = {(frame.inner.ends(), frame.ends(), frame.vni)
             for frame in sniffer.frames if frame.inner}
    wanted = {((one_in, other_in), (one_out, other_out), flannel.VNI)
              for one_in, other_in, one_out, other_out in (
                  (pods[0].address4, pods[1].address4, ours.address4, theirs.address4),
                  (pods[0].address6, pods[1].address6, ours.address6, theirs.address6))}
    wanted |= {(ends[::-1], outer[::-1], vni) for ends, outer, vni in wanted}
    assert found == wanted


def test_an_address_that_is_no_InternalIP_is_sent_to_and_received_from(tmp_path):
    """flanneld was given --public-ip, or another interface's address."""
    with made(tmp_path) as cluster:
        theirs, ours = cluster.node(kind=flannel.FlannelNode), cluster.node()
        theirs.address4 = theirs.network.node4.format(200)
        theirs.ip(f"addr add {theirs.address4}/24 dev eth0")
        theirs.run_flannel()
        with following(theirs):
            start(ours, cluster)
            assert_own_addresses_are_seen([ours.attach(), theirs.attach()])


def test_annotations_say_what_flannels_nodes_need(cluster):
    theirs, = flannel_nodes(cluster, "b")
    ours = cluster.node()
    with following(theirs):
        start(ours, cluster)
        macs = {ours.links()[device]["address"] for device in DEVICES.values()}
        assert len(macs) == 1
        mac, = macs
        assert notes_of(ours) == {4: (1, mac, ours.address4), 6: (1, mac, ours.address6)}
        assert cluster.api.annotations(ours.name)[flannel.TYPE] == "vxlan"
        # Somebody removes one: it is there again.
        cluster.api.annotate(ours.name, {flannel.PUBLIC[6]: None})
        wait_for(lambda: notes_of(ours).get(6) == (1, mac, ours.address6))
    # The mode is over.
    ours.stop_agent()
    ours.start_agent("--tunnel", "vxlan", "--vxlan-id", "1")
    wait_for(lambda: cluster.api.annotations(ours.name) == {})


def test_annotations_go_with_the_mode(cluster):
    """Not those that flannel has written."""
    theirs, = flannel_nodes(cluster, "b")
    ours = cluster.node()
    notes = cluster.api.annotations(theirs.name)
    start(ours, cluster)
    cluster.api.annotate(ours.name, {flannel.OVERWRITE[6]: "2001:db8:99::1", "other": "text"})
    wait_for(lambda: notes_of(ours)[6][2] == "2001:db8:99::1")
    ours.stop_agent()
    for node in (ours, theirs):
        node.start_agent("--tunnel", "vxlan")
    wait_for(lambda: cluster.api.annotations(ours.name) ==
             {flannel.OVERWRITE[6]: "2001:db8:99::1", "other": "text"})
    wait_for(theirs.ready)
    assert cluster.api.annotations(theirs.name) == notes


def test_where_flannel_still_runs_its_annotations_stay_and_the_log_says_what_to_do(cluster):
    theirs, = flannel_nodes(cluster, "a")
    notes = cluster.api.annotations(theirs.name)
    theirs.start_agent(*OPTIONS)
    wait_for(lambda: "flannel's device flannel.1 has VNI 1 on UDP port 8472" in theirs.log())
    assert "Switching from flannel, node by node" in theirs.log()
    theirs.ip("link del flannel.1")
    wait_for(lambda: "flannel's device flannel-v6.1 has VNI 1" in theirs.log())
    assert cluster.api.annotations(theirs.name) == notes
    theirs.ip("link del flannel-v6.1")
    wait_for(lambda: notes_of(theirs) and not {notes_of(theirs)[4][1]} & {*theirs.macs.values()})


def hostile_notes(victim, own, mac):
    """What would lead the victim's traffic away, and why it is refused."""
    data, public = "backend-data", "public-ip"
    own_mac = own.links()["bcni-vxlan"]["address"]
    return [
        ({public: victim.address4}, public, "it is another Node's InternalIP"),
        ({public + "-overwrite": victim.address4}, public + "-overwrite",
         "it is another Node's InternalIP"),
        ({public: own.address4}, public, "it is an address of this node"),
        ({public: "10.244.1.7"}, public, "it is in a podCIDR"),
        ({public: "224.0.0.7"}, public, "no host has that address"),
        ({public: "127.0.0.1"}, public, "no host has that address"),
        ({public: "garbage\n"}, public, "it isn't an address of its family"),
        ({public: None}, public, "it is missing"),
        ({data: "{"}, data, "it isn't {"),
        ({data: json.dumps({"VNI": 1, "VtepMAC": "01:00:5e:00:00:01"})}, data, "it isn't {"),
        ({data: json.dumps({"VNI": 2, "VtepMAC": mac})}, data, "its VNI isn't that of"),
        ({data: json.dumps({"VNI": 1, "VtepMAC": own_mac})}, data,
         "its VtepMAC is that of another node's device"),
        ({"backend-type": "host-gw"}, "backend-type", 'it isn\'t "vxlan"'),
    ]


def test_hostile_annotations_lead_nobodys_traffic_away_and_are_named(cluster):
    victim, = flannel_nodes(cluster, "b")
    ours = cluster.node()
    attacker = cluster.node(network="b", underlay="v4", families="v4")
    mac = "02:00:00:00:66:66"
    right = {flannel.MANAGED: "true", flannel.TYPE: "vxlan",
             flannel.DATA[4]: json.dumps({"VNI": 1, "VtepMAC": mac}),
             flannel.PUBLIC[4]: attacker.address4}
    cluster.api.annotate(attacker.name, right)
    with following(victim):
        start(ours, cluster)
        pods = ours.attach(), victim.attach()
        assert_own_addresses_are_seen(pods)
    entries = ours.run("bridge", "fdb", "show", "dev", "bcni-vxlan").stdout
    assert f"{mac} dst {attacker.address4}" in entries
    for changes, annotation, reason in hostile_notes(victim, ours, mac):
        before = len(ours.log())
        cluster.api.annotate(attacker.name, {
            flannel.PREFIX + name: text for name, text in changes.items()})

        def named():
            return [line for line in ours.log()[before:].splitlines()
                    if f"annotation={flannel.PREFIX}{annotation} " in line]

        wait_for(named)
        line, = named()
        assert f"node={attacker.name}" in line and reason in line.replace('\\"', '"'), line
        wait_for(lambda: attacker.cidrs[0] not in ours.own_routes())
        # The agent answers when it is through: entries go after routes.
        assert (attacker.name, "flannel-annotations") in unrouted(ours)
        assert mac not in ours.run("bridge", "fdb", "show", "dev", "bcni-vxlan").stdout
        for one, _, _, there in pairs(pods):
            assert one.ping(there)
        cluster.api.annotate(attacker.name, {**right, flannel.OVERWRITE[4]: None})
        wait_for(lambda: attacker.cidrs[0] in ours.own_routes())
    # Two that say the same: neither, as nobody can tell whose it is.
    cluster.api.annotate(attacker.name, {flannel.DATA[4]: json.dumps(
        {"VNI": 1, "VtepMAC": victim.macs[4]})})
    wait_for(lambda: not {attacker.cidrs[0], victim.cidrs[0]} & {*ours.own_routes()})
    cluster.api.annotate(attacker.name, right)
    wait_for(lambda: pods[0].ping(pods[1].address4, wait=1))


def test_another_prefix(cluster):
    """flanneld has it as --kube-annotation-prefix."""
    ours = cluster.node()
    ours.start_agent(*OPTIONS, "--flannel-prefix", "flannel.example.com/")
    wait_for(lambda: cluster.api.annotations(ours.name))
    assert all(name.startswith("flannel.example.com/")
               for name in cluster.api.annotations(ours.name))


@pytest.mark.parametrize("flannel_is_back", [False, True])
def test_cleanup_removes_annotations_but_not_flannels(cluster, flannel_is_back):
    node = cluster.node(kind=flannel.FlannelNode)
    start(node, cluster)
    node.stop_agent()
    if flannel_is_back:
        for device in DEVICES.values():
            node.ip(f"link del {device}")
        node.run_flannel()
    notes = cluster.api.annotations(node.name)
    assert notes
    done = node.run(*node.agent_argv(*OPTIONS, "--cleanup"))
    assert done.returncode == 0
    assert cluster.api.annotations(node.name) == (notes if flannel_is_back else {})
