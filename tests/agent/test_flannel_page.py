# SPDX-License-Identifier: GPL-2.0-or-later
"""deploy/README.md, "Switching from flannel, node by node", command by command."""
import pytest

from harness.flannel import MANAGED
from harness.pages import by_hand, commands, of_node
from harness.pinging import pinging
from harness.tunnels import assert_own_addresses_are_seen, pairs
from harness.waiting import wait_for

pytest.importorskip("yaml")
from harness.flannel_switch import CONFLIST, FlannelSwitch  # noqa: E402

PAGE = "Switching from flannel, node by node"


def run_all(switch, block, name=""):
    for line in block:
        switch.run(of_node(line, name))


def test_a_cluster_is_switched_and_pods_of_the_other_nodes_lose_nothing(cluster):
    begin, leave, on_node, come, end = commands(PAGE)
    switch = FlannelSwitch(cluster, 3)
    pods = {name: switch.attach(node) for name, node in switch.nodes.items()}
    with switch.flannel_goes_on():
        assert_own_addresses_are_seen([*pods.values()])
        run_all(switch, begin)
        for name, node in switch.nodes.items():
            del pods[name]
            others = [(one, there) for one, _, _, there in pairs([*pods.values()])]
            with pinging(others) as pinger:
                run_all(switch, leave, name)
                # The agent is at work, and says what is in its way.
                wait_for(lambda: "flannel's device flannel.1" in node.page("/readyz")[1])
                done = by_hand(node, on_node)
                assert done.returncode == 0, done.stderr
                assert not (node.conf_dir / CONFLIST).exists()
                run_all(switch, come, name)
                assert not node.cordoned
                pods[name] = switch.attach(node)
                assert_own_addresses_are_seen([*pods.values()])
            assert pinger.lost() == {}
    assert all(MANAGED in cluster.api.annotations(name) for name in switch.nodes)
    joining = {"kubernetes.io/os": "linux"}
    assert not switch.is_ours(joining)
    with pinging([(one, there) for one, _, _, there in pairs([*pods.values()])]) as pinger:
        run_all(switch, end)
        wait_for(lambda: not any(cluster.api.annotations(name) for name in switch.nodes))
    assert pinger.lost() == {}
    # A node that joins later without the label.
    assert switch.is_ours(joining) and switch.config["BRIDGE_CNI_FLANNEL"] == "false"
