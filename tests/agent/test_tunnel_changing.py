# SPDX-License-Identifier: GPL-2.0-or-later
"""The tunnel of a running cluster is changed, agent by agent, and no packet between pods is lost."""
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.networks import ROUTER4, ROUTER6
from harness.pinging import pinging
from harness.transfer import transfer
from harness.tunnels import devices_of_routes, pairs, start
from harness.waiting import wait_for

VXLAN = ("--tunnel", "vxlan")
RECEIVE = ("--tunnel-receive", "vxlan")
ALWAYS = ("--tunnel-always", "true")
MEGABYTES, KILLS = 8, 4  # on a lossy underlay


class Changing:
    """Three nodes, of which the third is behind a router. The network between them has routes to
    all podCIDRs, so that `none` serves as well as a tunnel."""

    def __init__(self, cluster, rp_filter, options):
        cluster.network("b")
        self.nodes = [cluster.node(), cluster.node(), cluster.node(network="b")]
        self.far = self.nodes[2]
        for node in self.nodes:
            for interface in ("all", "eth0"):
                node.sysctl(f"ipv4.conf.{interface}.rp_filter", rp_filter)
        self.route_pods(cluster.fabric)
        for node in self.nodes:
            node.start_agent(*options)
        for node in self.nodes:
            wait_for(node.ready)
        self.pods = [node.attach() for node in self.nodes]
        for one, _, _, address in pairs(self.pods):
            wait_for(lambda: one.ping(address, wait=1))

    def route_pods(self, fabric):
        """The routers have routes to all podCIDRs, and nodes a default route to the routers."""
        router, beyond = fabric.namespaces[0], fabric.namespaces[-1]
        for at, near, hop in ((0, ROUTER4, "198.19.2.2"), (1, ROUTER6, "2001:db8:c:ff02::2")):
            address = lambda node: (node.address4, node.address6)[at]
            for node in self.nodes[:2]:
                router.ip(f"route add {node.cidrs[at]} via {address(node)}")
                node.ip(f"route replace default via {near}")
            router.ip(f"route add {self.far.cidrs[at]} via {hop}")
            beyond.ip(f"route add {self.far.cidrs[at]} via {address(self.far)}")

    def pairs(self):
        return [(one, address) for one, _, _, address in pairs(self.pods)]

    def restart(self, node, options, killed=False):
        """As a rollout does. killed: twice, and the first agent is killed in the middle."""
        node.stop_agent()
        if killed:
            node.start_agent(*options)
            time.sleep(random.uniform(0.02, 0.25))
            node.stop_agent(signal.SIGKILL)
        node.start_agent(*options)
        wait_for(node.ready)

    def roll_out(self, *options, killed=False):
        """One node after the other gets these options. Returns when all have their routes."""
        for node in self.nodes:
            self.restart(node, options, killed)
            time.sleep(0.2)
        self.await_ways(*options)

    def await_ways(self, *options):
        """Each route leads the way that the options say."""
        sends, always = options[:2] == VXLAN, ALWAYS[1] in options
        for node in self.nodes:
            for other in self.nodes:
                if other is node:
                    continue
                near = self.far not in (node, other)
                way = ("eth0" if near and not (sends and always) else
                       "bcni-vxlan" if sends else None)
                for cidr in other.cidrs:
                    wait_for(lambda: devices_of_routes(node).get(cidr) == way)

    def await_no_device(self):
        for node in self.nodes:
            wait_for(lambda: not {"bcni-vxlan", "bcni-vxlan6"} & {*node.links()})


def make(cluster, rp_filter=0, options=()):
    changing = Changing(cluster, rp_filter, options)
    changing.await_ways(*options)
    return changing


@pytest.mark.parametrize("rp_filter, killed", [(0, False), (2, True)], ids=["0", "2-killed"])
def test_no_packet_is_lost_from_none_to_vxlan_and_back(cluster, rp_filter, killed):
    changing = make(cluster, rp_filter)
    with pinging(changing.pairs()) as pinger:
        changing.roll_out(*RECEIVE, killed=killed)
        changing.roll_out(*VXLAN, *ALWAYS, *RECEIVE, killed=killed)
        changing.roll_out(*VXLAN, *ALWAYS, killed=killed)
        changing.roll_out(*RECEIVE, killed=killed)
        changing.roll_out(killed=killed)
        changing.await_no_device()
    assert pinger.lost() == {}


@pytest.mark.parametrize("rp_filter", [0, 2])
def test_no_packet_is_lost_when_the_tunnel_becomes_that_of_all_nodes_and_back(cluster, rp_filter):
    """A node that has direct routes on its link takes what comes by the tunnel all the same."""
    changing = make(cluster, rp_filter, VXLAN)
    cluster.check_sources(routers=True)
    with pinging(changing.pairs()) as pinger:
        changing.roll_out(*VXLAN, *ALWAYS)
        changing.roll_out(*VXLAN, killed=True)
    assert pinger.lost() == {}


def test_a_strict_rp_filter_loses_ipv4_alone_while_nodes_differ(cluster):
    """As deploy/README.md says: on a node that sends by the tunnel already, what another node still
    sends by the uplink is dropped. In the first rollout nothing is lost, nor after the second one."""
    changing = make(cluster, 1)
    one, two = changing.pods[:2]
    with pinging(changing.pairs()) as first:
        changing.roll_out(*RECEIVE)
    assert first.lost() == {}
    changing.restart(changing.nodes[0], (*VXLAN, *ALWAYS, *RECEIVE))
    wait_for(lambda: devices_of_routes(changing.nodes[0]).get(changing.nodes[1].cidrs[0]) ==
             "bcni-vxlan")
    assert not one.ping(two.address4, wait=1) and one.ping(two.address6)
    changing.roll_out(*VXLAN, *ALWAYS, *RECEIVE)
    with pinging(changing.pairs()) as last:
        changing.roll_out(*VXLAN, *ALWAYS)
    assert last.lost() == {}


LOSSY = """
    table inet lossy {
        chain forward {
            type filter hook forward priority 0
            udp dport 8472 numgen random mod 100 < 5 counter drop
        }
    }
"""


@pytest.mark.parametrize("family", [4, 6])
def test_a_transfer_ends_right_on_a_lossy_underlay_while_the_agents_are_killed(cluster, family):
    cluster.network("b")
    nodes = [cluster.node(), cluster.node(network="b")]
    start(*nodes)
    sender, receiver = (node.attach() for node in nodes)
    address = receiver.address6 if family == 6 else receiver.address4
    wait_for(lambda: sender.ping(address, wait=1))
    cluster.fabric.router.nft(LOSSY)
    enough = threading.Event()

    def send():
        """As often as it takes until the agents were killed some times."""
        while not enough.is_set():
            transfer(sender, receiver, address, MEGABYTES << 20)

    with ThreadPoolExecutor(1) as pool:
        transfers = pool.submit(send)
        try:
            for _ in range(KILLS):
                time.sleep(random.uniform(0.1, 0.5))
                for node in nodes:
                    node.stop_agent(signal.SIGKILL)
                    node.start_agent(*VXLAN)
        finally:
            enough.set()
        transfers.result()
    dropped = cluster.fabric.router.run("nft", "list", "table", "inet", "lossy").stdout
    assert int(dropped.split("counter packets")[1].split()[0]) > 10
