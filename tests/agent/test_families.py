# SPDX-License-Identifier: GPL-2.0-or-later
"""Clusters of IPv6 alone and of both families: pods of two nodes, Services, host ports of TCP, UDP
and SCTP, and what leaves. A cluster runs for all tests of a family."""
import contextlib
import itertools
import socket

import pytest

from harness import sctp, wire
from harness.cluster import INTERNET4, INTERNET6
from harness.portmap import ask, ask_udp, family_of, served, served_udp, settled
from harness.service import service

TCP_PORT, UDP_PORT, SCTP_PORT = 8080, 5353, 3868
HOST_PORTS = ((TCP_PORT, 80, "tcp"), (UDP_PORT, 53, "udp"), (SCTP_PORT, 38, "sctp"))
PATIENCE = 5  # seconds in which an answer comes also on a busy machine
sources = itertools.count(20000)  # a client's port that no other connection has had


@pytest.fixture(scope="module")
def pods(shared):
    """A pod on each of two nodes."""
    found = [node.attach() for node in shared.ready(2)]
    for pod in found:
        settled(pod.node)
    return found


pytestmark = pytest.mark.parametrize("shared", ["v6", "dual"], indirect=True)


def of_family(address, addresses):
    return next(a for a in addresses if family_of(a) == family_of(address))


def addresses_of_node(node):
    return [a for a in (node.address4, node.address6) if a]


def test_pods_of_two_nodes_see_each_others_own_addresses(shared, pods):
    one, two = pods
    families = {"v6": 1, "dual": 2}[shared.families]
    assert len(one.addresses) == len(two.addresses) == families
    for sender, receiver in ((one, two), (two, one)):
        for target in receiver.addresses:
            assert wire.source_seen(sender, receiver, target) == of_family(target,
                                                                           sender.addresses)


def test_what_leaves_the_cluster_has_the_nodes_address(shared, pods):
    for pod in pods:
        for target in (INTERNET4, INTERNET6)[-len(pod.addresses):]:
            assert wire.source_seen(pod, shared.link, target) == of_family(
                target, addresses_of_node(pod.node))


def test_a_Service_leads_to_a_pod_of_another_node_that_sees_the_clients_address(shared, pods):
    client, server = pods
    for target in server.addresses:
        with served(server, 80, target):
            vip = service(client.node, target)
            assert ask(client, vip, 80) == ("pod", of_family(target, client.addresses))
            seen = ask(client.node, vip, 80)
            assert seen == ("pod", of_family(target, addresses_of_node(client.node)))
        client.node.nft(f"delete table {'ip6' if ':' in target else 'ip'} proxy")


@contextlib.contextmanager
def serving(pod, number):
    """The pod answers on its host ports by its number."""
    with contextlib.ExitStack() as stack:
        word = b"%d" % number
        stack.enter_context(served(pod, 80, word=word))
        stack.enter_context(served_udp(pod, 53, word=word))
        for address in pod.addresses:
            stack.enter_context(sctp.served(pod, 38, number, family_of(address)))
        yield


def test_host_ports_of_each_protocol_are_reached_from_everywhere(shared, pods):
    """From another node, from its pod, from the node itself and from outside of the cluster."""
    other, server_node = pods[0], pods[1].node
    pod = server_node.attach(*HOST_PORTS)
    with serving(pod, 7):
        for address in addresses_of_node(server_node):
            for client in (other.node, other, server_node, shared.link):
                assert ask(client, address, TCP_PORT, PATIENCE)[0] == "7", client.name
                assert ask_udp(client, address, UDP_PORT, timeout=PATIENCE) == "7", client.name
                assert sctp.ask(client, address, SCTP_PORT, next(sources)) == 7, client.name
    server_node.detach(pod)


def test_who_goes_on_sending_by_the_same_port_reaches_the_next_owner_of_a_host_port(shared, pods):
    """A pod is deleted, and for a while nobody has its ports. Conntrack must remember neither."""
    server_node = pods[1].node
    clients = [(client, address, next(sources)) for client in (pods[0].node, shared.link)
               for address in addresses_of_node(server_node)]
    with contextlib.ExitStack() as stack:
        udp = []
        for client, address, port in clients:
            udp.append(stack.enter_context(client.socket(family_of(address), socket.SOCK_DGRAM)))
            udp[-1].bind(("::" if ":" in address else "0.0.0.0", port))

        def answers(timeout):
            return {answer for (client, address, port), sock in zip(clients, udp) for answer in (
                ask_udp(client, address, UDP_PORT, sock, timeout),
                str(sctp.ask(client, address, SCTP_PORT, port, timeout)))}

        server_node.nft("add table inet t; add chain inet t c { type filter hook input priority 0; }\n"
                        f"add rule inet t c udp dport {UDP_PORT} drop")  # no refusal ends a client
        assert answers(0.02) == {None, "None"}
        for number in (1, 2):
            pod = server_node.attach(*HOST_PORTS)
            with serving(pod, number):
                assert answers(PATIENCE) == {str(number)}
            server_node.detach(pod)
            assert answers(0.02) == {None, "None"}
        server_node.nft("delete table inet t")
