# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages on stderr and in the log: harmless on a terminal, a line each, and all that
the answer says."""
import json
import os
import re

import pytest

from harness import plugin
from harness.delegates import Delegate
from harness.node import LOG, network

EVIL = "a\x1b]0;title\x07\nbridge-cni: all is well\u009b2J\x7f"
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def lines_of(text):
    """The lines of the text, each of which is harmless and the plugin's own."""
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    for line in lines:
        assert not CONTROL.search(line), repr(line)
    return lines


def harmless(done, n=1):
    """Expects @n lines on stderr, each of which begins with the program's name."""
    lines = lines_of(done.stderr)
    assert len(lines) == n, lines
    assert all(line.startswith("bridge-cni: ") for line in lines)
    return lines


@pytest.mark.parametrize("changes, env", [
    ({"name": EVIL}, {}), ({"bridge": EVIL}, {}), ({"cniVersion": EVIL}, {}),
    ({"logFile": EVIL}, {}), ({"ipam": {"type": f"{EVIL}/"}}, {}),
    ({"ipam": {"dataDir": EVIL}}, {}), ({"ipam": {"type": EVIL, "ranges": None}}, {}),
    ({}, {"CNI_CONTAINERID": EVIL}), ({}, {"CNI_IFNAME": "\x1b]0;/"}),
    ({}, {"CNI_NETNS": f"/run/netns/{EVIL}"}), ({}, {"CNI_ARGS": f"{EVIL}=1"}),
    ({}, {"CNI_COMMAND": EVIL})],
    ids=lambda value: "-".join(value))
def test_what_is_wrong_is_named_harmlessly(node, changes, env):
    done = node.invoke("ADD", network(**changes), node.pod(), env=env)
    line, = harmless(done)
    assert "\\x1b]0" in line
    assert "\x1b" in json.loads(done.stdout)["msg"]  # JSON has escapes of its own


def test_another_plugins_words_are_said_harmlessly(node):
    delegate = Delegate(node, f"""
        print(json.dumps({{"cniVersion": "1.0.0", "code": 120, "msg": {EVIL!r},
                          "details": {EVIL!r}}}))
        sys.exit(1)""")
    line, = harmless(node.invoke("ADD", delegate.conf(), node.pod(), env=delegate.env))
    assert "\\x1b]0;" in line


def test_the_lines_of_nfts_complaint_are_told_once_each_without_their_marks(node):
    node.nft("table inet bridge_cni {\nchain postrouting {\n"
             "type filter hook output priority 0;\n}\n}")
    done = node.invoke("ADD", network(), node.pod())
    error = json.loads(done.stdout)
    assert error["code"] == plugin.RULES and "\n" not in error["msg"] + error["details"]
    line, = harmless(done)
    assert "nftables refused the rules: Error: " in line
    assert "bridge_cni" in line and "^^" not in line and "\\x0a" not in line
    assert line.count("Error: ") == 1


def test_arguments_and_files_are_named_harmlessly(node, tmp_path):
    done = node.run(plugin.BRIDGE_CNI, "repair", "--" + EVIL, check=False)
    assert done.returncode == 2
    assert "\\x1b]0;" in done.stderr.split("\n")[0]
    lines_of(done.stderr)
    file = tmp_path / EVIL.replace("/", "")
    for text in (None, "{", json.dumps({"cniVersion": "1.0.0", "name": EVIL,
                                        "type": "bridge-cni"})):
        if text:
            file.write_text(text)
        done = node.run(plugin.BRIDGE_CNI, "repair", file, check=False)
        assert done.returncode == 1
        harmless(done)


def test_what_a_cleanup_did_and_could_not_do_is_told_harmlessly(node, tmp_path):
    """An interface's name can hold all but white space."""
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    file = tmp_path / "net.conf"
    file.write_text(json.dumps({**conf, "bridge": "\x1b[31mbr"}))
    node.ip_batch("""
        link add \x1b[31mbr type bridge
        link add port0 type veth peer name port1
        link set port0 alias "bridge-cni another c eth0"
        link set port0 master \x1b[31mbr
        """)
    done = node.run(plugin.BRIDGE_CNI, "cleanup", file)
    assert any("left the bridge \\x1b[31mbr" in line for line in lines_of(done.stdout))


def test_a_notice_is_said_harmlessly_and_is_in_the_log(node):
    log = node.run_dir / "log"
    conf = network(logFile=LOG, **{"isGatewaz\x1b": True})
    done = node.invoke("ADD", conf, node.pod())
    assert done.returncode == 0
    line, = harmless(done)
    assert "isGatewaz\\x1b: unknown key" in line
    [text] = log.read_text().splitlines()
    assert 'notice="isGatewaz' in text and not CONTROL.search(text)


def test_a_log_line_holds_no_control_characters(node):
    log = node.run_dir / "log"
    args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=a;K8S_POD_NAME=x\u009b2J"
    node.add(node.pod(), network(logFile=LOG), args=args)
    node.add(node.pod(), network(logFile=LOG),
             env={"CNI_ARGS": args.replace("\u009b", os.fsdecode(b"\xff\x9b"))})
    for text, escaped in zip(log.read_text().splitlines(), (r"\xc2\x9b", r"\xff\x9b")):
        assert f'pod="x{escaped}2J"' in text


def test_the_supported_versions_are_on_stderr_too(node):
    done = node.invoke("ADD", network(cniVersion="1.2.0"), node.pod())
    assert json.loads(done.stdout)["code"] == plugin.VERSION
    line, = harmless(done)
    assert '"1.2.0" is not supported' in line
    assert "0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0" in line


# -- accepted, as by the reference, but not in silence


def told(node, conf, **kw):
    """The notices of an ADD that succeeds, which are the same on stderr and in the log."""
    log = node.run_dir / "log"
    log.unlink(missing_ok=True)
    done = node.invoke("ADD", {**conf, "logFile": LOG}, node.pod(), **kw)
    assert done.returncode == 0, done.stdout
    [line] = log.read_text().splitlines()
    words = [w.removeprefix("bridge-cni: ") for w in done.stderr.splitlines()]
    assert ("; ".join(words).replace('"', '\\"') in line) and ("notice=" in line) == bool(words)
    return words


RANGE = {"subnet": "10.1.2.0/24"}
TYPOS = [
    ({"isGatway": True}, "isGatway", "isGateway"),
    ({"ipMsaq": True}, "ipMsaq", "ipMasq"),
    ({"IPMASK": True}, "IPMASK", "ipMasq"),
    ({"mtus": 1400}, "mtus", "mtu"),
    ({"mut": 1400}, "mut", "mtu"),
    ({"vlanId": 5}, "vlanId", "vlan"),
    ({"hairpinnMod": True}, "hairpinnMod", "hairpinMode"),
    ({"cniVersio": "1.0.0"}, "cniVersio", "cniVersion"),
    ({"logfiles": "/x"}, "logfiles", "logFile"),
    ({"ingresRate": 5}, "ingresRate", "ingressRate"),
    ({"dns": {"nameserver": ["10.0.0.1"]}}, "dns.nameserver", "dns.nameservers"),
    ({"dns": {"serch": ["a"]}}, "dns.serch", "dns.search"),
    ({"ipam": {"dataDri": "/x"}}, "ipam.dataDri", "ipam.dataDir"),
    ({"ipam": {"range": [[RANGE]]}}, "ipam.range", "ipam.ranges"),
    ({"ipam": {"ranges": [[{**RANGE, "gatway": "10.1.2.9"}]]}},
     "ipam.ranges[0][0].gatway", "ipam.ranges[0][0].gateway"),
    ({"ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}, {**RANGE, "rangeEd": "10.1.2.9"}]]}},
     "ipam.ranges[0][1].rangeEd", "ipam.ranges[0][1].rangeEnd"),
    ({"ipam": {"routes": [{"dst": "0.0.0.0/0", "priorty": 5}]}},
     "ipam.routes[0].priorty", "ipam.routes[0].priority"),
    ({"runtimeConfig": {"portMapings": []}},
     "runtimeConfig.portMapings", "runtimeConfig.portMappings"),
    ({"runtimeConfig": {"portMappings": [
        {"hostPort": 8080, "containerPort": 80, "protocl": "udp"}]}},
     "runtimeConfig.portMappings[0].protocl", "runtimeConfig.portMappings[0].protocol"),
    ({"runtimeConfig": {"bandwith": {}}}, "runtimeConfig.bandwith", "runtimeConfig.bandwidth"),
    ({"runtimeConfig": {"bandwidth": {"ingresRate": 5}}},
     "runtimeConfig.bandwidth.ingresRate", "runtimeConfig.bandwidth.ingressRate"),
    ({"capabilities": {"portMapping": True}},
     "capabilities.portMapping", "capabilities.portMappings"),
    ({"runtimeConfig": {"ip": ["10.1.2.7"]}}, "runtimeConfig.ip", "runtimeConfig.ips"),
    ({"args": {"cni": {"Mack": "x"}}}, "args.cni.Mack", "args.cni.mac"),
]


@pytest.mark.parametrize("changes, path, meant", TYPOS, ids=[t[1] for t in TYPOS])
def test_a_key_that_is_nearly_a_known_one_is_told_and_ignored(node, changes, path, meant):
    assert told(node, network(**changes)) == [
        f'{path}: unknown key, ignored; is "{meant}" meant?']


MISPLACED = [
    ({"gateway": "10.1.2.1"}, "gateway", "ipam.gateway"),
    ({"subnet": "10.9.0.0/24"}, "subnet", "ipam.subnet"),
    ({"routes": []}, "routes", "ipam.routes"),
    ({"dataDir": "/x"}, "dataDir", "ipam.dataDir"),
    ({"RANGES": []}, "RANGES", "ipam.ranges"),
    ({"portMappings": []}, "portMappings", "runtimeConfig.portMappings"),
    ({"bandwidth": {}}, "bandwidth", "runtimeConfig.bandwidth"),
    ({"ips": []}, "ips", "runtimeConfig.ips"),
    ({"ipam": {"isGateway": True}}, "ipam.isGateway", "isGateway"),
    ({"ipam": {"ipMasq": True}}, "ipam.ipMasq", "ipMasq"),
    ({"ipam": {"bridge": "br1"}}, "ipam.bridge", "bridge"),
    ({"ipam": {"mtu": 1400}}, "ipam.mtu", "mtu"),
    ({"ipam": {"ranges": [[{**RANGE, "dataDir": "/x"}]]}},
     "ipam.ranges[0][0].dataDir", "ipam.dataDir"),
    ({"ipam": {"routes": [{"dst": "0.0.0.0/0", "gateway": "10.1.2.1"}]}},
     "ipam.routes[0].gateway", "ipam.routes[0].gw"),
    ({"ipam": {"routes": [{"dst": "0.0.0.0/0", "metric": 5}]}},
     "ipam.routes[0].metric", "ipam.routes[0].priority"),
]


@pytest.mark.parametrize("changes, path, meant", MISPLACED, ids=[t[1] for t in MISPLACED])
def test_a_key_that_is_known_at_another_place_is_told_with_that_place(node, changes, path,
                                                                      meant):
    assert told(node, network(**changes)) == [
        f'{path}: unknown key, ignored; is "{meant}" meant?']


def test_a_metric_that_does_nothing_for_want_of_a_default_route_is_told(node):
    [line] = told(node, network(metric=50, isDefaultGateway=False))
    assert line.startswith("metric: ") and "no default route" in line


def test_keys_that_serve_pods_of_before_are_not_told(node):
    """Destinations hold for pods that are masqueraded since an earlier configuration."""
    assert told(node, network(nonMasqueradeCIDRs=["10.0.0.0/8"], ipMasq=False)) == []


def test_with_what_it_needs_it_is_not_told(node):
    assert told(node, network(metric=50)) == []
    assert told(node, network(metric=50, isDefaultGateway=False, isGateway=True,
                              ipam={"routes": [{"dst": "0.0.0.0/0"}]})) == []


def test_other_plugins_keys_and_the_runtimes_are_no_noise(node):
    """The keys are those of the whole chain, of libcni, of containerd, CRI-O and podman."""
    assert told(node, network(**{
        "cniVersions": ["1.0.0"], "disableCheck": True, "disableGC": True,
        "loadOnlyInlinedPlugins": False, "cni.dev/valid-attachments": [],
        "capabilities": {"ips": True, "mac": True, "dns": True, "bandwidth": True,
                         "aliases": True, "ipRanges": True},
        "args": {"cni": {"labels": []}, "podman_labels": {}, "K8S": 1},
        "runtimeConfig": {"dns": {"servers": ["10.0.0.1"]}, "aliases": {}, "deviceID": "x",
                          "infinibandGUID": "x", "cgroupPath": "/x", "Dns": {},
                          "io.kubernetes.cri.pod-annotations": {}},
        "sysctl": {}, "promisc": True, "allmulti": True, "txQLen": 5, "table": 100,
        "vrfname": "x", "mode": "l2", "master": "eth0", "delegate": {}, "mac": "x",
        "iptablesAdminChainName": "x", "firewalldZone": "x", "ingressPolicy": "open",
        "logLevel": "x", "subnetFile": "x", "uid": 1, "x": 1, "": 1, "k" * 4000: 1,
        "ipam": {"name": "x", "mode": "x", "dns": {}, "exclude": [], "": 1}})) == []


def test_a_delegated_IPAMs_keys_are_its_own(node):
    delegate = Delegate(node)
    conf = delegate.conf(ipam={"range": "x", "gatway": "x", "route": [], "bridge": "x",
                               "ranges": [{"dataDir": "x"}], "routes": [{"via": "x"}]})
    conf["subnet"] = "x"
    assert told(node, conf, env=delegate.env) == []


def test_as_host_local_another_plugins_keys_are_not_looked_at(node, tmp_path):
    host_local = tmp_path / "host-local"
    host_local.symlink_to(plugin.BRIDGE_CNI)
    conf = network(mtus=1, isGatway=True, ipam={"rnages": []})
    done = node.invoke("ADD", conf, node.pod(), executable=str(host_local))
    assert done.stderr == \
        'bridge-cni: ipam.rnages: unknown key, ignored; is "ipam.ranges" meant?\n'


def test_a_typo_is_told_beside_the_error_that_comes_of_it(node):
    conf = network(ipam={"ranges": [[{"subnett": "10.1.2.0/24"}]]})
    done = node.invoke("ADD", conf, node.pod())
    lines = harmless(done, 2)
    assert lines[0].endswith('ipam.ranges[0][0].subnett: unknown key, ignored; is '
                             '"ipam.ranges[0][0].subnet" meant?')
    assert "ipam.ranges[0][0].subnet: missing" in lines[1]


def test_only_so_many_typos_are_told_and_none_is_by_other_verbs(node):
    conf, pod = network(**{f"mtu{i}": i for i in range(10)},
                        dns={f"search{i}": [] for i in range(100, 200)},
                        nameservers=[]), node.pod()
    conf["dns"] = {f"serch{i}": [] for i in range(100)}
    done = node.invoke("ADD", conf, pod)
    assert done.returncode == 0
    harmless(done, 16)
    node.check(pod, conf, json.loads(done.stdout))
    node.delete(pod, conf)


@pytest.mark.parametrize("changes, keys", [
    ({"isGateway": True, "isDefaultGateway": None, "ipMasq": None}, "isGateway"),
    ({}, "isDefaultGateway, ipMasq"),
    ({"ipam": {}}, "isDefaultGateway, ipMasq"),
    ({"ipam": {"type": ""}, "isDefaultGateway": None}, "ipMasq"),
    ({"isDefaultGateway": None, "ipMasq": None, "ipam": {"type": "", "ranges": [[RANGE]]}},
     "ipam.ranges"),
    ({"ipMasq": None, "ipam": {"subnet": RANGE["subnet"]}},
     "isDefaultGateway, ipam.subnet")])
def test_what_does_nothing_without_an_IPAM_is_told(node, changes, keys):
    conf = {**network(), "ipam": None, **changes}
    word, = told(node, {k: v for k, v in conf.items() if v is not None})
    assert word.startswith(f"{keys}: without ipam.type the pod gets no address")


@pytest.mark.parametrize("ipam", [None, {}, {"type": ""}, {"type": None, "ranges": None}])
def test_a_layer_2_network_is_told_nothing(node, ipam):
    conf = {**network(isDefaultGateway=None, ipMasq=None), "ipam": ipam}
    assert told(node, conf) == []


@pytest.mark.parametrize("change", [
    {"mtu": "big"}, {"cniVersion": "9.9.9"}, {"bridge": "a/b"},
    {"ipam": {"ranges": [[{"subnet": "x"}]]}}, {"plugins": []}], ids=lambda c: next(iter(c)))
@pytest.mark.parametrize("verb", ["ADD", "CHECK", "STATUS"])
def test_what_is_refused_for_its_configuration_is_logged(node, change, verb):
    log, pod = node.run_dir / "log", node.pod()
    done = node.invoke(verb, network(logFile=LOG, **change), pod,
                       env={"TRACEPARENT": f"00-{'a' * 32}-{'b' * 16}-01"})
    error = json.loads(done.stdout)
    [line] = log.read_text().splitlines()
    assert f" verb={verb} network=testnet container={pod.id} interface=eth0 " in line \
        or verb == "STATUS"
    assert f"outcome=error code={error['code']} msg=" in line
    assert f" trace={'a' * 32} " in line
    assert error["msg"].replace('"', '\\"') in line


def test_a_refused_repair_is_logged(node, tmp_path):
    log, file = node.run_dir / "log", tmp_path / "net.conf"
    file.write_text(json.dumps(network(logFile=LOG, mtu="big")))
    assert node.run(plugin.BRIDGE_CNI, "repair", file, check=False).returncode == 1
    assert " verb=repair network=testnet ms=" in log.read_text()


LIST = {"cniVersion": plugin.NEWEST, "name": "testnet",
        "plugins": [network(cniVersion=None, name=None)]}


@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK", "STATUS", "GC"])
@pytest.mark.parametrize("executable", ["bridge-cni", "host-local"])
@pytest.mark.parametrize("more", [{}, {"type": "bridge-cni"}, {"cniVersion": "0.3.1"}],
                         ids=["list", "typed", "version without the verb"])
def test_a_list_of_plugins_is_called_so(node, tmp_path, verb, executable, more):
    """Read as one plugin it would have no IPAM: no address, and a DEL that frees none."""
    path = tmp_path / executable
    path.symlink_to(plugin.BRIDGE_CNI)
    pod = node.pod()
    node.add(pod, network())
    before = node.state()
    conf = {**LIST, **more, "cni.dev/valid-attachments": []}
    done = node.invoke(verb, conf, pod, executable=str(path))
    error = json.loads(done.stdout)
    assert (error["code"], error["msg"]) == (
        plugin.CONFIG, "plugins: expected the configuration of one plugin, found a list; "
        "take one of its plugins, and add the list's name and cniVersion to it")
    assert node.state() == before
    assert len(node.reservations()) == 1


def test_a_key_of_that_name_that_holds_no_list_is_ignored(node):
    assert told(node, network(plugins={"a": 1})) == []
