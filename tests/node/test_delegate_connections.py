# SPDX-License-Identifier: GPL-2.0-or-later
"""A DEL has the kernel forget the pod's connections, where another IPAM plugin gives addresses."""
import contextlib

import pytest

from harness import plugin
from harness.delegates import ADDRESS, Delegate
from harness.node import OUTSIDE4, network

# The DEL of this IPAM plugin ends when the test lets it.
SLOW_DEL = """
    if verb == "ADD": answer()
    if verb == "DEL": hold()
"""


@contextlib.contextmanager
def in_DEL(delegate, conf, pod):
    """The block runs while a DEL waits for the delegate's; then the DEL ends."""
    finish = delegate.node.start("DEL", conf, pod, env=delegate.env)
    with delegate.held():
        yield
    plugin.judge("DEL", finish(), plugin.NEWEST)


def known(node):
    return ADDRESS in node.run("conntrack", "-L").stdout


def test_connections_of_the_addresss_next_owner_stay(node):
    """While the delegate's DEL ends, another pod has the address already."""
    delegate = Delegate(node, SLOW_DEL)
    conf, first, second = delegate.conf(), node.pod(), node.pod()

    delegate.add(first, conf)
    assert first.ping(OUTSIDE4)
    assert known(node)
    with in_DEL(delegate, conf, first):
        assert not known(node), "the first one's are left"
        delegate.add(second, conf)
        assert second.ping(OUTSIDE4)
    assert known(node), "the second one's are gone"


def test_connections_that_come_up_while_the_delegate_ends_are_forgotten(node):
    delegate = Delegate(node, SLOW_DEL)
    conf, pod = delegate.conf(), node.pod()
    delegate.add(pod, conf)
    with in_DEL(delegate, conf, pod):
        pod.ping(OUTSIDE4)  # no longer masqueraded: nobody answers
        assert known(node)
    assert not known(node)


def test_a_repeated_DEL_leaves_the_next_owners_connections(node):
    delegate = Delegate(node, """
        if verb == "ADD": answer()
        if verb == "DEL" and not os.path.exists("/run/once"):
            open("/run/once", "w").close()
            sys.exit(1)
    """)
    conf, first, second = delegate.conf(), node.pod(), node.pod()
    delegate.add(first, conf)
    with pytest.raises(plugin.CniError):
        node.delete(first, conf, env=delegate.env)
    delegate.add(second, conf)
    assert second.ping(OUTSIDE4)
    node.delete(first, conf, env=delegate.env)
    assert known(node)


def test_without_addresses_no_connections_are_looked_for(node, tmp_path):
    pod, busy = node.pod(), node.pod()
    conf = network(ipam=None, isDefaultGateway=None, ipMasq=None)
    for one in (pod, node.pod()):  # rules go with the last, and are looked for then
        node.add(one, conf)
    node.add(busy, network(name="other", bridge="cni9"))
    assert busy.ping(OUTSIDE4)
    trace = tmp_path / "trace"
    node.delete(pod, conf, wrapper=plugin.strace(trace, "socket"), env=plugin.TRACED)
    assert "NETLINK_ROUTE" in trace.read_text()
    assert "NETLINK_NETFILTER" not in trace.read_text()
