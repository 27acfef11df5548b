# SPDX-License-Identifier: GPL-2.0-or-later
"""Where `bridge-cni doctor --trace` says that a packet ended: each hop is made to keep it, is told
with what mends it, and lets it through once that was done."""
import pytest

from harness.command import command
from harness.node import INTERNET4, INTERNET6, NODE4, NODE6, OUTSIDE4, UPLINK
from harness.portmap import settled
from harness.shown import CLEAR, CONTROL
from harness.trace import CART, CONF, attached, came_through, ended_at, held, let_go, trace

pytestmark = pytest.mark.must_run

FAMILIES = pytest.mark.parametrize("target", [INTERNET4, INTERNET6], ids=["v4", "v6"])


def with_port(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def mended(node, traced):
    """The last line's command is typed as it is, and nothing keeps the packet any more."""
    node.run("sh", "-c", traced.end["command"])
    return came_through(trace(node, CART, traced.hops["pod"][0]["message"].split("pings ")[1].split(",")[0]))


# -- what keeps it, in the pod and at its port


@FAMILIES
def test_no_route_in_the_pod(node, target):
    [pod] = attached(node)
    pod.ip(f"{'-6' if ':' in target else '-4'} route del default")
    ended_at(trace(node, CART, target), "pod-route", "no route leads there")


def test_a_route_that_refuses_in_the_pod(node):
    [pod] = attached(node)
    pod.ip(f"route add prohibit {INTERNET4}")
    ended_at(trace(node, CART, INTERNET4), "pod-route", "prohibits")


def test_a_broadcast_address_is_no_host(node):
    """Of a subnet of the pod, and of one that only the node has."""
    attached(node, "v4")
    traced = ended_at(trace(node, CART, "10.1.2.255"), "pod-route", "10.1.2.255 is the broadcast address",
                      "of the pod")
    assert "answer" not in traced.hops
    ended_at(trace(node, CART, "192.0.2.255"), "node-route", "192.0.2.255 is the broadcast address",
             "of the node")


def test_the_address_of_all_routers_of_a_subnet_is_the_nodes(node):
    attached(node)
    settled(node)
    traced = trace(node, CART, "fd00:1:2::")
    assert traced.text("node-route") == "fd00:1:2:: is an address of the node"


def test_the_interface_in_the_pod_is_down(node):
    [pod] = attached(node)
    pod.ip("link set eth0 down")
    traced = ended_at(trace(node, CART, "10.1.2.1"), "pod-interface", "eth0 in the pod is down")
    node.run("sh", "-c", traced.end["command"])
    assert "UP" in pod.links()["eth0"]["flags"]


@pytest.mark.parametrize("down", ["port", "bridge"])
def test_the_port_or_the_bridge_is_down(node, down):
    attached(node, "v4")
    ifname = node.host_veths()[0] if down == "port" else "cni0"
    node.ip(f"link set {ifname} down")
    traced = ended_at(trace(node, CART, INTERNET4), "port", ifname)
    mended(node, traced)


def test_the_port_goes_while_an_answer_is_waited_for(node):
    attached(node, "v4")
    node.outside.nft("table ip silent { chain c { type filter hook prerouting priority -400; drop; }; }")
    [port] = node.host_veths()
    with held(node, CART, INTERNET4) as process:
        node.ip(f"link del {port}")
        ended_at(let_go(process), "port", f"{port} is not on the node")


def test_the_port_is_no_port_of_the_bridge(node):
    attached(node, "v4")
    node.ip(f"link set {node.host_veths()[0]} nomaster")
    mended(node, ended_at(trace(node, CART, INTERNET4), "port", "is no port of the bridge cni0"))


def test_the_port_is_disabled(node):
    attached(node, "v4")
    node.run("bridge", "link", "set", "dev", node.host_veths()[0], "state", "0")
    mended(node, ended_at(trace(node, CART, INTERNET4), "port", "is disabled, not forwarding"))


@FAMILIES
def test_nobody_has_the_gateways_address(node, target):
    attached(node)
    for address in ("10.1.2.1/24", "fd00:1:2::1/64"):
        node.ip(f"addr del {address} dev cni0")
    traced = trace(node, CART, target)
    asks = "neighbour discovery" if ":" in target else "ARP"
    mended(node, ended_at(traced, "pod-neighbour", f"nobody answers the pod's {asks} for the gateway"))


def test_there_is_no_such_pod(node):
    attached(node)
    ended_at(trace(node, CART, "10.1.2.99"), "pod-neighbour", "10.1.2.99")


def test_isolated_pods(node):
    pod, other = attached(node, "v4", n=2, portIsolation=True)
    ended_at(trace(node, CART, "10.1.2.3"), "pod-neighbour", "10.1.2.3")
    mac = other.links()["eth0"]["address"]
    pod.ip(f"neigh replace 10.1.2.3 lladdr {mac} dev eth0")
    other.ping("10.1.2.1")  # so that the bridge knows where it is
    ended_at(trace(node, CART, "10.1.2.3"), "bridge", f"cni0 has {mac} behind ", "isolated, as the pod's port is")


# -- what keeps it, on the node


@pytest.mark.parametrize("target, key", [(INTERNET4, "ipv4.ip_forward"), (INTERNET6, "ipv6.conf.all.forwarding")],
                         ids=["v4", "v6"])
def test_the_node_does_not_forward(node, target, key):
    attached(node)
    node.sysctl(key, 0)
    family = "IPv6" if ":" in target else "IPv4"
    traced = ended_at(trace(node, CART, target), "node-route", f"forwards no {family} packets that come in by cni0")
    node.run("sh", "-c", traced.end["command"])
    assert "node-route" not in trace(node, CART, target).wrong()


@FAMILIES
def test_the_node_has_no_route(node, target):
    attached(node)
    node.ip(f"{'-6' if ':' in target else '-4'} route del default")
    ended_at(trace(node, CART, target), "node-route", f"the node has no way to {target}")


@pytest.mark.parametrize("known", [False, True], ids=["", "the_neighbour_is_known"])
def test_rp_filter(node, known):
    [pod] = attached(node, "v4")
    if known:
        pod.ip(f"neigh replace 10.1.2.1 lladdr {node.links()['cni0']['address']} dev eth0")
    node.sysctl("ipv4.conf.cni0.rp_filter", 1)
    node.ip("route del 10.1.2.0/24 dev cni0")
    node.ip("route add 10.1.2.0/24 dev " + UPLINK)
    traced = ended_at(trace(node, CART, INTERNET4), "node-route", "rp_filter", UPLINK,
                      f"way back to 10.1.2.2 leads by {UPLINK}, and not by cni0")
    # One fault is told once, and the protection of the interfaces stays as it is.
    assert traced.wrong() == ["node-route"] and "rp_filter" not in traced.end["command"]
    mended(node, traced)
    assert node.sysctl("ipv4.conf.cni0.rp_filter") == "1"


@pytest.mark.parametrize("elsewhere", [False, True], ids=["gone", "elsewhere"])
@pytest.mark.parametrize("target, subnet", [(INTERNET4, "10.1.2.0/24"), (INTERNET6, "fd00:1:2::/64")],
                         ids=["v4", "v6"])
def test_the_way_back_to_the_pod_is_gone(node, target, subnet, elsewhere):
    attached(node)
    node.ip(f"route del {subnet} dev cni0")
    if elsewhere:
        node.ip(f"route add {subnet} dev {UPLINK}")
    traced = ended_at(trace(node, CART, target), "node-route", f" leads by {UPLINK}, and not by cni0")
    assert "rp_filter" not in traced.end["message"]
    mended(node, traced)


def test_the_uplink_is_down(node):
    attached(node, "v4")
    node.ip(f"link set {UPLINK} down")
    ended_at(trace(node, CART, INTERNET4), "node-route", "no way")


def test_the_nodes_gateway_is_gone(node):
    attached(node, "v4")
    node.outside.ip(f"addr del {OUTSIDE4}/24 dev eth0")
    ended_at(trace(node, CART, INTERNET4), "node-neighbour", f"nobody on {UPLINK} answers for the gateway {OUTSIDE4}")


@FAMILIES
def test_no_answer_from_outside(node, target):
    attached(node)
    node.outside.nft(f"""
        table inet deaf {{
            chain c {{
                type filter hook input priority 0
                {'ip6' if ':' in target else 'ip'} daddr {target} drop
            }}
        }}""")
    traced = trace(node, CART, target)
    assert traced.status == 2 and traced.wrong() == []
    assert f"left the node by {UPLINK}, from " in traced.end["message"]
    assert "not answered" in traced.text("connection")


def test_no_answer_as_nobody_masquerades(node):
    attached(node, "v4", ipMasq=False)
    traced = trace(node, CART, INTERNET4)
    assert traced.status == 2 and traced.wrong() == []
    assert f"left the node by {UPLINK}, from the pod's own address" in traced.end["message"]
    assert "ipMasq" in traced.end["advice"]


def test_no_answer_as_the_rules_that_masquerade_are_gone(node):
    attached(node, "v4")
    node.nft("flush ruleset")
    traced = trace(node, CART, INTERNET4)
    assert traced.status == 2 and "the pod's own address" in traced.end["message"]
    mended(node, traced)


@FAMILIES
def test_a_target_that_refuses_is_reached(node, target):
    attached(node)
    traced = trace(node, CART, with_port(target, 81))
    assert traced.status == 1 and traced.wrong() == []
    assert traced.end["level"] == "warning" and "refuses the connection" in traced.end["message"]


@FAMILIES
@pytest.mark.parametrize("port", [None, 443])
def test_an_error_of_ICMP_is_told_with_its_sender(node, target, port):
    attached(node)
    ip, icmp = ("ip6", "icmpv6") if ":" in target else ("ip", "icmp")
    node.outside.nft(f"""
        table {ip} no {{
            chain c {{
                type filter hook input priority 0
                {ip} daddr {target} reject with {icmp} admin-prohibited
            }}
        }}""")
    traced = trace(node, CART, with_port(target, port) if port else target)
    assert f"an error of ICMP came from {target}: " in traced.text("answer") and "prohibited" in traced.text("answer")
    assert traced.wrong() == []


def test_the_tunnel_to_another_node(node):
    attached(node, "v4")
    node.ip_batch(f"""
        link add vx0 type vxlan id 7 dstport 4789 local {NODE4} dev {UPLINK}
        link set vx0 up
        route add 10.77.0.0/16 dev vx0
        """)
    traced = ended_at(trace(node, CART, "10.77.0.5"), "node-neighbour", "nobody on vx0 answers for 10.77.0.5")
    assert traced.text("node-route") == "the node sends to 10.77.0.5 by vx0, a tunnel (VXLAN)"
    node.ip("neigh replace 10.77.0.5 lladdr 02:00:00:00:00:05 dev vx0")
    traced = trace(node, CART, "10.77.0.5")
    assert traced.status == 2 and traced.wrong() == []
    assert "it left the node by vx0, from " in traced.end["message"]
    assert "the node that has 10.77.0.5" in traced.end["advice"]


def test_another_pod_that_does_not_answer(node):
    _, other = attached(node, "v4", n=2)
    other.sysctl("ipv4.icmp_echo_ignore_all", 1)
    traced = trace(node, CART, "10.1.2.3")
    assert traced.status == 2 and traced.wrong() == []
    assert traced.end["message"] == "cni0 had a frame of it for 10.1.2.3, which did not answer"


def test_the_node_that_does_not_answer(node):
    attached(node, "v4")
    node.sysctl("ipv4.icmp_echo_ignore_all", 1)
    traced = trace(node, CART, "10.1.2.1")
    assert traced.status == 2 and traced.wrong() == []
    assert traced.end["message"].startswith("it came to the node, which has the address 10.1.2.1")


def test_what_is_dropped_at_the_port(node):
    """At the hook ingress there is no trace yet."""
    attached(node, "v4")
    port = node.host_veths()[0]
    node.nft(f"table netdev fire {{ chain c {{ type filter hook ingress device {port} priority 0;"
             f" ip daddr {INTERNET4} drop; }}; }}")
    traced = trace(node, CART, INTERNET4)
    assert traced.status == 2 and traced.wrong() == []
    assert traced.end["message"] == "it left the pod, and didn't come to the rules of cni0"
    assert f"nft list ruleset netdev, tc -s filter show dev {port} ingress" in traced.end["advice"]


# -- rules


FOREIGN = """
table {family} fire {{
    chain wall {{
        type filter hook {hook} priority 5
        jump bricks
    }}
    chain bricks {{
        {match} {what} comment "a brick"
    }}
}}
"""


@FAMILIES
@pytest.mark.parametrize("hook, what", [("prerouting", "drop"), ("prerouting", "reject"), ("forward", "drop"),
                                        ("forward", "reject"), ("postrouting", "drop")])
def test_a_rule_of_others_that_drops_it(node, target, what, hook):
    attached(node)
    ip = "ip6" if ":" in target else "ip"
    node.nft(FOREIGN.format(family="inet", hook=hook, what=what, match=f"{ip} daddr {target}"))
    traced = ended_at(trace(node, CART, target), "rules", "what the pod sends is dropped", f"in the hook {hook}: ",
                      f'the rule "{ip} daddr {target} {what}', 'comment "a brick"', "(handle ",
                      "of chain bricks of table inet fire")
    assert traced.wrong() == ["rules"]
    if hook == "forward":
        mended(node, traced)


@FAMILIES
def test_of_what_a_rule_drops_this_target_alone_is_let_through(node, target):
    attached(node)
    ip, other = ("ip6", "2001:db8:aaaa::1") if ":" in target else ("ip", OUTSIDE4)
    node.nft(FOREIGN.format(family="inet", hook="forward", what="drop", match=f"{ip} daddr {{ {target}, {other} }}"))
    traced = ended_at(trace(node, CART, target), "rules", "(handle ")
    assert traced.end["advice"] == "change that rule by the program that made it; or leave it so, if it is meant"
    mended(node, traced)
    ended_at(trace(node, CART, other), "rules", "in the hook forward")


@pytest.mark.parametrize("family, table, hook", [("inet", "fire", "prerouting"), ("bridge", "fire", "forward"),
                                                 ("ip", "filter", "forward"), ("ip", "mangle", "forward")])
def test_a_rule_that_nft_should_not_go_round(node, family, table, hook):
    """Addresses may be translated there, or iptables-nft has to read the table."""
    attached(node, "v4", n=2)
    target = "10.1.2.3" if family == "bridge" else INTERNET4
    rule = FOREIGN.format(family=family, hook=hook, what="drop", match=f"ip daddr {target}")
    node.nft(rule.replace(f"table {family} fire", f"table {family} {table}"))
    traced = ended_at(trace(node, CART, target), "rules", f"of table {family} {table}")
    assert "command" not in traced.end
    assert traced.end["advice"] == "change that rule by the program that made it; or leave it so, if it is meant"


def test_a_policy_that_drops_what_comes_to_the_node_may_be_meant(node):
    attached(node, "v4")
    node.nft("table inet fire { chain i { type filter hook input priority 0; policy drop; }; }")
    traced = ended_at(trace(node, CART, NODE4), "rules", "in the hook input: by the policy of chain i of table inet fire")
    assert traced.end["advice"] == "leave it so, if it is meant"
    node.run("sh", "-c", traced.end["command"])
    came_through(trace(node, CART, NODE4))


@FAMILIES
def test_a_rule_of_others_that_drops_the_answer(node, target):
    attached(node)
    ip = "ip6" if ":" in target else "ip"
    node.nft(FOREIGN.format(family=ip, hook="forward", what="drop", match=f"{ip} saddr {target}"))
    traced = ended_at(trace(node, CART, target), "rules", "the answer is dropped in the hook forward",
                      f"of table {ip} fire")
    mended(node, traced)


def test_a_rule_in_front_of_the_translation_back_drops_the_answer(node):
    """There the answer is for the node's address, and is known by the connection alone."""
    attached(node, "v4")
    node.nft(f"table ip fire {{ chain c {{ type filter hook prerouting priority -160; iifname {UPLINK}"
             f" ip daddr {NODE4} ip protocol icmp drop; }}; }}")
    ended_at(trace(node, CART, INTERNET4), "rules", "the answer is dropped in the hook prerouting", "table ip fire")


@pytest.mark.parametrize("name, owner", [("DOCKER-USER", "Docker's"), ("ufw-before-forward", "ufw's")])
def test_a_policy_that_drops_it_and_whose_it_is(node, name, owner):
    attached(node, "v4")
    node.nft(f"table ip filter {{ chain {name} {{ }}\nchain FORWARD {{ type filter hook forward priority 0;"
             f" policy drop; jump {name}; }}; }}")
    traced = ended_at(trace(node, CART, INTERNET4), "rules", "by the policy of chain FORWARD of table ip filter",
                      f"({owner})")
    if owner == "ufw's":
        assert traced.end["command"].startswith("ufw route allow in on cni0")
    else:
        assert traced.end["command"].startswith("iptables -I DOCKER-USER -i cni0 -j ACCEPT")


def test_a_rule_in_the_pod(node):
    [pod] = attached(node, "v4")
    pod.nft(FOREIGN.format(family="ip", hook="output", what="drop", match=f"ip daddr {INTERNET4}"))
    ended_at(trace(node, CART, INTERNET4), "pod-rules", "dropped in the pod, in the hook output",
             f'"ip daddr {INTERNET4} drop', "of table ip fire")
    pod.nft("delete table ip fire")
    pod.nft(FOREIGN.format(family="ip", hook="input", what="drop", match=f"ip saddr {INTERNET4}"))
    ended_at(trace(node, CART, INTERNET4), "pod-rules", "the answer is dropped in the pod, in the hook input")


def test_a_rule_of_the_bridge(node):
    attached(node, "v4", n=2)
    node.nft(FOREIGN.format(family="bridge", hook="forward", what="drop", match="ip daddr 10.1.2.3"))
    ended_at(trace(node, CART, "10.1.2.3"), "rules", "in the hook forward", "of table bridge fire")


def test_spoofCheck_that_drops_a_foreign_address(node):
    [pod] = attached(node, "v4", spoofCheck=True)
    pod.ip("addr add 10.1.2.77/24 dev eth0")
    pod.ip("route change default via 10.1.2.1 src 10.1.2.77")
    pod.ip(f"neigh replace 10.1.2.1 lladdr {node.links()['cni0']['address']} dev eth0")
    ended_at(trace(node, CART, INTERNET4), "rules", "in the hook prerouting", "of table bridge bridge_cni",
             "bridge-cni's own")


def test_what_a_rule_is_named_is_printed_harmlessly(node):
    attached(node, "v4")
    node.nft(f'table ip fire {{ chain c {{ type filter hook forward priority 5; ip daddr {INTERNET4} drop comment'
             f' "{CLEAR}"; }}; }}')
    done = command(node, "doctor", "--trace", CART, INTERNET4, CONF)
    assert done.returncode == 2 and "table ip fire" in done.stdout
    assert not CONTROL.search(done.stdout + done.stderr)


# -- rules in front of all others


@FAMILIES
@pytest.mark.parametrize("way", ["saddr", "daddr"], ids=["answer", "sent"])
def test_a_rule_in_front_of_the_connection_tracking(node, target, way):
    """As those of the agent's guard are, and those that keep floods from the tracking."""
    attached(node, ipMasq=False)
    node.outside.ip("route add 10.1.2.0/24 via", NODE4)
    node.outside.ip("-6 route add fd00:1:2::/64 via", NODE6)
    ip = "ip6" if ":" in target else "ip"
    node.nft(f"table inet fire {{ chain c {{ type filter hook prerouting priority -450; {ip} {way} {target} drop; }}; }}")
    what = "the answer" if way == "saddr" else "what the pod sends"
    ended_at(trace(node, CART, target), "rules", f"{what} is dropped in the hook prerouting", "table inet fire")
