# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster that is switched from flannel's vxlan node by node: nodes that flannel has set up, and
nodes with the agent, which have --flannel true."""
import contextlib
import json
import re
import threading

import pytest
from conftest import made

from harness import flannel, wire
from harness.sniffer import sniffing
from harness.waiting import wait_for

OPTIONS = ("--tunnel", "vxlan", "--tunnel-always", "true", "--flannel", "true")
OWN_DEVICES = {4: "bcni-vxlan", 6: "bcni-vxlan6"}


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


@contextlib.contextmanager
def following(*nodes):
    """flanneld runs on these nodes, and takes what other Nodes say."""
    over = threading.Event()
    failures = []

    def follow():
        while not over.wait(0.1):
            try:
                for node in nodes:
                    if node.macs:
                        node.read()
            except Exception as error:  # told by whoever started it
                failures.append(error)
                return

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failures, failures


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
    wait_for(lambda: others <= {*node.own_routes()}, 20)
    wait_for(lambda: flannel.MANAGED in cluster.api.annotations(node.name))


def pairs(pods):
    """Addresses of the same family: (pod, its address, another pod, that one's address)."""
    return [(one, here, other, there) for one in pods for other in pods if one is not other
            for here, there in ((one.address4, other.address4), (one.address6, other.address6))
            if here and there]


def assert_own_addresses_are_seen(pods):
    for one, here, other, there in pairs(pods):
        wait_for(lambda: one.ping(there, wait=1))
        assert wire.source_seen(one, other, there) == here


def notes_of(node):
    """What it says as flannel does: family -> (VNI, MAC address, address)."""
    notes = node.cluster.api.annotations(node.name)
    return {family: (*json.loads(notes[data]).values(), notes[flannel.PUBLIC[family]])
            for family, data in flannel.DATA.items() if data in notes}


def warnings(node, of):
    """(annotation without its prefix, reason) of what the log says of that Node's annotations."""
    return re.findall(rf'level=warn msg="a Node\'s annotation [^"]*" node={of.name} '
                      rf'annotation={flannel.PREFIX}(\S+) reason=(?:"(.*)"|\S+)\n', node.log())


@pytest.mark.parametrize("families", ["v4", "v6", "dual"], indirect=True)
def test_pods_of_flannels_nodes_and_of_ours_reach_each_other(cluster):
    theirs = flannel_nodes(cluster, "a", "b")
    with following(*theirs):
        ours = [cluster.node(network=network) for network in ("a", "b")]
        for node in ours:
            start(node, cluster)
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


def test_annotations_say_what_flannels_nodes_need(cluster):
    theirs, = flannel_nodes(cluster, "b")
    ours = cluster.node()
    with following(theirs):
        start(ours, cluster)
        macs = {ours.links()[device]["address"] for device in OWN_DEVICES.values()}
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
