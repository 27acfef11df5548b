# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni validate`: which findings come of which file."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import plugin
from harness.waiting import processor_seconds

pytestmark = pytest.mark.must_run

SUBNET = [[{"subnet": "10.1.2.0/24"}]]


def ours(**changes):
    """One plugin, of which there is nothing to say."""
    conf = {"type": "bridge-cni", "capabilities": {"portMappings": True},
            "isDefaultGateway": True, "ipam": {"type": "host-local", "ranges": SUBNET}}
    conf.update(changes)
    return {key: value for key, value in conf.items() if value is not None}


def listed(*plugins, **keys):
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": list(plugins or [ours()]), **keys}


def single(**changes):
    return {"cniVersion": "1.0.0", "name": "pods", **ours(**changes)}


def validate(*arguments, cwd=None, executable=None, env=None, **kw):
    return subprocess.run([executable or plugin.BRIDGE_CNI, "validate", *map(str, arguments)],
                          env={"PATH": os.environ["PATH"], **(env or {})}, cwd=cwd, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, **kw)


def write(directory, conf, name):
    text = conf if isinstance(conf, str) else json.dumps(conf)
    (directory / name).write_text(text)


def found(directory, conf, name="x.conflist"):
    """(exit status, its lines without the name of the file)"""
    write(directory, conf, name)
    done = validate(name, cwd=directory)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(line.startswith(f"{name}: ") for line in lines)
    return done.returncode, [line.removeprefix(f"{name}: ") for line in lines]


OURS, SINGLE = "plugins[0] bridge-cni: ", "bridge-cni: "
WARNING, ERROR = "warning: ", "error: "

RIGHT = {
    "a list": listed(),
    "versions for old and new runtimes": listed(cniVersions=["1.0.0", "1.1.0"]),
    "keys of a list": listed(disableCheck=True, disableGC=True, loadOnlyInlinedPlugins=True),
    "switches that old runtimes ignore": listed(disableGC="true", loadOnlyInlinedPlugins="False"),
    "other plugins' keys": listed(ours(), {"type": "tuning", "sysctl": {}, "isGatway": 1}),
    "another IPAM's keys": listed(ours(ipam={"type": "dhcp", "daemonSocketPath": "/x"})),
    "args": listed(ours(args={"cni": {"labels": []}, "x": 1})),
    "ranges from the runtime": listed(ours(capabilities={"ipRanges": True, "portMappings": True},
                                           ipam={"type": "host-local"})),
    "no host ports are meant": listed(ours(capabilities={"portMappings": False})),
    "portmap maps": listed(ours(capabilities=None),
                           {"type": "portmap", "capabilities": {"portMappings": True}}),
    "portmap maps nothing": listed(ours(), {"type": "portmap"}),
    "no default route": listed(ours(capabilities=None, isDefaultGateway=False)),
    "keys in other case": listed(ours(ISDEFAULTGATEWAY=True, isDefaultGateway=None)),
    "the agent is waited for": listed(ours(waitForAgent=True)),
}


@pytest.mark.parametrize("conf", RIGHT.values(), ids=RIGHT)
def test_nothing_is_said_of_a_right_list(tmp_path, conf):
    assert found(tmp_path, conf) == (0, [])


@pytest.mark.parametrize("name", ["x.conf", "x.json", "x"])
def test_nothing_is_said_of_one_plugin(tmp_path, name):
    assert found(tmp_path, single(), name) == (0, [])


def rates(plugin_type="bandwidth", **keys):
    return {"type": plugin_type, **keys}


RATE = {"ingressRate": 8000000, "ingressBurst": 8000000}
# What is written, and the beginnings and some words of the lines that come of it.
WARNED = {
    "a typo": (listed(ours(isGatway=True)),
               [OURS + WARNING + 'isGatway: unknown key, ignored; is "isGateway" meant?']),
    "a key that is like no other": (listed(ours(colour="red")),
                                    [OURS + WARNING + "colour: unknown key, ignored; remove it"]),
    "in ipam": (listed(ours(ipam={"type": "host-local", "ranges": SUBNET, "exclude": []})),
                [OURS + WARNING + "ipam.exclude: unknown key"]),
    "in a range": (listed(ours(ipam={"type": "host-local",
                                     "ranges": [[{**SUBNET[0][0], "colour": 1}]]})),
                   [OURS + WARNING + "ipam.ranges[0][0].colour: unknown key"]),
    "a capability": (listed(ours(capabilities={"portMappings": True, "aliases": True})),
                     [OURS + WARNING + "capabilities.aliases: unknown key"]),
    "many": (listed(ours(**{f"key{i}ofnobody": 1 for i in range(40)})),
             [OURS + WARNING + f"key{i}ofnobody: unknown key" for i in range(40)]),
    "what ADD says": (listed(ours(isDefaultGateway=False, metric=5)), [OURS + WARNING + "metric: "]),
    "without ipam": (listed(ours(ipam=None)), [OURS + WARNING + "isDefaultGateway: "]),
    "no capability": (listed(ours(capabilities=None)),
                      [OURS + WARNING + "capabilities: nothing here declares portMappings"]),
    "a key without its capability": (
        listed(ours(capabilities=None, snat=False, hostPortOverListener="refuse")),
        [OURS + WARNING + "snat: nothing comes of this without the capability portMappings",
         OURS + WARNING + "hostPortOverListener: "]),
    "the runtime's keys": (
        listed(ours(runtimeConfig={"mac": "02:00:00:00:00:01", "ips": ["10.1.2.9"],
                                   "bandwidth": RATE})),
        [OURS + WARNING + f"runtimeConfig.{key}: is for the runtime"
         for key in ("bandwidth", "mac", "ips")]),
    "mtu 0": (listed(ours(mtu=0)), [OURS + WARNING + "mtu: 0 is the bridge's"]),
    "masqAll": (listed(ours(masqAll=True)), [OURS + WARNING + "masqAll: "]),
    "an empty trunk": (listed(ours(vlanTrunk=[])), [OURS + WARNING + "vlanTrunk: an empty list"]),
    "a VLAN in the trunk": (listed(ours(vlan=7, vlanTrunk=[{"minID": 5, "maxID": 9}])),
                            [OURS + WARNING + "vlan: 7 is among vlanTrunk's"]),
    "host ports twice": (
        listed(ours(), {"type": "portmap", "capabilities": {"portMappings": True}}),
        ["plugins[1] portmap: warning: capabilities.portMappings: plugins[0] declares it as well"]),
    "host ports twice, portmap first": (
        listed({"type": "portmap", "capabilities": {"portMappings": True}}, ours()),
        ["plugins[0] portmap: warning: capabilities.portMappings: plugins[1] "]),
    "rates twice": (
        listed(ours(capabilities={"portMappings": True, "bandwidth": True}),
               rates(capabilities={"bandwidth": True})),
        ["plugins[1] bandwidth: warning: capabilities.bandwidth: plugins[0] "]),
    "rates twice, written": (listed(ours(**RATE), rates(**RATE)),
                             ["plugins[1] bandwidth: warning: capabilities.bandwidth: "]),
    "1.1.0": (listed(cniVersion="1.1.0"),
              [WARNING + "cniVersion: containerd 1.6 and 1.7 refuse results of 1.1.0"]),
    "no version": ({key: value for key, value in listed().items() if key != "cniVersion"},
                   [WARNING + "cniVersion: missing, which means 0.1.0"]),
    "a switch as a string": (listed(disableCheck="true"),
                             [WARNING + "disableCheck: containerd 1.6 and 1.7 refuse"]),
    "a typo in the list": (listed(disableGCs=True),
                           [WARNING + 'disableGCs: unknown key, ignored; is "disableGC" meant?']),
    "a key of nobody's in the list": (listed(colour=1), [WARNING + "colour: unknown key"]),
    "a plugin's key in the list": (listed(ipMasq=True),
                                   [WARNING + "ipMasq: nothing reads this key of a plugin"]),
    "a list's key in a plugin": (listed(ours(disableGC=True)),
                                 [OURS + WARNING + "disableGC: nothing reads this key of a list"]),
    "another plugin alone": (listed({"type": "tuning"}),
                             [WARNING + 'no plugin of type "bridge-cni"']),
    "in one line": (listed(ours(**{"a\nb\x1b[2J\x9b": 1})),
                    [OURS + WARNING + r"a\x0ab\x1b[2J\xc2\x9b: unknown key"]),
}


def begins(lines, wanted):
    assert len(lines) == len(wanted), lines
    for line, begin in zip(lines, wanted):
        assert line.startswith(begin)


@pytest.mark.parametrize("conf, wanted", WARNED.values(), ids=WARNED)
def test_what_ADD_accepts_is_a_warning(tmp_path, conf, wanted):
    status, lines = found(tmp_path, conf)
    begins(lines, wanted)
    assert status == 1


@pytest.mark.parametrize("name, conf, wanted", [
    ("x.conf", listed(), WARNING + "runtimes take a file of this name for one plugin"),
    ("x.json", listed(), WARNING + "runtimes take a file of this name for one plugin"),
    ("x.conflist", single(), SINGLE + WARNING + "runtimes take a file of this name for a list"),
    ("x.conf", single(cniVersion="1.1.0"), SINGLE + WARNING + "cniVersion: containerd 1.6"),
    ("x.conf", single(disableCheck=True), SINGLE + WARNING + "disableCheck: nothing reads")])
def test_a_file_is_what_its_name_says(tmp_path, name, conf, wanted):
    status, lines = found(tmp_path, conf, name)
    begins(lines, [wanted])
    assert status == 1


BAD_DIR = {"type": "host-local", "ranges": SUBNET, "dataDir": "x"}
REFUSED = {
    "no JSON": ("{,}", [ERROR + "invalid JSON at line 1, column 2"]),
    "a version of nobody's": (listed(cniVersion="9.9.9"),
                              [OURS + ERROR + 'cniVersion: "9.9.9" is not supported']),
    "a value": (listed(ours(mtu="x")), [OURS + ERROR + 'mtu: "x" is a string']),
    "ADD and DEL": (listed(ours(bridge="a/b")), [OURS + ERROR + 'bridge: "a/b" is not']),
    "ADD otherwise than DEL": (listed(ours(ipMasq=1, ipam=BAD_DIR)),
                               [OURS + ERROR + "ipMasq: ", OURS + ERROR + "ipam.dataDir: "]),
    "GC": (listed(ours(**{"cni.dev/valid-attachments": 1})),
           [OURS + ERROR + "cni.dev/valid-attachments: "]),
    "no ranges": (listed(ours(ipam={"type": "host-local"})), [OURS + ERROR + "ipam.ranges: "]),
    "iptables": (listed(ours(ipMasqBackend="iptables")), [OURS + ERROR + "ipMasqBackend: "]),
    "a mark": (listed(ours(markMasqBit=3)), [OURS + ERROR + "markMasqBit "]),
    "a network that leaves": (listed(ours(draining=True)), [OURS + ERROR + "draining: "]),
    "a typo beside": (listed(ours(ipam={"type": "host-local", "ranegs": SUBNET})),
                      [OURS + WARNING + 'ipam.ranegs: unknown key, ignored; is "ipam.ranges"',
                       OURS + ERROR + "ipam.ranges: missing"]),
    "a list without a name": ({"cniVersion": "1.0.0", "plugins": [ours()]},
                              [ERROR + "name: missing", OURS + ERROR + "name: missing"]),
    "a name in other case": ({"cniVersion": "1.0.0", "Name": "x", "plugins": [ours()]},
                             [ERROR + 'Name: runtimes read the keys of a list in this case alone: '
                                      'write "name"']),
    "null": (listed(disableCheck=None), [ERROR + "disableCheck: null"]),
    "a switch": (listed(disableCheck=1), [ERROR + "disableCheck: 1 is a number"]),
    "another switch": (listed(disableGC="maybe"), [ERROR + 'disableGC: "maybe" is a string']),
    "versions": (listed(cniVersions=["1.0.0", "one"]), [ERROR + "cniVersions[1]: "]),
    "a key twice": ('{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "bridge-cni", '
                    '"bridge": "a", "bridge": "b"}]}',
                    [OURS + ERROR + "bridge: this key is given twice; remove one of the two"]),
    "an object twice": ('{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": '
                        '"bridge-cni", "ipam": {}, "ipam": {}}]}',
                        [OURS + ERROR + "ipam: this key is given twice"]),
    "the list twice": ('{"cniVersion": "1.0.0", "name": "pods", "plugins": [], "plugins": []}',
                       [ERROR + "plugins: this key is given twice"]),
    "a plugin without a type": (listed(ours(), {"sysctl": {}}),
                                [ERROR + "plugins[1].type: missing"]),
}


@pytest.mark.parametrize("conf, wanted", REFUSED.values(), ids=REFUSED)
def test_what_ADD_DEL_GC_or_all_runtimes_refuse_is_an_error(tmp_path, conf, wanted):
    status, lines = found(tmp_path, conf)
    begins(lines, wanted)
    assert status == 2


@pytest.mark.parametrize("conf, operations", [
    (single(bridge="a/b"), "ADD, DEL and GC fail with code 7"),
    (single(mtu=7.5), "ADD fails with code 7"),
    (single(ipMasqBackend="iptables"), "ADD fails with code 2"),
    (single(draining=True), "ADD fails with code 50"),
    (single(**{"cni.dev/valid-attachments": 1}), "DEL or GC fails with code 7")])
def test_an_error_says_who_answers_it(node, conf, operations):
    """What is said of ADD, ADD answers."""
    status, [line] = found(node.directory, conf, "x.conf")
    assert status == 2 and line.endswith(f" ({operations})")
    done = node.invoke("ADD", conf, node.pod())
    answer = json.loads(done.stdout)
    assert ("msg" in answer) == operations.startswith("ADD")
    if "msg" in answer:
        assert line.startswith(f"bridge-cni: error: {answer['msg']}")
        assert operations.endswith(f"code {answer['code']}")


MORE = "there is more; mend what is listed first"


MANY = {f"k{i:x}": 1 for i in range(70000)}


@pytest.mark.parametrize("conf, where", [
    (listed(ours(**MANY)), OURS), (listed(**MANY), ""),
    (listed(ours(ipam={"type": "host-local", "ranges": SUBNET, **MANY})), OURS)])
def test_of_very_many_findings_the_first_are_listed(tmp_path, conf, where):
    """The longest file that is read takes no longer than a moment."""
    before = processor_seconds()
    status, lines = found(tmp_path, conf)
    assert processor_seconds() - before < 10
    assert len(lines) == 201 and lines[-1] == where + WARNING + MORE
    assert status == 1


def test_an_error_is_told_behind_very_many_warnings(tmp_path):
    status, lines = found(tmp_path, listed(ours(mtu="x", **{f"k{i:x}": 1 for i in range(999)})))
    assert status == 2 and len(lines) == 202
    assert lines[-1].startswith(OURS + ERROR + "mtu: ")


def test_each_file_and_each_file_of_a_directory_is_read(tmp_path):
    directory = tmp_path / "net.d"
    directory.mkdir()
    write(directory, listed(ours(mtus=1)), "20.conflist")
    write(directory, listed({"type": "flannel"}), "10.conflist")
    write(directory, "no JSON", "30.txt")
    write(tmp_path, single(mtu=0), "a.conf")
    done = validate("a.conf", "net.d", "missing", cwd=tmp_path)
    assert done.returncode == 2
    begins(done.stdout.splitlines(), ["a.conf: bridge-cni: warning: mtu: 0",
                                      "net.d/20.conflist: plugins[0] bridge-cni: warning: mtus",
                                      "missing: error: opening it: No such file"])


def test_a_directory_without_a_plugin_of_ours_is_told(tmp_path):
    done = validate(tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f'{tmp_path}: warning: no plugin of type "bridge-cni"')


def test_without_a_file_the_runtimes_directory_is_read():
    done = validate()
    assert (done.returncode, done.stdout) == (0, "") and "/etc/cni/net.d" in done.stderr
    done = validate("--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    directory = pathlib.Path("/etc/cni/net.d")
    directory.mkdir(parents=True)
    try:
        write(directory, single(mtus=1), "x.conf")
        done = validate()
        assert done.returncode == 1
        begins(done.stdout.splitlines(), ["/etc/cni/net.d/x.conf: bridge-cni: warning: mtus: "])
    finally:
        shutil.rmtree(directory)


def test_json_has_the_same_findings(tmp_path):
    write(tmp_path, listed(ours(colour=1, mtu="x"), cniVersion="1.1.0"), "x.conflist")
    done = validate("--json", "x.conflist", cwd=tmp_path)
    findings = json.loads(done.stdout)
    assert done.returncode == 2
    assert [(f["file"], f.get("plugin"), f.get("type"), f["level"], f.get("code"))
            for f in findings] == [("x.conflist", None, None, "warning", None),
                                   ("x.conflist", 0, "bridge-cni", "warning", None),
                                   ("x.conflist", 0, "bridge-cni", "error", 7)]
    lines = found(tmp_path, listed(ours(colour=1, mtu="x"), cniVersion="1.1.0"))[1]
    assert all(line.endswith(f["message"]) for line, f in zip(lines, findings))
    write(tmp_path, listed(), "x.conflist")
    done = validate("--json", "x.conflist", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_a_file_of_a_hostile_name_is_one_harmless_line(tmp_path):
    name = "a\nb\x1b[2J\x9b.conf"
    write(tmp_path, single(colour=1), name)
    for arguments in [name], ["--json", name]:
        done = validate(*arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert not any(c < " " and c != "\n" or "\x7f" <= c < "\xa0" for c in done.stdout)
    assert len(validate(name, cwd=tmp_path).stdout.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--json", "--json", "x"], ["x", "--json"],
                                       ["--force", "x"], ["--data-dir", "/x"]])
def test_other_arguments_are_refused(arguments):
    done = validate(*arguments)
    assert done.returncode == 2 and done.stdout == "" and "validate" in done.stderr


def test_what_cannot_be_printed_is_an_error(tmp_path):
    write(tmp_path, single(colour=1), "x.conf")
    with open("/dev/full", "w") as full:
        done = subprocess.run([plugin.BRIDGE_CNI, "validate", tmp_path / "x.conf"], stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "standard output" in done.stderr


def test_under_another_name_plugins_of_that_name_count_as_well(tmp_path):
    executable = tmp_path / "bridge"
    executable.symlink_to(plugin.BRIDGE_CNI)
    write(tmp_path, listed(ours(type="bridge", mtus=1)), "x.conflist")
    done = validate("x.conflist", cwd=tmp_path, executable=executable)
    begins(done.stdout.splitlines(), ["x.conflist: plugins[0] bridge: warning: mtus"])


def test_nothing_is_opened_but_the_file_and_no_program_is_started(tmp_path):
    """Neither sockets nor namespaces, and no IPAM plugin; nobody need be root."""
    conf = listed(ours(ipam={"type": "dhcp"}, logFile="/run/log", log="syslog"))
    write(tmp_path, conf, "x.conflist")
    trace = tmp_path / "trace"
    done = subprocess.run(
        ["strace", "-f", "-o", trace, "-e",
         "trace=%network,%process,%file,setns,unshare", plugin.BRIDGE_CNI, "validate",
         "x.conflist"], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **plugin.TRACED})
    assert (done.returncode, done.stdout) == (0, "")
    calls = trace.read_text().splitlines()
    first = next(i for i, call in enumerate(calls) if '"x.conflist", O_RDONLY' in call)
    assert [call for call in calls[first + 1:] if "fstat" not in call and "exit" not in call and
            "/etc/bridge-cni/policy.json" not in call] == []


def test_nobody_need_be_root(tmp_path):
    write(tmp_path, single(colour=1), "x.conf")
    with open(tmp_path / "x.conf") as file:
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", plugin.BRIDGE_CNI,
             "validate", "/dev/stdin"], stdin=file, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    begins(done.stdout.splitlines(), ["/dev/stdin: bridge-cni: warning: colour: "])
