# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor`: each finding is made to happen, is told, and is gone once what the finding
says was done. It changes nothing, and prints nothing that a terminal listens to."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import distribution, plugin
from harness.command import command, conflist
from harness.node import SUBNET4, UPLINK, network
from harness.shown import CONTROL, NOBODY, record_write, records_of
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run

STATUS = {"ok": 0, "warning": 1, "problem": 2}
# Keys without which validate has something to say.
RIGHT = {"cniVersion": "1.0.0", "capabilities": {"portMappings": True}}


def ours(families="dual", **changes):
    return network(families, **RIGHT, **changes)


@pytest.fixture
def healthy(node):
    """A node of which there is nothing to say: its plugins and its configuration are there."""
    for name in ("loopback", "host-local", "bridge-cni"):
        plugins(node, name)
    write(node, ours("dual"))
    if node.call(os.path.exists, "/proc/sys/net/bridge"):
        for key in ("iptables", "ip6tables"):
            node.sysctl(f"bridge.bridge-nf-call-{key}", 1)
    return node


def plugins(node, name):
    directory = node.run_dir / "bin"
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def write(node, conf, name="10-ours.conflist"):
    directory = node.run_dir / "net.d"
    directory.mkdir(exist_ok=True)
    if isinstance(conf, dict) and "plugins" not in conf:
        conf = conflist(conf)
    (directory / name).write_text(conf if isinstance(conf, str) else json.dumps(conf))


def run(node, *arguments, **kw):
    return command(node, "doctor", *arguments, "/run/net.d", env={"CNI_PATH": "/run/bin"}, **kw)


def findings(node, check=None, **kw):
    """What it finds that is not right, of one check or of all."""
    done = run(node, "--json", **kw)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert done.returncode == max(STATUS[finding["level"]] for finding in found)
    return [finding for finding in found
            if finding["level"] != "ok" and check in (None, finding["check"])]


def one(node, check, level, *words):
    found = findings(node, check)
    assert [finding["level"] for finding in found] == [level], found
    for word in words:
        assert word in found[0]["message"], found
    return found[0]


def mended(node, finding):
    """The finding's command is typed as it is; the finding is gone then."""
    node.run("sh", "-c", finding["command"])
    assert findings(node, finding["check"]) == []


def told_and_mended(node, check, level, *words):
    finding = one(node, check, level, *words)
    mended(node, finding)
    return finding


def test_of_a_healthy_node_there_is_nothing_to_say(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    done = run(healthy)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout and all(line.startswith("ok: ") for line in done.stdout.splitlines())
    assert findings(healthy) == []


def test_before_the_first_pod_there_is_nothing_to_say_either(healthy):
    assert findings(healthy) == []


def test_each_finding_is_one_line(healthy):
    healthy.sysctl("ipv4.ip_forward", 1)
    healthy.sysctl(f"ipv4.conf.{UPLINK}.forwarding", 0)
    done = run(healthy)
    [line] = [line for line in done.stdout.splitlines() if not line.startswith("ok: ")]
    assert done.returncode == 2
    assert line.startswith("problem: forwarding: ")
    assert line.endswith(f"; this mends it until the next boot: sysctl -w net/ipv4/conf/{UPLINK}/forwarding=1")


def test_what_lasts_until_the_next_boot_is_said(healthy):
    healthy.nft(POLICY % "forward")
    healthy.ip("link add flannel.1 type bridge")
    assert all(f["untilBoot"] for f in findings(healthy, "firewall"))
    assert not one(healthy, "former-cni", "warning")["untilBoot"]
    lines = run(healthy).stdout.splitlines()
    assert all(("until the next boot" in line) == ("this mends it" in line and "former-cni" not in line)
               for line in lines)


# -- kernel parameters


@pytest.mark.parametrize("key", ["ipv4.ip_forward", "ipv6.conf.all.forwarding"])
def test_forwarding_that_was_turned_off(healthy, key):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl(key, 0)
    found = findings(healthy, "forwarding")
    assert found and found[0]["level"] == "problem" and key.replace(".", "/") in found[0]["message"]
    for finding in found:
        healthy.run("sh", "-c", finding["command"])
    assert findings(healthy, "forwarding") == []


@pytest.mark.parametrize("ifname", ["cni0", UPLINK])
def test_forwarding_of_one_interface(healthy, ifname):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl(f"ipv4.conf.{ifname}.forwarding", 0)
    told_and_mended(healthy, "forwarding", "problem", ifname)


def test_proc_sys_is_read_only(healthy):
    healthy.run("mount", "--bind", "/proc/sys", "/proc/sys")
    healthy.run("mount", "-o", "remount,bind,ro", "/proc/sys")
    finding = one(healthy, "proc-sys", "problem", "read-only")
    assert {f["check"] for f in findings(healthy)} >= {"proc-sys", "forwarding"}
    mended(healthy, finding)


def test_strict_rp_filter_with_two_uplinks(healthy):
    healthy.ip("link add second type bridge")
    healthy.ip("addr add 203.0.113.2/24 dev second")
    healthy.ip("link set second up")
    healthy.ip("route add default via 203.0.113.1 metric 100")
    for name in ("all", UPLINK, "second"):
        healthy.sysctl(f"ipv4.conf.{name}.rp_filter", 0)
    assert findings(healthy, "rp-filter") == []
    healthy.sysctl("ipv4.conf.second.rp_filter", 1)
    told_and_mended(healthy, "rp-filter", "warning", "second")


@pytest.mark.parametrize("where", ["cni0", "all"])
def test_the_node_answers_no_arp(healthy, where):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl(f"ipv4.conf.{where}.arp_ignore", 8)
    told_and_mended(healthy, "arp-ignore", "problem", "cni0")


def test_a_bridge_takes_router_advertisements(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl("ipv6.conf.cni0.accept_ra", 2)
    told_and_mended(healthy, "accept-ra", "warning", "cni0")


@pytest.mark.parametrize("pod_link, wrong, level", [("routed", 1, "problem"), ("bridged", 0, "warning")])
def test_bridge_nf(healthy, pod_link, wrong, level):
    if not healthy.call(os.path.exists, "/proc/sys/net/bridge"):
        raise distribution.Lacks("br_netfilter is not loaded")
    write(healthy, ours("v4", podLink=pod_link))
    healthy.sysctl("bridge.bridge-nf-call-iptables", wrong)
    told_and_mended(healthy, "bridge-nf", level, "bridge-nf-call-iptables")


@contextlib.contextmanager
def stand_ins(node, **values):
    """Files in the place of kernel parameters that are the machine's, seen from the node alone."""
    for number, (key, value) in enumerate(values.items()):
        path = node.run_dir / f"parameter{number}"
        target = "/proc/sys/net/" + key.replace("__", "/")
        if not node.call(os.path.exists, target):
            directory = os.path.dirname(target)
            above = directory
            while not node.call(os.path.exists, above):
                above = os.path.dirname(above)
            node.run("mount", "-t", "tmpfs", "none", above)
            node.run("mkdir", "-p", directory)
            node.run("touch", target)
        path.write_text(f"{value}\n")
        node.run("mount", "--bind", f"/run/parameter{number}", target)
    yield


def test_the_connection_table_is_nearly_full(healthy):
    with stand_ins(healthy, netfilter__nf_conntrack_count=950, netfilter__nf_conntrack_max=1000):
        told_and_mended(healthy, "limits", "warning", "950 of 1000")


@pytest.mark.parametrize("key", ["ipv4__neigh__default__gc_thresh3", "core__netdev_max_backlog"])
def test_a_table_is_too_small_for_the_pods(healthy, key):
    for _ in range(3):
        healthy.add(healthy.pod(), ours("dual"))
    with stand_ins(healthy, **{key: 2}):
        told_and_mended(healthy, "limits", "warning", "3 pods")


# -- other programs' rules

POLICY = """
table inet other {
    chain %s {
        type filter hook forward priority 0; policy drop;
    }
}"""
REJECTS = """
table ip other {
    chain last { reject; }
    chain forward {
        type filter hook forward priority 10;
        ct state established accept
        iifname "docker0" accept
        ct state invalid drop
        tcp dport 25 drop
        jump last
    }
}"""
PASSES = """
table inet other {
    chain pods { ip saddr 10.1.0.0/16 accept; ip6 saddr fd00::/16 accept; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname != "docker0" jump pods
        iifname "eth7" drop
    }
}"""
PASSES_SOME = """
table inet other {
    set ports { type ifname; elements = { "cni0" }; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established accept
        iifname @ports accept
    }
}"""


def all_mended(node, check, level):
    found = findings(node, check)
    assert found and {finding["level"] for finding in found} == {level}, found
    for finding in found:
        node.run("sh", "-c", finding["command"])
    assert findings(node, check) == []


@pytest.mark.parametrize("rules", [POLICY % "forward", REJECTS, POLICY % "input_"])
def test_another_programs_chain_drops(healthy, rules):
    healthy.nft(rules)
    all_mended(healthy, "firewall", "problem")


def test_the_remedy_is_one(healthy):
    """What doctor says of a firewall is what becomes of a pod's packets."""
    pod, conf = healthy.pod(), ours("dual")
    healthy.add(pod, conf)
    assert pod.ping("198.51.100.1")
    healthy.nft(REJECTS.replace("ct state established accept", ""))
    assert not pod.ping("198.51.100.1", 0.3)
    all_mended(healthy, "firewall", "problem")
    assert pod.ping("198.51.100.1")


def test_a_chain_that_accepts_what_pods_send_is_no_finding(healthy):
    healthy.nft(PASSES)
    assert findings(healthy, "firewall") == []


def test_a_rule_that_cannot_be_judged_makes_a_warning(healthy):
    healthy.nft(PASSES_SOME)
    all_mended(healthy, "firewall", "warning")


FORWARD = """
table inet other {
    %s
    chain last { drop; }
    chain forward { type filter hook forward priority 0; policy %s; %s; }
}"""
IN_SET = 'set ports { type ifname; elements = { "cni0" }; }'
IN_MAP = 'map ports { type ifname : verdict; elements = { "cni0" : jump last }; }'
SERVICES = "map services { type ipv4_addr . inet_proto . inet_service : verdict; }"


@pytest.mark.parametrize("what, policy, rule, level", [
    (IN_SET, "accept", "iifname @ports drop", "warning"),
    (IN_SET, "accept", "iifname @ports jump last", "warning"),
    (IN_MAP, "accept", "iifname vmap @ports", "warning"),
    (IN_MAP, "drop", "iifname vmap @ports", "warning"),
    ("", "accept", "ip saddr { 10.1.2.0/24, 10.9.0.0/24 } drop", "warning"),
    ("", "accept", "ip saddr 10.1.0.0-10.1.9.255 drop", "problem"),
    ("", "accept", "ip saddr 10.2.0.0-10.2.9.255 drop", None),
    ("", "accept", "ip saddr != 10.2.0.0-10.2.9.255 drop", "problem"),
    ("", "accept", "ip saddr != 10.1.0.0-10.1.9.255 iifname cni0 drop", None),
    ("", "accept", "tcp dport 22 return; drop", "warning"),
    ("", "accept", "tcp dport { 22, 25 } drop", None),
    ("", "accept", "ip saddr 10.1.2.0/24 tcp dport { 22, 25 } jump last", None),
    (SERVICES, "accept", "ip daddr . meta l4proto . th dport vmap @services", None)])
def test_what_cannot_be_judged_is_a_warning_whatever_the_policy(healthy, what, policy, rule, level):
    write(healthy, ours("v4"))
    rules = FORWARD % (what, policy, rule)
    if "map ports" in what:  # a map's chains come before it
        rules = rules.replace(f"    {what}\n    chain last {{ drop; }}", f"chain last {{ drop; }}\n{what}")
    healthy.nft(rules)
    if level:
        all_mended(healthy, "firewall", level)
    else:
        assert findings(healthy, "firewall") == []


def test_what_was_looked_at_is_said(healthy):
    [line] = [line for line in run(healthy).stdout.splitlines() if line.startswith("ok: firewall: ")]
    assert "hook forward" in line


DOCKER = """*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
:DOCKER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -o docker0 -j ACCEPT
-A FORWARD -i docker0 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
"""


@pytest.mark.skipif(not shutil.which("iptables-nft-restore"), reason="there is no iptables-nft")
def test_docker_is_told_by_name(healthy):
    write(healthy, ours("v4"))
    healthy.run("iptables-nft-restore", input=DOCKER)
    finding = one(healthy, "firewall", "problem", "Docker")
    assert finding["command"].startswith("iptables -I DOCKER-USER -i cni0 -j ACCEPT")
    mended(healthy, {**finding, "command": finding["command"].replace("iptables", "iptables-nft")})


@pytest.mark.parametrize("table, chain, program", [
    ("firewalld", "filter_FORWARD", "firewall-cmd"), ("filter", "ufw-before-forward", "ufw route")])
def test_a_firewall_is_told_by_name(healthy, table, chain, program):
    healthy.nft((POLICY % "forward").replace("other {", f"{table} {{\n chain {chain} {{ }}\n")
                .replace("policy drop;", f"policy drop;\n jump {chain}"))
    finding = findings(healthy, "firewall")[0]
    assert program in finding["command"] and program[:3] in finding["message"]


@pytest.mark.skipif(not shutil.which("iptables-legacy"), reason="there is no iptables-legacy")
def test_iptables_legacy_drops(healthy):
    write(healthy, ours("v4"))
    assert healthy.run("iptables-legacy", "-P", "FORWARD", "DROP", check=False).returncode == 0
    told_and_mended(healthy, "firewall", "problem", "iptables-legacy")


def test_no_table_of_iptables_legacy_comes_of_looking(healthy):
    findings(healthy)
    names = healthy.run("cat", "/proc/net/ip_tables_names", check=False).stdout
    assert names == ""


def test_no_module_is_loaded_by_looking(healthy):
    """Where the kernel seems to have no nf_tables, nobody is asked for rules of it."""
    healthy.nft(POLICY % "forward")
    (healthy.run_dir / "empty").mkdir()
    (healthy.run_dir / "none").write_text("")
    healthy.run("mount", "--bind", "/run/empty", "/sys/module")
    for path in ("/proc/modules", "/proc/kallsyms"):
        if healthy.call(os.path.exists, path):
            healthy.run("mount", "--bind", "/run/none", path)
    if healthy.call(os.path.exists, "/proc/modules"):
        assert findings(healthy) == []
        assert "doctor --load" in run(healthy).stdout
        assert "doctor --load" not in run(healthy, "--load").stdout


def test_rules_that_are_missing(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.nft("delete table inet bridge_cni")
    told_and_mended(healthy, "rules", "problem", "missing")


def nftables_findings(node, executable, **env):
    done = command(node, "doctor", "/run/net.d", env={"CNI_PATH": "/run/bin", **env}, executable=executable)
    return [line for line in done.stdout.splitlines() if line.startswith("problem: nftables: ")]


def test_what_writes_rules_is_missing(healthy):
    """libnftables; or, of the bundle, the files beside the executable."""
    library = pathlib.Path(plugin.BRIDGE_CNI).resolve().parent / "bridge-cni.lib"
    if library.exists():
        shutil.copy2(plugin.BRIDGE_CNI, healthy.run_dir / "bridge-cni-copy")
        copy = "/run/bridge-cni-copy"
        assert len(nftables_findings(healthy, copy)) == 1
        shutil.copytree(library, healthy.run_dir / "bridge-cni.lib")
        assert nftables_findings(healthy, copy) == []
    else:
        (healthy.run_dir / "libnftables.so.1").write_text("")
        assert len(nftables_findings(healthy, plugin.BRIDGE_CNI, LD_LIBRARY_PATH="/run")) == 1
        (healthy.run_dir / "libnftables.so.1").unlink()
        assert nftables_findings(healthy, plugin.BRIDGE_CNI, LD_LIBRARY_PATH="/run") == []


LISTENER = """
import socket, sys
server = socket.socket(getattr(socket, sys.argv[1]), getattr(socket, sys.argv[2]))
server.bind((sys.argv[3], 8080))
if sys.argv[2] == "SOCK_STREAM":
    server.listen()
print("up", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def listening(node, *how):
    process = node.popen(["python3", "-c", LISTENER, *how], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
        node._processes.remove(process)


@pytest.mark.parametrize("protocol, how, told", [
    ("tcp", ("AF_INET", "SOCK_STREAM", "0.0.0.0"), True),
    ("tcp", ("AF_INET6", "SOCK_STREAM", "::"), True),
    ("udp", ("AF_INET", "SOCK_DGRAM", "192.0.2.2"), True),
    ("udp", ("AF_INET", "SOCK_STREAM", "0.0.0.0"), False),
    ("tcp", ("AF_INET", "SOCK_STREAM", "127.0.0.1"), False)])
def test_a_process_listens_on_a_host_port(healthy, protocol, how, told):
    asked = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": protocol}]}
    healthy.add(healthy.pod(), {**ours("dual"), "runtimeConfig": asked})
    assert findings(healthy, "host-ports") == []
    with listening(healthy, *how) as process:
        if told:
            one(healthy, "host-ports", "warning", f"process {process.pid}", "8080", protocol.upper())
        assert bool(findings(healthy, "host-ports")) == told
    assert findings(healthy, "host-ports") == []


def test_vlan_filtering_is_tried(healthy, vlan_filtering):
    write(healthy, ours("v4", vlan=7))
    assert bool(findings(healthy, "kernel")) == (not vlan_filtering)
    if not vlan_filtering:
        one(healthy, "kernel", "problem", "VLANs")
    write(healthy, ours("v4"))
    assert findings(healthy, "kernel") == []
    assert set(healthy.links()) == {"lo", UPLINK}


# -- configurations


def test_two_networks_of_one_name(healthy):
    write(healthy, ours("dual"), "20-again.conflist")
    one(healthy, "duplicates", "problem", "10-ours.conflist", "20-again.conflist")
    write(healthy, ours("v4", name="other", bridge="cni1",
                           ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}), "20-again.conflist")
    assert findings(healthy, "duplicates") == []


def test_two_networks_of_one_subnet(healthy):
    write(healthy, ours("v4", name="other", bridge="cni1",
                           ipam={"ranges": [[{"subnet": "10.1.0.0/16"}]]}), "20-other.conflist")
    one(healthy, "duplicates", "problem", "10.1.0.0/16")


def test_two_networks_of_one_bridge(healthy):
    write(healthy, ours("v4", name="other", ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}),
          "20-other.conflist")
    one(healthy, "duplicates", "warning", "cni0")


def test_a_file_that_comes_before_ours(healthy):
    write(healthy, {"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "bridge"}]},
          "05-x; reboot.conflist")
    told_and_mended(healthy, "order", "problem", "05-x; reboot.conflist")
    write(healthy, {"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "bridge"}]}, "99-x.conflist")
    assert findings(healthy, "order") == []


def test_loopback_is_missing(healthy):
    (healthy.run_dir / "bin/loopback").unlink()
    finding = one(healthy, "programs", "problem", "loopback")
    assert finding["command"].endswith("links --bin-dir /run/bin loopback")
    mended(healthy, finding)


@pytest.mark.parametrize("name", ["loopback", "tuning"])
@pytest.mark.parametrize("made, words", [
    ("rm NAME; ln -s nowhere NAME", "isn't there"), ("chmod a-x NAME", "not executable"),
    ("rm NAME; mkdir NAME", "no file")])
def test_a_plugin_that_cannot_be_run(healthy, name, made, words):
    write(healthy, conflist(ours("dual"), {"type": "tuning"}))
    plugins(healthy, "tuning")
    healthy.run("sh", "-c", made.replace("NAME", f"/run/bin/{name}"))
    finding = one(healthy, "programs", "problem", f"/run/bin/{name}", words)
    if name == "loopback" or "chmod" in made:
        mended(healthy, finding)
    else:
        assert "install it" in finding["advice"]


def test_a_plugin_of_the_list_is_missing(healthy):
    write(healthy, conflist(ours("dual"), {"type": "tuning"}))
    one(healthy, "programs", "problem", "tuning")
    plugins(healthy, "tuning")
    assert findings(healthy, "programs") == []


def test_a_wrong_configuration(healthy):
    write(healthy, ours("dual", isGatway=True))
    one(healthy, "configuration", "warning", "isGatway")
    write(healthy, "{")
    assert {f["level"] for f in findings(healthy, "configuration")} == {"problem", "warning"}


# -- interfaces


def test_a_subnet_that_is_on_another_interface(healthy):
    healthy.ip("link add other type bridge")
    healthy.ip("link set other up")
    healthy.ip("addr add 10.1.2.77/25 dev other")
    told_and_mended(healthy, "subnets", "problem", "other", "10.1.2.77/25")


def test_a_subnet_that_a_route_leads_elsewhere(healthy):
    healthy.ip("route add 10.1.2.128/25 via 192.0.2.1")
    told_and_mended(healthy, "subnets", "problem", "10.1.2.128/25", UPLINK)
    healthy.ip("route add 10.0.0.0/8 via 192.0.2.1")
    assert findings(healthy, "subnets") == []


def test_a_bridge_with_the_address_of_a_former_cni(healthy):
    healthy.ip("link add cni0 type bridge")
    healthy.ip("addr add 10.244.0.1/24 dev cni0")
    finding = one(healthy, "bridge", "problem", "10.244.0.1/24")
    healthy.refused(healthy.pod(), ours("dual"), plugin.EXISTS, "10.244.0.1")
    mended(healthy, finding)
    healthy.add(healthy.pod(), ours("dual"))


def test_a_bridge_that_is_none(healthy):
    healthy.ip("link add cni0 type veth peer name peer0")
    told_and_mended(healthy, "bridge", "problem", "veth")


def test_a_bridge_that_is_down_or_gone(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.ip("link set cni0 down")
    told_and_mended(healthy, "bridge", "problem", "down")
    healthy.ip("link del cni0")
    told_and_mended(healthy, "bridge", "problem", "gone")


@pytest.mark.parametrize("pod_link", ["bridged", "routed"])
@pytest.mark.parametrize("commands, words", [
    (["addr del 10.1.2.1/24 dev cni0"], ["10.1.2.1/24"]),
    (["addr del fd00:1:2::1/64 dev cni0"], ["fd00:1:2::1/64"]),
    (["addr del 10.1.2.1/24 dev cni0", "addr add 10.1.2.1/25 dev cni0"], ["10.1.2.1/24", "another prefix"]),
    (["link set PORT down"], ["PORT", "down"]), (["link set PORT nomaster"], ["PORT", "bridge"])])
def test_pods_that_are_cut_off(healthy, pod_link, commands, words):
    conf = ours("dual", podLink=pod_link)
    write(healthy, conf)
    if healthy.call(os.path.exists, "/proc/sys/net/bridge"):
        for key in ("iptables", "ip6tables"):
            healthy.sysctl(f"bridge.bridge-nf-call-{key}", int(pod_link == "bridged"))
    pod = healthy.pod()
    added = healthy.add(pod, conf)
    [port] = [name for name in healthy.links() if name.startswith("veth")]
    for line in commands:
        healthy.ip(line.replace("PORT", port))
    finding = one(healthy, "bridge", "problem", *(word.replace("PORT", port) for word in words))
    assert " repair " in finding["command"]
    mended(healthy, finding)
    healthy.check(pod, conf, added)


def test_the_bridges_mtu(healthy):
    healthy.ip("link add cni0 mtu 9000 type bridge")
    told_and_mended(healthy, "mtu", "warning", "9000", "1500")
    write(healthy, ours("dual", mtu=9000))
    one(healthy, "mtu", "warning", "9000", "1500")


def test_interfaces_of_a_former_cni(healthy):
    for name in ("flannel.1", "weave"):
        healthy.ip(f"link add {name} type bridge")
        told_and_mended(healthy, "former-cni", "warning", name)


@pytest.mark.parametrize("by", ["alias", "ports", "store"])
@pytest.mark.parametrize("read", ["nothing", "another", "damaged"])
def test_a_bridge_with_pods_is_not_a_former_cnis(healthy, by, read):
    """Whatever was read: it is this program's by its alias, by its ports', or by the store."""
    for _ in range(2):
        healthy.add(healthy.pod(), ours("v4"))
    if by != "alias":
        healthy.ip("link set cni0 alias somebody")
    if by == "store":
        for name in healthy.links():
            if name.startswith("veth"):
                healthy.ip(f"link set {name} alias somebody")
    (healthy.run_dir / "net.d/10-ours.conflist").unlink()
    if read == "another":
        write(healthy, ours("v4", name="other", bridge="br1",
                            ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}))
    elif read == "damaged":
        write(healthy, json.dumps(conflist(ours("v4"))).replace(",", ",,", 1))
    assert findings(healthy, "former-cni") == []
    done = run(healthy)
    assert "cni0 is bridge-cni's, of network testnet, which no configuration that was read has" in done.stdout
    assert " del " not in done.stdout


def test_no_command_removes_what_is_in_use(healthy):
    """Somebody's bridge whose ports are up: neither it nor its addresses and routes are removed."""
    healthy.ip("link add cni0 type bridge")
    healthy.ip("link add port type veth peer name peer")
    healthy.ip("link set port master cni0 up")
    healthy.ip("link set cni0 up")
    healthy.ip("addr add 10.244.0.1/24 dev cni0")
    one(healthy, "bridge", "problem", "10.244.0.1/24")
    write(healthy, ours("v4", bridge="br1"))
    one(healthy, "former-cni", "warning", "cni0")
    healthy.ip("addr add 10.1.2.77/25 dev cni0")
    one(healthy, "subnets", "problem", "10.1.2.77/25")
    healthy.ip("addr del 10.1.2.77/25 dev cni0")
    healthy.ip("route add 10.1.2.128/25 dev cni0")
    one(healthy, "subnets", "problem", "10.1.2.128/25")
    healthy.ip("link add flannel.1 type veth peer name peer1")
    healthy.ip("link set flannel.1 up")
    write(healthy, ours("v4", bridge="flannel.1"))
    one(healthy, "bridge", "problem", "flannel.1")
    assert " del " not in run(healthy).stdout
    write(healthy, ours("v4", bridge="br1"))
    assert " del " not in run(healthy).stdout


# -- the store


def test_a_damaged_record(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    [path] = records_of(healthy, "testnet")
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    one(healthy, "store", "warning", "damaged")
    path.write_bytes(whole)
    assert findings(healthy, "store") == []


@pytest.mark.parametrize("record, reservation", [(True, False), (False, True), (False, False)])
def test_a_pod_of_which_the_store_has_not_all(healthy, record, reservation):
    write(healthy, ours("v4"))
    pod = healthy.pod()
    [ip] = healthy.add(pod, ours("v4"))["ips"]
    address = ip["address"].split("/")[0]
    if not record:
        for path in records_of(healthy, "testnet"):
            path.unlink()
    if not reservation:
        (healthy.store / "testnet" / address).unlink()
    one(healthy, "store", "problem", "no record" if not record else address, pod.id)
    healthy.delete(pod, ours("v4"))
    assert findings(healthy, "store") == []


def test_two_attachments_of_one_address(healthy):
    pods = [healthy.pod() for _ in range(2)]
    first, second = (healthy.add(pod, ours("v4"))["ips"][0]["address"] for pod in pods)
    write(healthy, ours("v4"))
    for path in records_of(healthy, "testnet"):
        lines = path.read_text().splitlines()[:-1]
        if any(second in line for line in lines):
            record_write(healthy, "testnet", [line.replace(second, first) for line in lines])
    one(healthy, "store", "problem", first.split("/")[0])


@pytest.mark.parametrize("pods, level", [(9, "warning"), (10, "problem")])
def test_a_range_that_is_nearly_full(healthy, pods, level):
    conf = ours("v4", ipam={"ranges": [[{"subnet": SUBNET4, "rangeStart": "10.1.2.10",
                                            "rangeEnd": "10.1.2.19"}]]})
    write(healthy, conf)
    for number in range(pods):
        reserve(healthy, f"10.1.2.{10 + number}")
    one(healthy, "addresses", level, f"{pods} of 10")


def test_addresses_of_the_dead_are_free(healthy):
    conf = ours("v4", ipam={"ranges": [[{"subnet": SUBNET4, "rangeStart": "10.1.2.10",
                                            "rangeEnd": "10.1.2.11"}]]})
    write(healthy, conf)
    dead, alive = healthy.pod(), healthy.pod()
    healthy.add(dead, conf)
    healthy.add(alive, conf)
    one(healthy, "addresses", "problem", "2 of 2")
    dead.remove()
    wait_for(lambda: len(healthy.host_veths()) == 1)
    assert findings(healthy, "addresses") == []
    assert healthy.invoke("ADD", conf, healthy.pod()).returncode == 0


def reserve(node, address):
    directory = node.store / "testnet"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / address).write_text("somebody\r\neth0")


def test_a_full_disk(healthy):
    healthy.run("mkdir", "-p", "/var/lib/cni")
    healthy.run("mount", "-t", "tmpfs", "-o", "size=64k", "none", "/var/lib/cni")
    assert findings(healthy, "disk") == []
    healthy.run("dd", "if=/dev/zero", "of=/var/lib/cni/fill", "bs=4k", check=False)
    one(healthy, "disk", "problem", "full")
    healthy.run("rm", "/var/lib/cni/fill")
    assert findings(healthy, "disk") == []


# -- other programs


@pytest.fixture
def etc(healthy):
    """An /etc of the node's own, and no other files of network managers."""
    for directory in ("/etc", "/usr/lib/systemd", "/usr/lib/NetworkManager"):
        if healthy.call(os.path.isdir, directory):
            healthy.run("mount", "-t", "tmpfs", "none", directory)
    return healthy


def test_network_manager(etc):
    assert findings(etc, "managers") == []
    (etc.run_dir / "NetworkManager").mkdir()
    told_and_mended(etc, "managers", "warning", "NetworkManager", "cni0")


def test_systemd_networkd(etc):
    (etc.run_dir / "systemd/netif").mkdir(parents=True)
    assert findings(etc, "managers") == []
    etc.run("mkdir", "-p", "/etc/systemd/network")
    etc.run("sh", "-c", "printf '[Match]\\nName=en* veth*\\n' >/etc/systemd/network/50-dhcp.network")
    told_and_mended(etc, "managers", "warning", "systemd-networkd")


def test_the_agent_that_is_waited_for(healthy):
    write(healthy, ours("dual", waitForAgent=True))
    one(healthy, "agent", "problem", "waitForAgent")
    (healthy.run_dir / "bridge-cni").mkdir(exist_ok=True)
    (healthy.run_dir / "bridge-cni/ready").write_text("")
    assert findings(healthy, "agent") == []


AGENT = """
import http.server, sys
class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = self.path == "/readyz"
        self.send_response(503 if ready and "waiting" in sys.argv[1] else 200)
        self.end_headers()
        self.wfile.write((sys.argv[1] + "\\n" if ready else
            'bridge_cni_agent_info{version="0.2.0"} 1\\n' + sys.argv[2]).encode())
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer.allow_reuse_address = True
server = http.server.ThreadingHTTPServer(("127.0.0.1", 9810), Pages)
print("up", flush=True)
server.serve_forever()
"""


@contextlib.contextmanager
def agent(node, says, **metrics):
    lines = "".join(f"bridge_cni_{name} {value}\n" for name, value in metrics.items())
    process = node.popen(["python3", "-c", AGENT, says, lines], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        node._processes.remove(process)


def test_what_the_agent_complains_of(healthy):
    with agent(healthy, "waiting for: routes\x1b[2J"):
        finding = one(healthy, "agent", "problem", "waiting for: routes")
        assert not CONTROL.search(finding["message"])
    with agent(healthy, "ok", tunnel_peers_silent=2):
        finding = one(healthy, "agent", "warning", "2 nodes have never answered")
        assert "8472" in finding["advice"]
    with agent(healthy, "ok", wireguard_peers=3, wireguard_sessions=0):
        finding = one(healthy, "agent", "warning", "none of 3 nodes has answered by WireGuard")
        assert "51820" in finding["advice"]
    with agent(healthy, "ok", tunnel_peers_silent=0, wireguard_peers=3, wireguard_sessions=1):
        assert findings(healthy, "agent") == []


# -- how it looks


def test_names_of_others_are_no_commands(healthy):
    """What a name has in it is neither run by who types the command, nor heard by a terminal."""
    for name in ("x$(reboot)", "a'b;c", "\x1b[2J"):
        healthy.run("ip", "link", "add", name, "type", "bridge")
        healthy.run("ip", "link", "set", name, "up")
        healthy.run("ip", "addr", "add", "10.1.2.77/25", "dev", name)
        [finding] = findings(healthy, "subnets")
        assert not CONTROL.search(run(healthy).stdout)
        if name.startswith("\x1b"):
            assert "command" not in finding and "\\x1b" in finding["message"]
        else:
            mended(healthy, finding)
        healthy.run("ip", "link", "del", name)


def test_it_changes_nothing(healthy):
    healthy.add(healthy.pod(), ours("dual", **{"spoofCheck": True}))
    healthy.nft(POLICY % "forward")
    before = healthy.state()
    run(healthy)
    assert healthy.state() == before


def test_it_makes_no_file_on_a_fresh_node(healthy):
    before = healthy.state()
    run(healthy)
    assert healthy.state() == before
    assert not (healthy.run_dir / "bridge-cni").exists()


def test_who_is_not_root_is_told_what_could_not_be_seen(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.run("chmod", "a+rx", "/run", "/run/net.d", "/run/bin")
    found = findings(healthy, wrapper=NOBODY)
    assert {f["check"] for f in found} >= {"firewall", "rules"}
    assert all(f["level"] == "warning" and "could not be seen" in f["message"] and
               f["advice"] == "run doctor as root" for f in found), found


def test_without_a_network_it_says_so(node):
    (node.run_dir / "net.d").mkdir()
    found = findings(node, "configuration")
    assert any("no network" in f["message"] for f in found)


def test_wrong_arguments(healthy):
    done = command(healthy, "doctor", "--force")
    assert done.returncode == 2 and "unknown argument" in done.stderr
