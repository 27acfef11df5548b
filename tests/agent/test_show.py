# SPDX-License-Identifier: GPL-2.0-or-later
"""What `bridge-cni show` prints of a node agent that is there, against the agent's own pages."""
import re

from harness.command import command
from harness.shown import document
from harness.waiting import wait_for

# Metrics that the text has in words.
IN_WORDS = ("api_watching", "nodes", "routes", "tunnel_peers", "tunnel_peers_silent", "tunnel_wrong",
            "wireguard_peers", "wireguard_sessions")


def test_show_says_what_the_agent_says(cluster):
    one, other = cluster.ready(2, "--tunnel", "vxlan", "--tunnel-always", "true")
    wait_for(lambda: one.page("/readyz")[0] == 200)
    shown = document(command(one, "show", "--json"))["agent"]
    page = one.page("/metrics")[1]
    told = {name: float(value) for name, value in re.findall(r"^bridge_cni_(\w+) (\S+)$", page, re.M)}
    assert shown["answers"] and shown["ready"] and shown["failure"] is None
    assert f'agent_info{{version="{shown["version"]}"}}' in page
    assert shown["says"] == one.page("/readyz")[1]
    assert set(shown["metrics"]) == set(told)
    assert {name: shown["metrics"][name] for name in IN_WORDS} == {name: told[name] for name in IN_WORDS}
    kernel = {(route["dst"], route.get("gateway") or route.get("via", {}).get("host"), route["dev"])
              for family in "46" for route in one.ip_json(f"-{family} route show proto 98")}
    assert {(r["to"], r["via"], r["interface"]) for r in shown["routes"]} == kernel and len(kernel) == 2
    assert {r["kind"] for r in shown["routes"]} == {"vxlan"}
    text = command(one, "show").stdout
    for words in (f"node agent {shown['version']}, ready", "API server   watched",
                  "2 in the cluster, 2 routes", "tunnel       to 1 node\n", "routes       2\n"):
        assert words in text, text

    one.stop_agent()
    shown = document(command(one, "show", "--json"))["agent"]
    assert not shown["answers"] and len(shown["routes"]) == 2
    assert "node agent doesn't answer on 127.0.0.1:9810" in command(one, "show").stdout
