# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni show`: what it says is what the kernel, the store and the configuration have. It
changes nothing, waits for nobody, and prints nothing that a terminal listens to."""
import contextlib
import json
import re
import shutil
import socket
import threading

import pytest

from harness import plugin, snapshot
from harness.command import command, conflist, repair
from harness.node import GATEWAY4, GATEWAY6, NETWORK, SUBNET4, SUBNET6, network
from harness.portmap import answering
from harness.shown import (C1, CLEAR, CONTROL, GUARDED, NOBODY, configured, document, guarded,
                           hold_locks, named, only, read_only, record_write, records_of, show,
                           show_text)
from harness.waiting import SLOWNESS, processor_seconds, wait_for

def rules_of_kernel(node):
    """Stage -> the number of its rules, by their comments."""
    counted = {}
    for entry in json.loads(node.run("nft", "-j", "list", "ruleset").stdout)["nftables"]:
        words = entry.get("rule", {}).get("comment", "").split()
        if words and words[0] == "v2":
            stage = words[1].split("/")[0]
            counted[stage] = counted.get(stage, 0) + 1
    return counted


def test_it_says_what_ip_and_nft_say(node):
    conf, pods = guarded(node)
    net = only(show(node, conf))
    bridge = node.links()["cni0"]
    assert net["bridge"] == {
        "name": "cni0", "exists": True, "up": True, "mtu": bridge["mtu"], "kind": "bridge",
        "mac": bridge["address"], "alias": bridge["ifalias"], "ports": len(pods)}
    addresses = {f"{a['local']}/{a['prefixlen']}"
                 for a in node.ip_json("addr show dev cni0")[0]["addr_info"]
                 if a["scope"] == "global"}
    assert {g["address"] for g in net["gateways"] if g["present"]} == addresses
    assert len(net["gateways"]) == 2
    assert {r["stage"]: r["present"] for r in net["rules"]} == rules_of_kernel(node)
    assert all(r["expected"] == r["present"] and not r["missing"] for r in net["rules"])
    assert len(net["pods"]) == len(pods)
    for number, pod in enumerate(pods):
        shown = net["pods"][number]
        inside = pod.ip_json("addr show dev eth0")[0]
        assert (shown["pod"], shown["containerID"]) == (f"shop/cart-{number}", pod.id)
        assert (shown["interface"], shown["netns"]) == ("eth0", pod.netns)
        assert shown["state"] == "connected" and shown["mac"] == inside["address"]
        assert shown["addresses"] == [f"{a['local']}/{a['prefixlen']}"
                                      for a in inside["addr_info"] if a["scope"] == "global"]
        link = node.links()[shown["hostInterface"]["name"]]
        assert shown["hostInterface"] == {"name": link["ifname"], "exists": True, "up": True,
                                          "mtu": link["mtu"], "mac": link["address"]}
        assert pod.id in link["ifalias"]
    assert net["pods"][0]["ingress"] == {"rate": 8000000, "burst": 800000}
    assert net["pods"][0]["egress"] == {"rate": 1000000, "burst": 80000}
    assert net["pods"][1]["ingress"] is None
    assert sorted((p["protocol"], p["hostIP"], p["hostPort"], p["containerPort"], p["count"])
                  for p in net["pods"][0]["hostPorts"]) == [
        ("tcp", None, 8080, 80, 1), ("udp", "192.0.2.2", 53, 5353, 1)]


def test_addresses_are_counted(node):
    conf = network("dual", ipam={"ranges": [[
        {"subnet": SUBNET4, "rangeStart": "10.1.2.1", "rangeEnd": "10.1.2.9"},
        {"subnet": "10.1.3.0/24", "rangeStart": "10.1.3.250"}], [{"subnet": SUBNET6}]]})
    for _ in range(3):
        node.add(node.pod(), conf)
    four, six = only(show(node, conf))["rangeSets"]
    # 10.1.2.1 is a gateway; that of the second range is none of its addresses.
    assert (four["size"], four["excluded"], four["used"], four["free"]) == (14, 1, 3, 10)
    assert [r["start"] for r in four["ranges"]] == ["10.1.2.1", "10.1.3.250"]
    assert (six["size"], six["used"], six["free"]) == (2**53, 3, 2**53)
    assert "3 used, 10 free, 1 excluded" in show_text(node, conf)


@pytest.mark.parametrize("masq", [True, False])
def test_masquerading_is_told(node, masq):
    conf = network(ipMasq=masq, nonMasqueradeCIDRs=["172.16.0.0/12"] if masq else None)
    node.add(node.pod(), conf)
    told = only(show(node, conf))["masquerade"]
    assert told["enabled"] is masq
    assert sorted(told["keepsSource"]) == (
        sorted([SUBNET4, "224.0.0.0/4", "172.16.0.0/12"]) if masq else [])


def test_rules_that_are_missing_are_named(node):
    conf, _ = guarded(node)
    before = rules_of_kernel(node)
    node.nft("flush chain inet bridge_cni postrouting")
    rules = {r["stage"]: r for r in only(show(node, conf))["rules"]}
    assert {stage: r["present"] for stage, r in rules.items()} == {
        stage: rules_of_kernel(node).get(stage, 0) for stage in before}
    missing = rules["masquerade"]["missing"]
    assert len(missing) == rules["masquerade"]["expected"] - rules["masquerade"]["present"] > 0
    assert any(SUBNET4 in rule and rule.startswith("postrouting: ") for rule in missing)
    node.nft("flush ruleset")
    assert all(r["present"] == 0 for r in only(show(node, conf))["rules"])
    text = show_text(node, conf)
    assert "missing in table bridge bridge_cni" in text and "more, which --json names" in text
    repair(node, conf)
    assert {r["stage"]: r["present"] for r in only(show(node, conf))["rules"]} == before


def test_rules_of_a_bridge_that_is_gone_name_no_interface(node):
    conf, _ = guarded(node)
    node.ip("link del cni0")
    net = only(show(node, conf))
    assert net["bridge"]["exists"] is False
    assert not [rule for stage in net["rules"] for rule in stage["missing"]]


def test_a_network_without_pods_needs_no_rules(node):
    conf = network("dual", **GUARDED)
    net = only(show(node, conf))
    assert (net["rules"], net["pods"], net["bridge"]["exists"]) == ([], [], False)
    assert [g["present"] for g in net["gateways"]] == [False, False]
    assert "rules        none needed" in show_text(node, conf)


def test_what_is_dead_and_what_is_anothers(node):
    conf = network()
    alive, dead, cut = (node.pod() for _ in range(3))
    for pod in (alive, dead, cut):
        node.add(pod, conf)
    dead.remove()
    cut.ip("link del eth0")
    wait_for(lambda: len(node.host_veths()) == 1)
    (node.store / NETWORK / "10.1.2.77").write_text("of-the-reference\r\neth0")
    (node.store / NETWORK / "10.1.2.78").write_text("")
    net = only(show(node, conf))
    assert {p["containerID"]: p["state"] for p in net["pods"]} == {
        alive.id: "connected", dead.id: "dead", cut.id: "detached"}
    assert net["otherReservationsCount"] == 2
    assert [(o["address"], o["containerID"], o["interface"])
            for o in net["otherReservations"]] == [
        ("10.1.2.77", "of-the-reference", "eth0"), ("10.1.2.78", None, None)]
    assert net["rangeSets"][0]["used"] == 5
    text = show_text(node, conf)
    assert "1 dead" in text and "10.1.2.77 of container of-the-reference eth0" in text


def test_a_pod_whose_record_is_lost_is_told_by_its_interface(node):
    conf = network()
    pod = node.pod()
    result = node.add(pod, conf)
    for path in records_of(node, NETWORK):
        path.unlink()
    net = only(show(node, conf))
    [shown] = net["pods"]
    assert (shown["containerID"], shown["state"]) == (pod.id, "unrecorded")
    address = result["ips"][0]["address"].split("/")[0]
    assert shown["addresses"] == [f"{address}/32"] and net["otherReservationsCount"] == 0


def test_a_network_that_only_the_store_tells_of(node):
    conf = network()
    pod = node.pod()
    node.add(pod, conf)
    net = only(document(command(node, "show", "--json")))
    assert (net["name"], net["file"], net["masquerade"]) == (NETWORK, None, None)
    assert [p["containerID"] for p in net["pods"]] == [pod.id]
    assert net["gateways"] == [{"address": f"{GATEWAY4}/24", "interface": "cni0",
                                "present": True}]
    assert "which no configuration has" in command(node, "show").stdout


def test_networks_of_one_store_and_bridge_are_told_apart(node):
    confs = [network(), network("v6", name="other", bridge="cni1")]
    pods = [node.pod() for _ in confs]
    for pod, conf in zip(pods, confs):
        node.add(pod, conf)
    found = show(node, *confs)
    assert [(net["name"], [p["containerID"] for p in net["pods"]])
            for net in found["networks"]] == [(NETWORK, [pods[0].id]), ("other", [pods[1].id])]
    assert found["networks"][1]["gateways"][0]["address"] == f"{GATEWAY6}/64"


def test_nothing_is_there(node):
    done = command(node, "show")
    assert (done.returncode, done.stderr) == (0, "") and "no plugin of type" in done.stdout
    assert document(command(node, "show", "--json"))["networks"] == []


def test_a_configuration_that_is_wrong_keeps_no_other_from_being_shown(node):
    conf = network()
    node.add(node.pod(), conf)
    done = command(node, "show", *configured(node, network(name="wrong", mtu="big"), conf))
    assert done.returncode == 1 and "mtu" in done.stderr
    assert f"network {NETWORK} of " in done.stdout
    assert command(node, "show", "--jsn").returncode == 2


@pytest.mark.parametrize("argument", ["net.d/x.conflist", "net.d/", "./net.d", "x.conf"])
def test_a_file_is_named_by_any_path(node, argument):
    """A pod has a slash in its name as well, and no file has that name."""
    directory = node.directory / "net.d"
    directory.mkdir()
    conf = network(name="filed", bridge="br7")
    (directory / "x.conflist").write_text(json.dumps(conflist(conf)))
    (node.directory / "x.conf").write_text(json.dumps(conf))
    there = ["sh", "-c", f'cd {node.directory} && exec "$@"', "sh"]
    assert [net["name"] for net in
            document(command(node, "show", argument, "--json", wrapper=there))["networks"]] == ["filed"]


def test_a_pod_of_a_name_like_a_files_is_found_where_no_such_file_is(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf, args=named("cart.conf"))
    assert pod.id in command(node, "show", "shop/cart.conf").stdout
    done = command(node, "show", "shop/basket.conf")
    assert done.returncode == 1 and 'named "shop/basket.conf"' in done.stderr
    assert "nor is there a FILE" in done.stderr


# -- hostile content

def hostile_record(node, conf):
    lines = records_of(node, NETWORK)[0].read_text().splitlines()[:-1]
    changed = {"pod": f"pod shop/{CLEAR}{C1}", "netns": f"netns /run/netns/{CLEAR}",
               "container": f"container hostile{CLEAR}"}
    record_write(node, NETWORK, [changed.get(line.split(" ")[0], line) for line in lines])


def test_no_terminal_listens_to_what_is_printed(node):
    conf = network("dual", **GUARDED)
    pod = node.pod()
    node.add(pod, conf, args=named("cart"))
    hostile_record(node, conf)
    [host] = node.host_veths()
    node.run("ip", "link", "set", "cni0", "alias", f"{CLEAR}{C1}")
    node.run("ip", "link", "add", "vethaaaaaaaaaaa", "type", "veth", "peer", "name", "x0")
    node.run("ip", "link", "set", "vethaaaaaaaaaaa", "alias",
             f"bridge-cni {NETWORK} a{CLEAR}{C1} eth0")
    (node.store / NETWORK / "10.1.2.99").write_text(f"{CLEAR}{C1}\r\n{CLEAR}")
    node.nft("flush ruleset")
    found = show(node, conf)
    assert only(found)["bridge"]["alias"] == f"{CLEAR}{C1}"
    assert CLEAR in only(found)["otherReservations"][0]["containerID"]
    for argv in (["--json"], []):
        done = command(node, "show", *argv, *configured(node, conf))
        assert done.returncode == 0 and not CONTROL.search(done.stdout), done.stdout
    assert "\\x1b[2J" in done.stdout and pod.id[:13] in done.stdout and host in done.stdout
    node.ip("link del vethaaaaaaaaaaa")


# -- nobody waits, nothing is changed


def test_nobody_waits_for_it_and_it_waits_for_nobody(node, tmp_path):
    conf, _ = guarded(node)
    trace = tmp_path / "trace"
    with hold_locks(node):
        shown = show(node, conf, env=plugin.TRACED, wrapper=plugin.strace(trace, "flock,fcntl"))
    assert len(only(shown)["pods"]) == 3
    assert "F_GETFL" in trace.read_text() and not re.search("flock|LK", trace.read_text())


def test_nothing_is_changed(node, tmp_path):
    conf, pods = guarded(node)
    pods[2].remove()
    wait_for(lambda: len(node.host_veths()) == 2)
    files = configured(node, conf)
    before = snapshot.take(node)
    with read_only(node, tmp_path / "trace") as wrapper:
        document(command(node, "show", "--json", *files, env=plugin.TRACED, wrapper=wrapper))
    snapshot.assert_same(before, snapshot.take(node))


def test_a_store_that_is_damaged(node):
    conf = network()
    pods = [node.pod() for _ in range(4)]
    for pod in pods:
        node.add(pod, conf)
    torn, newer, folder, _ = records_of(node, NETWORK)
    torn.write_bytes(torn.read_bytes()[:-9])
    newer.write_text(newer.read_text().replace("record 1", "record 99", 1))
    folder.unlink()
    folder.mkdir()
    (node.store / ".bridge-cni" / NETWORK / "index").write_bytes(b"\xff" * 100)
    (node.store / NETWORK / "10.1.2.200").mkdir()
    found = show(node, conf)
    assert len(only(found)["pods"]) == 4
    assert sorted(p["state"] for p in only(found)["pods"]) == ["connected"] + ["unrecorded"] * 3
    said = "\n".join(found["unseen"])
    assert "2 damaged records" in said and "1 record of a newer version" in said


def test_a_store_that_changes_meanwhile(node):
    conf = network()
    stays = node.pod()
    node.add(stays, conf)
    pod, ended, errors = node.pod(), threading.Event(), []

    def change():
        try:
            for _ in range(15):
                node.add(pod, conf)
                node.delete(pod, conf)
        except AssertionError as error:
            errors.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=change)
    thread.start()
    rounds = 0
    while not ended.is_set() or rounds == 0:
        net = only(show(node, conf))
        states = {p["containerID"]: p["state"] for p in net["pods"]}
        assert states.pop(stays.id) == "connected"
        assert set(states) <= {pod.id} and "dead" not in states.values(), states
        assert net["otherReservationsCount"] <= 1
        rounds += 1
    thread.join()
    assert not errors
    assert [p["containerID"] for p in only(show(node, conf))["pods"]] == [stays.id]


def test_an_ordinary_user_is_told_what_he_may_not_see(node):
    conf, pods = guarded(node)
    found = show(node, conf, wrapper=NOBODY)
    net = only(found)
    assert net["bridge"]["exists"] and not net["recordsSeen"] and net["rules"] is None
    assert {p["containerID"] for p in net["pods"]} == {pod.id for pod in pods}
    assert all(len(p["addresses"]) == 2 for p in net["pods"])
    assert net["rangeSets"][0]["used"] == 3
    assert any("records in" in line and "Permission denied" in line for line in found["unseen"])
    text = show_text(node, conf, wrapper=NOBODY)
    assert "not seen: records in" in text and "rules        not seen" in text


@pytest.mark.parametrize("closed", ["file", "directory", "store"])
def test_an_ordinary_user_is_told_what_he_may_not_open(node, closed):
    conf, [pod] = guarded(node, 1)
    net_d = node.directory / "net.d"
    net_d.mkdir()
    file, = configured(node, conf)
    shutil.copy(node.run_dir / file.split("/")[-1], net_d / "10-pods.conflist")
    {"file": net_d / "10-pods.conflist", "directory": net_d,
     "store": node.store}[closed].chmod(0o700 if closed != "file" else 0o600)
    bound = ("unshare", "-m", "sh", "-c", "mkdir -p /etc/cni/net.d && "
             f'mount --bind {net_d} /etc/cni/net.d && exec "$@"', "sh", *NOBODY)
    found = document(command(node, "show", "--json", wrapper=bound))
    path = {"file": "/etc/cni/net.d/10-pods.conflist", "directory": "/etc/cni/net.d",
            "store": "/var/lib/cni/networks"}[closed]
    assert [line for line in found["unseen"]
            if line.startswith(f"{path}: ") and "Permission denied" in line], found["unseen"]
    assert [net["name"] for net in found["networks"]] == ([NETWORK] if closed == "store" else [])
    done = command(node, "show", wrapper=bound)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"not seen: {path}: " in done.stdout and "no plugin" not in done.stdout
    if closed == "store":
        [shown] = document(command(node, "show", pod.id, "--json", wrapper=bound))["attachments"]
        assert (shown["addresses"], shown["connections"]) == ([], None)
    # Who names a file wants to see what is in it.
    done = command(node, "show", str(path), wrapper=bound)
    assert closed == "store" or done.returncode == 1 and "Permission denied" in done.stderr


def test_colour_is_for_terminals(node):
    conf = network()
    node.add(node.pod(), conf)
    terminal = ("/usr/bin/python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))")

    def output(env):
        return command(node, "show", *configured(node, conf), wrapper=terminal, env=env).stdout

    assert "\x1b[1m" in output({"TERM": "xterm"})
    assert "\x1b" not in output({"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b" not in output({"TERM": "dumb"})


# -- many pods

MANY = 500
BUDGET = 0.1  # seconds


def many(node, conf):
    """A node with MANY pods: a real one, whose record, reservations and interface are copied."""
    node.add(node.pod(), conf)
    [path] = records_of(node, NETWORK)
    lines = path.read_text().splitlines()[:-1]
    for number in range(2, MANY + 1):
        container = f"{number:064x}"
        own = []
        for line in lines:
            words = line.split(" ")
            if words[0] == "container":
                line = f"container {container}"
            elif words[0] == "pod":
                line = f"pod shop/cart-{number}"
            elif words[0] == "address":
                head, length = words[1].split("/")
                separator = ":" if ":" in head else "."
                start = head.rsplit(separator, 1)[0]
                ip = f"{start}:{number + 2:x}" if separator == ":" else \
                    f"10.1.{2 + (number + 2) // 256}.{(number + 2) % 256}"
                reservation = node.store / NETWORK / ip
                reservation.write_text(f"{container}\r\neth0")
                mark = reservation.stat()
                line = (f"address {ip}/{length} {words[2]} {mark.st_ino} "
                        f"{mark.st_mtime_ns // 10**9}.{mark.st_mtime_ns % 10**9:09}")
            own.append(line)
        record_write(node, NETWORK, own)
    names = [shown["hostInterface"]["name"] for shown in only(show(node, conf))["pods"]
             if not shown["hostInterface"]["exists"]] + ["spare0"]
    node.ip_batch("".join(f"link add {one} type veth peer name {other}\n"
                          for one, other in zip(names[::2], names[1::2])))


@pytest.mark.skipif(plugin.SANITIZED, reason="sanitizers take a multiple of the time")
def test_500_pods_are_shown_in_100_ms(node):
    conf = network("dual", ipam={"ranges": [[{"subnet": "10.1.0.0/16", "rangeStart": "10.1.2.2",
                                              "gateway": "10.1.0.1"}], [{"subnet": SUBNET6}]]},
                   **GUARDED)
    many(node, conf)
    states = [p["state"] for p in only(show(node, conf))["pods"]]
    assert states == ["connected"] * MANY
    files = configured(node, conf)
    for argv in (["--json"], []):
        # It waits for nobody, so that its time is that of a processor, which other tests
        # have meanwhile.
        took = []
        for _ in range(3):
            before = processor_seconds()
            assert command(node, "show", *argv, *files).returncode == 0
            took.append(processor_seconds() - before)
        assert min(took) < BUDGET * SLOWNESS, took


# -- the node agent

METRICS = """# HELP bridge_cni_nodes Nodes of the cluster.
bridge_cni_agent_info{version="1.2.3"} 1
bridge_cni_nodes 3
bridge_cni_routes 2
bridge_cni_tunnel_peers 2
bridge_cni_tunnel_peers_silent 1
bridge_cni_api_watching 1
bridge_cni_api_last_contact_seconds 0.250
bridge_cni_nodes_unrouted{reason="gone"} 4
"""


@contextlib.contextmanager
def agent(node, pages, status=200):
    """Somebody answers on the agent's port with these texts; a page without one is never answered."""
    node.up("lo")
    server = node.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 9810))
    server.listen()
    silent = []

    def answer():
        connection, _ = server.accept()
        path = connection.recv(4096).decode().split(" ")[1]
        if path not in pages:
            silent.append(connection)
            return
        code = status if path == "/readyz" else 200
        with connection:
            connection.sendall(f"HTTP/1.0 {code} x\r\nServer: x\r\n\r\n{pages[path]}".encode())

    with server, answering(server, answer):
        yield
        for connection in silent:
            connection.close()


def test_the_agent_and_its_routes(node):
    node.ip_batch("""
        link add bcni-test type bridge
        link set bcni-test up
        route add 10.9.0.0/24 dev bcni-test proto 98
        route add 10.9.1.0/24 dev bcni-test proto 99
        """)
    with agent(node, {"/metrics": METRICS, "/readyz": "waiting for: routes\n"}, 503):
        told = document(command(node, "show", "--json"))["agent"]
        text = command(node, "show").stdout
    assert (told["answers"], told["version"], told["ready"]) == (True, "1.2.3", False)
    assert told["says"] == "waiting for: routes\n"
    assert told["metrics"] == {"nodes": 3, "routes": 2, "tunnel_peers": 2, "api_watching": 1,
                               "tunnel_peers_silent": 1, "api_last_contact_seconds": 0.25}
    assert told["routes"] == [{"to": "10.9.0.0/24", "via": None, "interface": "bcni-test",
                               "kind": "bridge"}]
    for words in ("node agent 1.2.3, not ready", "waiting for: routes", "3 in the cluster",
                  "to 2 nodes, 1 silent", "10.9.0.0/24"):
        assert words in text, text
    node.ip("link del bcni-test")


LO_DROPS = 'add table inet other; add chain inet other in { type filter hook input priority 0; }; ' \
    'add rule inet other in iif "lo" drop'


def test_a_firewall_that_drops_what_comes_by_lo_is_named(node):
    """Where nobody listens the node refuses at once: it is no timeout."""
    node.up("lo")
    node.nft(LO_DROPS)
    told = document(command(node, "show", "--json"))["agent"]
    assert not told["answers"]
    for words in ("timed out", "firewall", "interface lo"):
        assert words in told["failure"]
    assert told["failure"] in command(node, "show").stdout


def test_whoever_else_listens_on_the_agents_port(node, tmp_path):
    with agent(node, {"/metrics": "hello\n"}):
        assert document(command(node, "show", "--json"))["agent"] is None
    hostile = f'bridge_cni_agent_info{{version="{CLEAR}"}} 1\nbridge_cni_{CLEAR} 1\n' \
              "bridge_cni_nodes nan\nbridge_cni_routes 1e999\nbridge_cni_x " + "9" * 5000 + "\n"
    with agent(node, {"/metrics": hostile, "/readyz": f"ok\n{CLEAR}{C1}\n"}):
        assert document(command(node, "show", "--json"))["agent"]["metrics"] == {}
        for argv in (["--json"], []):
            done = command(node, "show", *argv)
            assert done.returncode == 0 and not CONTROL.search(done.stdout), done.stdout
    trace = tmp_path / "trace"
    with agent(node, {}):
        told = document(command(node, "show", "--json", env=plugin.TRACED,
                                wrapper=plugin.strace(trace, "poll")))["agent"]
    assert not told["answers"] and "timed out" in told["failure"]
    assert "firewall" not in told["failure"]
    [limit] = [limit for limit, reached in plugin.polls(trace) if reached]
    assert limit <= 2000
