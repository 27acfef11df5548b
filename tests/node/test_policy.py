# SPDX-License-Identifier: GPL-2.0-or-later
"""/etc/bridge-cni/policy.json narrows what configurations may ask for."""
import json
import os

import pytest

from harness import plugin
from harness.delegates import ADDRESS, Delegate
from harness.node import LOG, network

PATH = "/etc/bridge-cni/policy.json"
# What programs that tests start look for in /etc.
ETC = "alternatives group ld.so.cache ld.so.conf ld.so.conf.d nsswitch.conf passwd"


class Policy:
    """The node's /etc, whose only file of ours is the policy."""

    def __init__(self, node):
        self.etc = node.run_dir / "etc"
        self.directory = self.etc / "bridge-cni"
        self.path = self.directory / "policy.json"
        node.run("sh", "-ec", f"""
            mkdir -p /run/etc/bridge-cni
            cd /etc; cp -a {ETC} /run/etc; cd /
            mount --bind /run/etc /etc""")

    def write(self, *rules):
        self.path.write_text(json.dumps({"rules": rules}))

    def rule(self, **keys):
        """One rule, for all networks."""
        self.write({"networks": ["*"], **keys})


@pytest.fixture
def policy(node):
    return Policy(node)


def port(number, **keys):
    return {"hostPort": number, "containerPort": 80, "protocol": "tcp", **keys}


def asks(*mappings, **runtime):
    if mappings:
        runtime["portMappings"] = list(mappings)
    return {"capabilities": {name: True for name in runtime}, "runtimeConfig": runtime}


def life(node, conf, **kw):
    pod = node.pod()
    result = node.add(pod, conf, **kw)
    node.check(pod, conf, result, **kw)
    node.delete(pod, conf, result, **kw)
    return result


RANGE6 = [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00:1:2::/64"}]]

# The rule's keys, a configuration that it refuses, and one that it doesn't.
CASES = {
    "bridges": ({"bridges": ["br-*"]}, {}, {"bridge": "br-a"}),
    "bridges, none": ({"bridges": []}, {"bridge": "br-a"}, None),
    "ipamTypes": ({"ipamTypes": ["fake"]}, {}, None),
    "ipamTypes, no IPAM": ({"ipamTypes": ["host-local"]}, {"ipam": None}, {}),
    "dataDir": ({"dataDir": ["/var/lib/cni"]}, {"ipam": {"dataDir": "/run/x"}}, {}),
    "dataDir, the default": ({"dataDir": ["/run/x"]}, {}, {"ipam": {"dataDir": "/run/x/y"}}),
    "dataDir, by ..": ({"dataDir": ["/var/lib"]},
                       {"ipam": {"dataDir": "/var/lib/../../run/x"}}, {}),
    "dataDir, a longer name": ({"dataDir": ["/var/lib/cni"]},
                               {"ipam": {"dataDir": "/var/lib/cni2"}}, {}),
    "resolvConf": ({"resolvConf": ["/etc/resolv.conf", "/run/resolv"]},
                   {"ipam": {"resolvConf": "/etc/passwd"}}, {}),
    "logFile": ({"logFile": ["/var/log/bridge-cni"]}, {"logFile": LOG}, {}),
    "logFile, elsewhere": ({"logFile": ["/var/lib/logs"]}, {"logFile": LOG},
                           {"logFile": "/var/lib/logs/x"}),
    "subnets": ({"subnets": ["10.1.2.128/25"]}, {}, {"ipam": {"ranges": [[
        {"subnet": "10.1.2.192/26"}]]}}),
    "subnets, another family": ({"subnets": ["10.0.0.0/8"]}, {"ipam": {"ranges": RANGE6}}, {}),
    "subnets, a wider one": ({"subnets": ["10.1.2.0/24"]},
                             {"ipam": {"ranges": [[{"subnet": "10.1.0.0/16"}]]}}, {}),
    "subnets, of the second range": (
        {"subnets": ["10.1.2.0/24"]},
        {"ipam": {"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "10.1.3.0/24"}]]}}, {}),
    "subnets, of the runtime": ({"subnets": ["10.1.2.0/24"]},
                                asks(ipRanges=[[{"subnet": "10.1.3.0/24"}]]), {}),
    "nonMasqueradeCIDRs": (
        {"nonMasqueradeCIDRs": ["10.0.0.0/8"], "require": {"ipMasq": True}},
        {"ipMasq": True, "nonMasqueradeCIDRs": ["10.1.0.0/16", "0.0.0.0/1"]},
        {"ipMasq": True, "nonMasqueradeCIDRs": ["10.1.0.0/16"]}),
    "nonMasqueradeCIDRs, another family": (
        {"nonMasqueradeCIDRs": ["0.0.0.0/0"]}, {"nonMasqueradeCIDRs": ["::/0"]}, {}),
    "hostPorts": ({"hostPorts": ["8080", "30000-30010"]}, asks(port(8081)),
                  asks(port(8080), port(30010))),
    "hostPorts, a run": ({"hostPorts": ["8080-8081", "8082"]},
                         asks(*(port(8080 + i, containerPort=80 + i) for i in range(4))),
                         asks(*(port(8080 + i, containerPort=80 + i) for i in range(3)))),
    "hostPorts, none": ({"hostPorts": []}, asks(port(8080)), {}),
    "reservedHostPorts": ({"reservedHostPorts": ["22", "10250-10259"]},
                          asks(port(8080), port(10255)), asks(port(23))),
    "reservedHostPorts, in a run": (
        {"reservedHostPorts": ["8081"]},
        asks(*(port(8080 + i, containerPort=80 + i) for i in range(4))), asks(port(8082))),
    "vlans": ({"vlans": ["100-199"]}, {"vlan": 200}, None),
    "vlans, none": ({"vlans": ["100-199"]}, {}, None),
    "vlans, a trunk": ({"vlans": ["1", "100-199"]},
                       {"vlanTrunk": [{"id": 100}, {"minID": 150, "maxID": 250}]}, None),
    "vlans, an entry of a trunk": ({"vlans": ["1", "100-199"]}, {"vlanTrunk": [{"id": 99}]}, None),
    "vlans, a trunk's VLAN 1": ({"vlans": ["0", "100-199"]}, {"vlanTrunk": [{"id": 100}]}, None),
    "vlans, the default VLAN as well": (
        {"vlans": ["100-199"]}, {"vlan": 100, "preserveDefaultVlan": True}, None),
    "vlans, 0": ({"vlans": ["0"]}, {"vlan": 100}, {}),
    "mtu": ({"mtu": ["1280-9000"]}, {"mtu": 1279}, {"mtu": 1280}),
    "mtu, the bridge's": ({"mtu": ["1280-9000"]}, {}, None),
    "mtu, 0": ({"mtu": ["0"]}, {"mtu": 1500}, {}),
    "requestedMac": ({"requestedMac": False}, asks(mac="0a:58:00:00:00:01"), {}),
    "requestedMac, by args": ({"requestedMac": False},
                              {"args": {"cni": {"mac": "0a:58:00:00:00:01"}}}, {}),
    "require.spoofCheck": ({"require": {"spoofCheck": True}}, {"macspoofchk": True},
                           {"spoofCheck": True}),
    "require.macspoofchk": ({"require": {"macspoofchk": True}}, {}, {"spoofCheck": True}),
    "require.portIsolation": ({"require": {"portIsolation": True}}, {"portIsolation": False},
                              {"portIsolation": True}),
    "require.promiscMode": ({"require": {"promiscMode": False}}, {"promiscMode": True}, {}),
    "require.forceAddress": ({"require": {"forceAddress": False}}, {"forceAddress": True}, {}),
    "require.isGateway": ({"require": {"isGateway": False}}, {}, {"isDefaultGateway": False}),
    "require.ipMasq": ({"require": {"ipMasq": True}}, {"ipMasq": False}, {}),
    "require.isolate": ({"require": {"isolate": True}}, {}, {"isolate": True}),
    "require.isolate, strict": ({"require": {"isolate": "strict"}}, {"isolate": True},
                                {"isolate": "strict"}),
    "require.isolate, at least": ({"require": {"isolate": True}}, {"isolate": False},
                                  {"isolate": "strict"}),
    "require.isolate, none": ({"require": {"isolate": False}}, {"isolate": True}, {}),
    "require.podLink": ({"require": {"podLink": "routed"}}, {"podLink": "bridged"}, None),
    "require.podLink, bridged": ({"require": {"podLink": "bridged"}}, {"podLink": "routed"}, {}),
    "require.hostPortOverListener": (
        {"require": {"hostPortOverListener": "refuse"}}, asks(port(8080)),
        {**asks(port(8080)), "hostPortOverListener": "refuse"}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rule_refuses_what_it_does_not_allow_and_names_itself(node, policy, case):
    keys, refused, served = CASES[case]
    policy.write({"networks": ["other"]}, {"networks": ["a", "test*"], **keys})
    pod = node.pod()
    key = case.partition(",")[0]
    node.refused(pod, network(**refused), plugin.CONFIG, f"rules[1].{key} of {PATH}")
    node.assert_nothing_left(pod)
    assert not (node.run_dir / "log").exists()
    assert "cni0" not in node.links() and not node.store.exists()
    if served is not None:
        (node.var_lib / "logs").mkdir()
        node.add(pod, network(**served))


def test_requested_mac_of_CNI_ARGS(node, policy):
    policy.rule(requestedMac=False)
    node.refused(node.pod(), network(), plugin.CONFIG, "requestedMac", "0a:58:00:00:00:01",
                 args="MAC=0a:58:00:00:00:01")
    policy.rule(requestedMac=True)
    node.add(node.pod(), network(), args="MAC=0a:58:00:00:00:01")


def test_the_first_rule_for_the_name_decides(node, policy):
    policy.write({"networks": ["testnet"], "bridges": ["cni0"]},
                 {"networks": ["*"], "bridges": ["br-x"]})
    life(node, network())
    node.refused(node.pod(), network(name="free"), plugin.CONFIG, "rules[1].bridges", "cni0")
    life(node, network(name="free", bridge="br-x", isDefaultGateway=False))


def test_a_network_that_no_rule_is_for_is_refused(node, policy):
    """Its author chooses the name."""
    policy.write({"networks": ["tenant-?", "lab-[0-9]"]})
    for name in ("testnet", "tenant-ab", "lab-a", "Tenant-a"):
        node.refused(node.pod(), network(name=name), plugin.CONFIG, f'"{name}"', PATH)
    for name in ("tenant-a", "lab-1"):
        life(node, network(name=name))


def test_only_ADD_and_STATUS_ask(node, policy):
    conf, pod, gone = network(), node.pod(), node.pod()
    result = node.add(pod, conf)
    node.add(gone, conf)
    for text in ('{"rules": []}', '{"rules": [{"networks": ["*"], "bridges": []}]}', "broken"):
        policy.path.write_text(text)
        node.refused(node.pod(), conf, plugin.CONFIG, PATH)
        with plugin.refusal(plugin.CONFIG, PATH):
            plugin.judge("STATUS", node.invoke("STATUS", conf), plugin.NEWEST)
        node.check(pod, conf, result)
        done = node.invoke("GC", {**conf, "cni.dev/valid-attachments": [
            {"containerID": pod.id, "ifname": "eth0"},
            {"containerID": gone.id, "ifname": "eth0"}]})
        assert done.returncode == 0, done.stdout
        file = node.run_dir / "net.conf"
        file.write_text(json.dumps(conf))
        assert node.run(plugin.BRIDGE_CNI, "repair", "/run/net.conf").returncode == 0
    node.delete(pod, conf, result)
    node.delete(gone, conf)
    node.assert_nothing_left(pod)
    node.run(plugin.BRIDGE_CNI, "cleanup", "/run/net.conf")
    assert "cni0" not in node.links()


def test_a_DEL_does_not_write_to_a_log_that_is_not_allowed(node, policy):
    """A runtime sends a DEL after an ADD that was refused."""
    conf, pod = network(logFile=LOG), node.pod()
    for text, why in (('{"rules": [{"networks": ["*"], "logFile": ["/var/log"]}]}',
                       f"{PATH} does not allow it"),
                      ('{"rules": []}', PATH), ("broken", PATH)):
        policy.path.write_text(text)
        node.refused(pod, conf, plugin.CONFIG, PATH)
        done = node.invoke("DEL", conf, pod)
        assert done.returncode == 0
        assert done.stderr.startswith(f"bridge-cni: logFile: {LOG} was not written to: ")
        assert why in done.stderr and done.stderr.count("\n") == 1
    assert not (node.run_dir / "log").exists()


def test_a_link_below_an_allowed_directory_leads_the_log_nowhere(node, policy):
    policy.rule(logFile=["/var/lib/logs"])
    (node.var_lib / "logs").mkdir()
    (node.var_lib / "target").mkdir()
    (node.var_lib / "logs/link").symlink_to("../target")
    done = node.invoke("ADD", network(logFile="/var/lib/logs/link/x"), node.pod())
    assert done.returncode == 0 and "is a symbolic link" in done.stderr
    assert os.listdir(node.var_lib / "target") == []
    # The directory itself is the administrator's, and so is a link in its place.
    (node.var_lib / "named").symlink_to("target")
    policy.rule(logFile=["/var/lib/named/"])
    assert node.invoke("ADD", network(logFile="/var/lib/named/x"), node.pod()).stderr == ""
    assert os.listdir(node.var_lib / "target") == ["x"]


@pytest.mark.parametrize("gives, refused", [
    ({}, f"the address {ADDRESS}/16"),
    ({"ips": [{"address": "10.77.1.5/24"}]}, None),
    ({"ips": [{"address": "10.77.1.5/23"}]}, "the address 10.77.1.5/23"),
    ({"ips": [{"address": "10.77.1.5/24", "gateway": "192.0.2.1"}]}, "the gateway 192.0.2.1"),
    ({"ips": [{"address": "10.77.1.5/24"}, {"address": "fd77::5/64"}]},
     "the address fd77::5/64")])
def test_what_another_IPAM_gives_is_held_against_the_subnets(node, policy, gives, refused):
    fake = Delegate(node, f'if verb == "ADD": answer(**{gives!r})')
    policy.rule(subnets=["10.77.1.0/24"], ipamTypes=["fake"])
    pod = node.pod()
    if refused is None:
        fake.add(pod)
        assert fake.verbs() == ["ADD"]
        return
    node.refused(pod, fake.conf(), plugin.CONFIG, refused, f"rules[0].subnets of {PATH}",
                 env=fake.env)
    assert fake.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod)


def test_what_an_earlier_plugin_gives_an_ipvlan_is_held_against_the_subnets(node, policy):
    policy.rule(subnets=["10.77.1.0/24"])
    given = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth7"}],
             "ips": [{"address": "10.77.2.5/24"}]}
    conf = network(type="ipvlan", bridge=None, isDefaultGateway=None, ipMasq=None, ipam=None,
                   prevResult=given)
    pod = node.pod()
    node.refused(pod, conf, plugin.CONFIG, "10.77.2.5/24", f"rules[0].subnets of {PATH}")
    node.assert_nothing_left(pod)
    policy.rule(subnets=["10.77.0.0/16"])
    node.refused(pod, conf, plugin.TRY_AGAIN, "eth7")


def test_as_another_plugins_IPAM_it_asks_for_what_is_its(node, policy):
    link = node.directory / "host-local"
    link.symlink_to(plugin.BRIDGE_CNI)
    conf, pod = network(bridge=None, isDefaultGateway=None, type="other"), node.pod()
    policy.rule(subnets=["10.1.3.0/24"], bridges=[], require={"spoofCheck": True})
    node.refused(pod, conf, plugin.CONFIG, "subnets", executable=str(link))
    policy.rule(dataDir=["/run/x"])
    node.refused(pod, conf, plugin.CONFIG, "dataDir", executable=str(link))
    policy.rule(subnets=["10.1.2.0/24"], bridges=[], require={"spoofCheck": True})
    node.add(pod, conf, executable=str(link))
    assert node.reservations() != {}


WRONG = {
    "": "", "a list": "[]", "no rules": "{}", "no networks": '{"rules": [{}]}',
    "not JSON": '{"rules": [}', "a comment": '{"rules": []} // all',
}
WRONG_KEYS = {
    "rule": ({"rule": []}, "rule: unknown key"),
    "a rule's": ({"rules": [{"networks": ["*"], "bridge": ["x"]}]},
                 "rules[0].bridge: unknown key"),
    "require's": ({"rules": [{"networks": ["*"], "require": {"spoofcheque": True}}]},
                  "rules[0].require.spoofcheque: unknown key"),
    "a type": ({"rules": [{"networks": "*"}]}, "rules[0].networks"),
    "a switch": ({"rules": [{"networks": ["*"], "require": {"spoofCheck": "yes"}}]},
                 "rules[0].require.spoofCheck"),
    "a prefix": ({"rules": [{"networks": ["*"], "subnets": ["10.1.2.3/24"]}]},
                 "rules[0].subnets[0]: 10.1.2.3/24 has host bits"),
    "a path": ({"rules": [{"networks": ["*"], "dataDir": ["/a", "var/lib"]}]},
               "rules[0].dataDir[1]"),
    "a path with ..": ({"rules": [{"networks": ["*"], "logFile": ["/var/log/../x"]}]},
                       "rules[0].logFile[0]"),
    "a port": ({"rules": [{"networks": ["*"], "hostPorts": ["0"]}]}, "rules[0].hostPorts[0]"),
    "ports": ({"rules": [{"networks": ["*"], "hostPorts": ["9-8"]}]}, "rules[0].hostPorts[0]"),
    "a port, too high": ({"rules": [{"networks": ["*"], "reservedHostPorts": ["65536"]}]},
                         "rules[0].reservedHostPorts[0]"),
    "a VLAN": ({"rules": [{"networks": ["*"], "vlans": ["4095"]}]}, "rules[0].vlans[0]"),
    "an MTU": ({"rules": [{"networks": ["*"], "mtu": ["65536"]}]}, "rules[0].mtu[0]"),
    "a listener": ({"rules": [{"networks": ["*"],
                               "require": {"hostPortOverListener": "warn"}}]},
                   'rules[0].require.hostPortOverListener: "warn" is not known, expected '
                   '"refuse"'),
    "a link": ({"rules": [{"networks": ["*"], "require": {"podLink": "none"}}]},
               'rules[0].require.podLink: "none" is not known, expected "bridged" or "routed"'),
    "null": ({"rules": [{"networks": ["*"], "bridges": None}]},
             "rules[0].bridges: null is no value"),
    "null, required": ({"rules": [{"networks": ["*"]}, {"networks": ["*"], "require": {
        "ipMasq": True, "spoofCheck": None}}]}, "rules[1].require.spoofCheck: null is no value"),
    "a key twice": ('{"rules": [{"networks": ["*"], "bridges": [], "Bridges": ["x"]}]}',
                    "rules[0].bridges: given twice"),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_broken_policy_refuses_all(node, policy, text):
    policy.path.write_text(text)
    node.refused(node.pod(), network(), plugin.CONFIG, f"{PATH}: ")


@pytest.mark.parametrize("content, says", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_wrong_key_of_the_policy_refuses_all_and_is_named(node, policy, content, says):
    policy.path.write_text(content if isinstance(content, str)
                           else json.dumps({"rules": [], **content}))
    node.refused(node.pod(), network(), plugin.CONFIG, f"{PATH}: {says}")


@pytest.mark.parametrize("spoil, says", [
    (lambda p: os.chown(p.path, 65534, 0), f"{PATH} belongs to user 65534"),
    (lambda p: p.path.chmod(0o664), f"{PATH} belongs to user 0 and has mode 664"),
    (lambda p: p.path.chmod(0o646), "mode 646"),
    (lambda p: os.chown(p.directory, 65534, 0), "/etc/bridge-cni belongs to user 65534"),
    (lambda p: p.directory.chmod(0o777), "/etc/bridge-cni belongs to user 0 and has mode 777"),
    (lambda p: (p.path.unlink(), p.path.mkdir()), f"{PATH} is no regular file"),
    (lambda p: (p.path.unlink(), os.mkfifo(p.path)), f"{PATH} is no regular file"),
    (lambda p: p.path.write_text(" " * (1 << 23)), "longer"),
], ids=["its owner", "its group", "others", "the directory's owner", "the directory's mode",
        "a directory", "a FIFO", "its length"])
def test_a_policy_that_others_may_write_refuses_all(node, policy, spoil, says):
    policy.rule()
    life(node, network())
    spoil(policy)
    node.refused(node.pod(), network(), plugin.CONFIG, says)


def test_a_link_in_the_policys_place_refuses_all(node, policy):
    policy.rule()
    policy.path.rename(policy.etc / "elsewhere")
    policy.path.symlink_to("../elsewhere")
    node.refused(node.pod(), network(), plugin.IO, PATH + " is a symbolic link")
    policy.path.unlink()
    policy.directory.rmdir()
    (policy.etc / "real").mkdir()
    (policy.etc / "elsewhere").rename(policy.etc / "real/policy.json")
    policy.directory.symlink_to("real")
    node.refused(node.pod(), network(), plugin.CONFIG, "/etc/bridge-cni is no directory")


def test_the_manuals_example_is_right(node, policy):
    page = (plugin.REPOSITORY / "deploy/man/bridge-cni.conf.5").read_text()
    example = page[page.index(".Sh POLICY"):].partition(".Bd -literal\n")[2]
    policy.path.write_text(example.partition(".Ed")[0].replace(r"\(dq", '"'))
    node.add(node.pod(), network(name="pods", spoofCheck=True, ipam={
        "ranges": [[{"subnet": "10.244.1.0/24"}]]}))
    tenant = network(name="tenant-a", bridge="br-tenant1", spoofCheck=True, portIsolation=True,
                     ipam={"ranges": [[{"subnet": "10.50.1.0/24"}]],
                           "dataDir": "/var/lib/cni/tenants"})
    node.add(node.pod(), tenant)
    node.refused(node.pod(), {**tenant, "bridge": "cni0"}, plugin.CONFIG, "rules[1].bridges")


def test_no_environment_variable_leads_elsewhere(node, policy):
    policy.rule(bridges=[])
    node.refused(node.pod(), network(), plugin.CONFIG, "bridges", env={
        "HOME": "/run", "XDG_CONFIG_HOME": "/run", "BRIDGE_CNI_POLICY": "/run/x"})


def test_without_a_policy_one_open_fails_and_nothing_else(node):
    """DEL, CHECK and GC don't even do that."""
    pod, conf, trace = node.pod(), network(), node.directory / "trace"
    result = node.add(pod, conf)
    other = node.pod()
    for verb, conf_, who, times in (("ADD", conf, other, 1), ("STATUS", conf, None, 1),
                                    ("CHECK", {**conf, "prevResult": result}, pod, 0),
                                    ("DEL", conf, pod, 0)):
        done = node.invoke(verb, conf_, who, wrapper=plugin.strace(trace, "all"),
                           env=plugin.TRACED)
        assert done.returncode == 0, done.stdout
        lines = [line for line in trace.read_text().splitlines() if "/etc/bridge-cni" in line]
        assert len(lines) == times and all("ENOENT" in line for line in lines), lines


def test_validate_says_what_ADD_says_of_the_policy(node, policy):
    policy.rule(bridges=["br-*"])
    conf = network(type="bridge-cni", cniVersion="1.0.0", capabilities={"portMappings": False})
    file = node.run_dir / "x.conf"
    file.write_text(json.dumps(conf))
    answer = json.loads(node.invoke("ADD", conf, node.pod()).stdout)
    validate = [plugin.BRIDGE_CNI, "validate", "/run/x.conf"]
    done = node.run(*validate, check=False)
    assert done.returncode == 2
    assert f"/run/x.conf: bridge-cni: error: {answer['msg']} (ADD fails with code 7)" in done.stdout
    # Who may not read it is told so, and it is no error of the configuration.
    policy.path.chmod(0o600)
    done = node.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *validate,
                    check=False)
    assert done.returncode == 1
    assert "warning: opening the policy" in done.stdout and "run validate as root" in done.stdout
    file.write_text(json.dumps({**conf, "bridge": "br-a"}))
    assert node.run(*validate).stdout == ""
