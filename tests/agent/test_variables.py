# SPDX-License-Identifier: GPL-2.0-or-later
"""Environment variables that stand for no option of the agent."""
import re

from harness.waiting import wait_for

# What Kubernetes makes in a container for a Service "bridge-cni" and a Service
# "bridge-cni-agent" of its namespace.
SERVICES = {
    "BRIDGE_CNI_SERVICE_HOST": "10.96.0.7",
    "BRIDGE_CNI_SERVICE_PORT": "9811",
    "BRIDGE_CNI_SERVICE_PORT_METRICS": "9811",
    "BRIDGE_CNI_PORT": "tcp://10.96.0.7:9811",
    "BRIDGE_CNI_PORT_9811_TCP": "tcp://10.96.0.7:9811",
    "BRIDGE_CNI_PORT_9811_TCP_PROTO": "tcp",
    "BRIDGE_CNI_PORT_9811_TCP_PORT": "9811",
    "BRIDGE_CNI_PORT_9811_TCP_ADDR": "10.96.0.7",
    "BRIDGE_CNI_AGENT_SERVICE_HOST": "fd00:96::7",
    "BRIDGE_CNI_AGENT_SERVICE_PORT": "53",
    "BRIDGE_CNI_AGENT_PORT": "udp://[fd00:96::7]:53",
    "BRIDGE_CNI_AGENT_PORT_53_UDP": "udp://[fd00:96::7]:53",
    "BRIDGE_CNI_AGENT_PORT_53_UDP_ADDR": "fd00:96::7",
}


def told(node):
    """The variables that the log names, with those that may be meant, by their names."""
    return sorted(re.findall(r"level=warn msg=\"this environment variable stands for no option"
                             r".*\" variable=(\S+)(?: meant=(\S+))?$", node.log(), re.M))


def test_a_variable_that_stands_for_no_option_is_told_once(cluster):
    node = cluster.node()
    # One whose name begins with an option's, one that ends as a Service's, an empty one.
    wrong = {"BRIDGE_CNI_SPOOF_CHECKS": "false", "BRIDGE_CNI_HTTP_PORT": "9000",
             "BRIDGE_CNI_POD_LNIK": "", "BRIDGE_CNI_NODE_NAME": "other"}
    node.start_agent("--resync-seconds", "1", **wrong, BRIDGE_CNI_MTU="1400", NODE_NAME="n")
    wait_for(node.ready)
    node.wait_for_resyncs()
    assert told(node) == [("BRIDGE_CNI_HTTP_PORT", ""), ("BRIDGE_CNI_NODE_NAME", "NODE_NAME"),
                          ("BRIDGE_CNI_POD_LNIK", "BRIDGE_CNI_POD_LINK"),
                          ("BRIDGE_CNI_SPOOF_CHECKS", "BRIDGE_CNI_SPOOF_CHECK")]
    assert node.conf()["mtu"] == 1400


def test_what_kubernetes_makes_for_a_service_is_no_options(cluster):
    node = cluster.node()
    node.start_agent(**SERVICES)
    wait_for(node.ready)  # at the port 9810
    assert told(node) == []
