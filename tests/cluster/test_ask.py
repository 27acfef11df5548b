# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni show`, `doctor` and `doctor --trace` as the image installs them, on the nodes of a
cluster: while all is well, in both modes of kube-proxy, and with faults in their real form."""
import contextlib
import json
import signal

import pytest
from installation import documents
from kubernetes import API4, INTERNET4, INTERNET6, PROXIES
from services import PORTS, TARGETS, service_object
from traffic import TCP, answered, serving

from harness.host import CNI_BIN
from harness.plugin import REPOSITORY
from harness.schema import errors_of
from harness.trace import Trace, came_through, ended_at
from harness.waiting import wait_for

SCHEMA = json.loads((REPOSITORY / "deploy/show.schema.json").read_text())
MODES = {"iptables": "iptables (by iptables-nft)", "nftables": "nftables"}
GUARD = "inet bridge_cni_tunnel"


@pytest.fixture(scope="module")
def pods(bare, installation):
    """One on each node, and a Service that leads to the second one."""
    installation.ensure()
    bare.apply(service_object("asked"))
    one, two = made = bare.pods(*(bare.pod_object(node, labels={"app": "asked"} if number else {})
                                  for number, node in enumerate(bare.nodes)))
    two.service = bare.get("service", "asked")["spec"]["clusterIPs"]
    with serving(two, TARGETS[TCP], 5353):
        for pod in made:
            for address in two.service:
                answered(pod, address, PORTS[TCP], TCP)
        yield one, two
    bare.kubectl("delete", "service", "asked")
    bare.delete(*made)


@pytest.fixture(params=PROXIES, ids=PROXIES.values())
def pod(request, pods):
    """On the node of each mode."""
    return pods[request.param - 1]


def ask(node, *words):
    done = node.host.run(f"{CNI_BIN}/bridge-cni", *words, check=False)
    assert done.stderr == "", done
    return done


def findings(node):
    return json.loads(ask(node, "doctor", "--json").stdout)


def trace(pod, target, port=None):
    if port:
        target = f"[{target}]:{port}" if ":" in target else f"{target}:{port}"
    return Trace(ask(pod.node, "doctor", "--json", "--trace", f"default/{pod.name}", target))


def other(pod, pods):
    return next(one for one in pods if one is not pod)


# -- all is well


def test_show_has_the_nodes_network_its_pod_and_what_the_agent_knows(cluster, pods, pod):
    node, there = pod.node, other(pod, pods)
    done = ask(node, "show", "--json")
    shown = json.loads(done.stdout)
    assert done.returncode == 0 and errors_of(shown, SCHEMA) == []
    network, = shown["networks"]
    assert [r["ranges"][0]["subnet"] for r in network["rangeSets"]] == node.ranges()
    assert [p["pod"] for p in network["pods"]] == [f"default/{pod.name}"]
    text = ask(node, "show").stdout
    for words in (f"default/{pod.name}", f"{pod.address4},{pod.address6}", "2 in the cluster",
                  "tunnel       to 1 node", "API server   watched", ", ready\n"):
        assert words in text
    for subnet in there.node.ranges():
        assert any(subnet in line and "bcni-vxlan (vxlan)" in line for line in text.splitlines())


def test_show_of_a_pod_has_its_interface_and_the_CHECK_of_it(pod):
    text = ask(pod.node, "show", f"default/{pod.name}").stdout
    assert f"{pod.address4}/24" in text and "check        right" in text
    assert ask(pod.node, "show", pod.address6).stdout.startswith(f"attachment default/{pod.name} ")


def test_doctor_finds_nothing_wrong_and_tells_kube_proxys_mode(pod):
    found = findings(pod.node)
    assert [f for f in found if f["level"] != "ok"] == []
    mode, = (f["message"] for f in found if f["check"] == "kube-proxy")
    assert mode == f"kube-proxy's mode is {MODES[pod.node.proxy_mode]}"


@pytest.mark.parametrize("of", [0, 1], ids=["v4", "v6"])
def test_a_trace_goes_through_the_tunnel_and_through_a_Service(pods, pod, of):
    there = other(pod, pods)
    traced = came_through(trace(pod, (there.address4, there.address6)[of]))
    assert "by bcni-vxlan, a tunnel (VXLAN)" in traced.text("node-route")
    assert "not translated, answered" in traced.text("connection")
    two = pods[1]
    traced = came_through(trace(pod, two.service[of], PORTS[TCP]))
    assert (f"to be translated to {(two.address4, two.address6)[of]}, port {TARGETS[TCP]}"
            in traced.text("connection"))


def test_a_trace_comes_to_the_API_server_and_to_the_outside(pod):
    traced = came_through(trace(pod, API4, 443))
    assert "to be translated to 192.0.2.1, port 6443" in traced.text("connection")
    for address, own in ((INTERNET4, pod.node.address4), (INTERNET6, pod.node.address6)):
        assert f"sent on as from {own}" in came_through(trace(pod, address)).text("connection")


def test_the_kustomization_is_what_runs(installation):
    """The API server takes it, and would change nothing."""
    lines = installation.run("kubectl apply -k deploy --dry-run=server").splitlines()
    kinds = {kind.lower() for kind in documents()}
    assert {line.split(".")[0].split("/")[0] for line in lines} == kinds
    assert all(line.endswith(" unchanged (server dry run)") for line in lines), lines


# -- faults


@contextlib.contextmanager
def table(namespace, family, hook, rule):
    namespace.nft(f"table {family} fire {{ chain wall {{ type filter hook {hook} priority 0; "
                  f"{rule}; }}; }}")
    try:
        yield
    finally:
        namespace.nft(f"delete table {family} fire")


def test_a_foreign_rule_that_drops_what_a_Service_leads_to(pods):
    one, two = pods
    with table(one.node.node, "inet", "forward", f"ip daddr {two.address4} drop"):
        traced = ended_at(trace(one, two.service[0], PORTS[TCP]), "rules", "in the hook forward",
                          f'"ip daddr {two.address4} drop', "table inet fire")
        assert f"the node sends to {two.address4} by bcni-vxlan" in traced.text("node-route")
    with table(one.node.node, "inet", "forward", "drop"):
        assert "firewall" in {f["check"] for f in findings(one.node) if f["level"] == "problem"}
    came_through(trace(one, two.address4))


def test_VXLAN_that_is_dropped_between_the_nodes(cluster, pods, pod):
    there = other(pod, pods)
    with table(cluster.plane.node, "bridge", "forward", "udp dport 8472 drop"):
        traced = trace(pod, there.address4)
    assert traced.status == 2 and traced.wrong() == []
    assert "left the node by bcni-vxlan, from the pod" in traced.end["message"]
    assert "UDP" in traced.end["advice"] and "8472" in traced.end["advice"]


def test_the_agents_guard_that_drops_the_answer(pods):
    """The agent would fill the set again, and is stopped meanwhile."""
    one, two = pods
    number = one.node.host.run("pgrep", "-of", "bridge-cni-agent").stdout.strip()
    one.node.host.run("kill", "-STOP", number)
    try:
        one.node.node.nft(f"flush set {GUARD} own_4_24")
        traced = ended_at(trace(one, two.address4), "rules", "the answer is dropped",
                          "tunnel_destination", f"table {GUARD} (the node agent's guard)")
        assert "podCIDR" in traced.end["advice"]
    finally:
        one.node.host.run("kill", "-CONT", number)
    wait_for(lambda: trace(one, two.address4).status == 0, 30, step=0.5)


def test_a_Service_without_ready_pods(cluster, pod):
    cluster.apply(service_object("empty"))
    address = cluster.get("service", "empty")["spec"]["clusterIP"]
    try:
        wait_for(lambda: trace(pod, address, PORTS[TCP]).wrong() == ["rules"], 20, step=0.5)
        traced = ended_at(trace(pod, address, PORTS[TCP]), "rules", "(Kubernetes': kube-proxy")
        assert "endpoints" in traced.end["advice"]
    finally:
        cluster.kubectl("delete", "service", "empty")


def test_kube_proxy_that_is_stopped_and_whose_rules_are_gone(pods, pod):
    node, two = pod.node, pods[1]
    node.stop("kube-proxy", signal.SIGKILL)
    try:
        came_through(trace(pod, two.service[0], PORTS[TCP]))  # its rules are there
        node.run("kube-proxy", "--cleanup")
        traced = trace(pod, two.service[0], PORTS[TCP])
        assert traced.status == 2 and "translated" not in traced.text("connection")
        assert "left the node by eth0" in traced.end["message"]
        told, = (f["message"] for f in findings(node) if f["check"] == "kube-proxy")
        assert told == "there is none here"
    finally:
        node.start_proxy(PROXIES[node.number])
    answered(pod, two.service[0], PORTS[TCP], TCP, 60)
