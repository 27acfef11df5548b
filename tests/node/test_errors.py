# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input: the right code, words that help, and neither kernel nor disk touched."""
import json
import os
import re
import subprocess

import pytest

from harness import plugin, snapshot
from harness.node import network

SET = [[{"subnet": "10.1.2.0/24"}]]


def ranges(**keys):
    return {"ipam": {"ranges": [[{"subnet": "10.1.2.0/24", **keys}]]}}


def refused_untouched(node, conf, code, *words, verb="ADD", **kw):
    """The call fails with this code and words, and changes nothing anywhere."""
    pod = node.pod()
    before = node.state()
    with plugin.refusal(code, *words) as error:
        plugin.judge(verb, node.invoke(verb, conf, pod, **kw), None)
    snapshot.assert_same(before, node.state())
    return error.value


WRONG = [
    ({"mtu": "big"}, ["mtu", "big"]),
    ({"mtu": -1}, ["mtu", "-1"]),
    ({"mtu": 1500.5}, ["mtu", "1500.5"]),
    ({"mtu": 70000}, ["mtu", "70000"]),
    ({"hairpinMode": "yes"}, ["hairpinMode", "yes"]),
    ({"isGateway": 1}, ["isGateway"]),
    ({"ipMasq": "true"}, ["ipMasq"]),
    ({"bridge": "a/b"}, ["bridge", "a/b"]),
    ({"bridge": "sixteen-letters-"}, ["bridge", "sixteen-letters-"]),
    ({"bridge": ".."}, ["bridge"]),
    ({"bridge": 7}, ["bridge", "7"]),
    ({"name": None}, ["name"]),
    ({"name": "../up"}, ["name", "../up"]),
    ({"name": ".hidden"}, ["name", ".hidden"]),
    ({"name": "n" * 300}, ["name"]),
    ({"ipam": []}, ["ipam"]),
    ({"ipam": {"ranges": None}}, ["ipam"]),
    ({"ipam": {"ranges": []}}, ["ipam.ranges"]),
    ({"ipam": {"ranges": [[]]}}, ["ipam.ranges[0]"]),
    ({"ipam": {"ranges": SET + [[{}]]}}, ["ipam.ranges[1][0].subnet"]),
    (ranges(subnet="10.1.2.3/33"), ["ipam.ranges[0][0].subnet", "10.1.2.3/33", "32"]),
    (ranges(subnet="10.1.2.3/24"), ["ipam.ranges[0][0].subnet", "10.1.2.3/24"]),
    (ranges(subnet="10.1.2.0"), ["ipam.ranges[0][0].subnet", "10.1.2.0"]),
    (ranges(subnet="10.1.2.0/31"), ["ipam.ranges[0][0].subnet", "10.1.2.0/31"]),
    (ranges(rangeStart="10.1.3.9"), ["ipam.ranges[0][0].rangeStart", "10.1.3.9",
                                     "10.1.2.0/24"]),
    (ranges(rangeEnd="10.1.3.9"), ["ipam.ranges[0][0].rangeEnd", "10.1.3.9"]),
    (ranges(rangeStart="10.1.2.9", rangeEnd="10.1.2.8"), ["10.1.2.9", "10.1.2.8"]),
    (ranges(gateway="what"), ["ipam.ranges[0][0].gateway", "what"]),
    ({"ipam": {"ranges": [SET[0], [{"subnet": "10.1.0.0/16"}]]}},
     ["ipam.ranges[0][0]", "ipam.ranges[1][0]"]),
    ({"ipam": {"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "fd00::/64"}]]}},
     ["ipam.ranges[0]", "fd00::/64"]),
    ({"ipam": {"routes": [{"dst": "10.0.0.0"}]}}, ["ipam.routes[0].dst", "10.0.0.0"]),
    ({"ipam": {"routes": [{"dst": "10.0.0.0/8"}, {"gw": "1.2.3.4"}]}},
     ["ipam.routes[1].dst"]),
    ({"ipam": {"routes": [{"dst": "10.0.0.0/8", "gw": "fd00::1"}]}},
     ["ipam.routes[0].gw", "fd00::1"]),
    ({"ipam": {"dataDir": 1}}, ["ipam.dataDir"]),
    ({"dns": {"nameservers": "10.0.0.1"}}, ["dns.nameservers"]),
    ({"dns": {"search": ["a", 1]}}, ["dns.search[1]"]),
    ({"prevResult": 7}, ["prevResult"]),
    ({"prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "what"}]}},
     ["prevResult.ips[0].address", "what"]),
    ({"prevResult": {"cniVersion": "1.0.0", "interfaces": [],
                     "ips": [{"address": "10.0.0.1/8", "interface": 1}]}},
     ["prevResult.ips[0].interface", "1"])]


@pytest.mark.parametrize("changes, words", WRONG,
                         ids=[" ".join(words) for _, words in WRONG])
def test_a_wrong_value_is_named_by_its_path(node, changes, words):
    refused_untouched(node, network(**changes), plugin.CONFIG, *words)


def huge(conf, value="1e999"):
    """The configuration as text, its mtu too large for a double."""
    return json.dumps({**conf, "mtu": "MTU"}).replace('"MTU"', value)


@pytest.mark.parametrize("value, named", [
    ("1e999", "1.79769313486232e+308 is out of range"),
    ("-1e999", "-1.79769313486232e+308 is out of range"),
    ("[1e999]", "[1.79769313486232e+308] is a list")])
def test_a_number_that_is_too_large_is_not_called_null(node, value, named):
    refused_untouched(node, huge(network(), value), plugin.CONFIG, f"mtu: {named}")


def test_a_number_that_is_too_large_is_as_wrong_in_a_list_of_plugins(node, tmp_path):
    """Taken out of the list it isn't null, which would be no MTU at all."""
    file = tmp_path / "net.conflist"
    file.write_text('{"cniVersion": "1.0.0", "name": "testnet", "plugins": [%s]}'
                    % huge(network(cniVersion=None, name=None)))
    done = node.run(plugin.BRIDGE_CNI, "repair", file, check=False)
    assert done.returncode == 1
    assert "plugins[0]: mtu: 1.79769313486232e+308 is out of range" in done.stderr


@pytest.mark.parametrize("text", [
    b"", b"   ", b"{", b"null", b"[]", b'"name"', b"{}{}", b'{"name": "a",}',
    b'{"name": "a\x00b"}', b'{"name": "a\\u0000b"}', b'{"name": "\xff\xfe"}',
    b'{"a":' * 100000 + b"1" + b"}" * 100000,
    b'{"name": "' + b"x" * 5000 + b'"}',
    b'{"name": "n", "pad": [' + b'"xxxxxxxxxxxxxxxx",' * 60000 + b'1]}'],
    ids=["nothing", "blank", "torn", "null", "list", "string", "two", "comma", "NUL",
         "escaped NUL", "no UTF-8", "deep", "long string", "too much"])
def test_stdin_that_is_no_configuration(node, text):
    refused_untouched(node, text, plugin.JSON)


IDENTITY = {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"}


@pytest.mark.parametrize("verb, missing, named", [
    ("ADD", IDENTITY, "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"),
    ("ADD", {"CNI_NETNS"}, "CNI_NETNS"),
    ("ADD", {"CNI_PATH", "CNI_IFNAME"}, "CNI_IFNAME,CNI_PATH"),
    ("CHECK", IDENTITY, "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"),
    ("DEL", IDENTITY, "CNI_CONTAINERID,CNI_IFNAME"),
    ("DEL", {"CNI_IFNAME"}, "CNI_IFNAME")])
def test_missing_variables_are_named_together(node, verb, missing, named):
    refused_untouched(node, network(), plugin.ENVIRONMENT,
                      f"required env variables [{named}] missing", verb=verb,
                      env=dict.fromkeys(missing))


BAD_IDENTITY = [
    {"CNI_CONTAINERID": "a/b"}, {"CNI_CONTAINERID": "-a"}, {"CNI_CONTAINERID": "a\nb"},
    {"CNI_CONTAINERID": "a" * 1000},
    {"CNI_IFNAME": "sixteen-letters-"}, {"CNI_IFNAME": "."}, {"CNI_IFNAME": ".."},
    {"CNI_IFNAME": "a/b"}, {"CNI_IFNAME": "a:b"}, {"CNI_IFNAME": "a b"}]
BAD_ARGS = [
    {"CNI_ARGS": "novalue"}, {"CNI_ARGS": "UNKNOWN=1"}, {"CNI_ARGS": "IP=10.1.2"},
    {"CNI_ARGS": "MAC=no"}, {"CNI_ARGS": "IgnoreUnknown=1;IP=10.1.2.300"}]


def setting(env):
    return "=".join(next(iter(env.items())))[:32]


@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK"])
@pytest.mark.parametrize("env", BAD_IDENTITY, ids=setting)
def test_an_identity_of_wrong_syntax(node, verb, env):
    (name, value), = env.items()
    refused_untouched(node, network(), plugin.ENVIRONMENT, name, value.split("\n")[0][:15],
                      verb=verb, env=env)


@pytest.mark.parametrize("env", BAD_ARGS, ids=setting)
def test_CNI_ARGS_of_wrong_syntax(node, env):
    value = env["CNI_ARGS"].split(";")[-1].split("=")[-1]
    refused_untouched(node, network(), plugin.ENVIRONMENT, "CNI_ARGS", value, env=env)


@pytest.mark.parametrize("env", BAD_ARGS, ids=setting)
def test_CNI_ARGS_do_not_stop_a_DEL(node, env):
    """DEL validates only what it uses."""
    pod = node.pod()
    node.add(pod, network())
    node.delete(pod, network(), env=env)
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("command", ["add", "REMOVE", "ADD "])
def test_a_command_that_does_not_exist_is_named(node, command):
    refused_untouched(node, network(), plugin.ENVIRONMENT, "CNI_COMMAND", command, verb=command)


def test_a_namespace_that_is_not_there_is_named(node):
    refused_untouched(node, network(), plugin.UNKNOWN_CONTAINER, "/run/netns/nobody",
                      env={"CNI_NETNS": "/run/netns/nobody"})


def ended_process(waited_for):
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | (0 if waited_for else os.WNOWAIT))
    return child


ENDED, NEVER = "the container's network namespace has ended", "this path never was"
NOT_THERE = {
    "a name": ("/run/netns/nobody", plugin.UNKNOWN_CONTAINER,
               [f"{ENDED}, or its name is wrong", "has no nobody"]),
    "a directory": ("/run/nets/pod0", plugin.UNKNOWN_CONTAINER,
                    [NEVER, "/run/nets is not there"]),
    "a directory above": ("/runn/netns/pod0", plugin.UNKNOWN_CONTAINER,
                          [NEVER, "/runn is not there"]),
    "no directory": ("/run/netns/file/pod0", plugin.UNKNOWN_CONTAINER,
                     [NEVER, "/run/netns/file is no directory"]),
    "a relative name": ("nobody", plugin.UNKNOWN_CONTAINER, [ENDED, "has no nobody"]),
    "a link": ("/run/netns/link", plugin.UNKNOWN_CONTAINER, [ENDED, "this link leads to"]),
    "a process": ("/proc/{dead}/ns/net", plugin.UNKNOWN_CONTAINER,
                  [f"{ENDED} with process {{dead}}"]),
    "a thread of one": ("/proc/{dead}/task/{dead}/ns/net", plugin.UNKNOWN_CONTAINER,
                        [f"{ENDED} with process {{dead}}"]),
    "a zombie": ("/proc/{zombie}/ns/net", plugin.UNKNOWN_CONTAINER,
                 [f"{ENDED} with process {{zombie}}"]),
    "a word below a process": ("/proc/{alive}/ns/nett", plugin.UNKNOWN_CONTAINER,
                               ["or its name is wrong", "has no nett"]),
    "a file": ("/run/netns/file", plugin.ENVIRONMENT,
               ["an empty file", "has ended, or its mount has not reached"]),
    "a file with text": ("/run/netns/text", plugin.ENVIRONMENT, ["something else in it"]),
    "a directory itself": ("/run/netns", plugin.ENVIRONMENT, ["a directory"]),
    "another kind": ("/proc/{alive}/ns/mnt", plugin.ENVIRONMENT,
                     ["a namespace of another kind"])}


@pytest.mark.parametrize("path, code, words", NOT_THERE.values(), ids=NOT_THERE.keys())
def test_a_path_that_never_was_is_told_from_a_namespace_that_has_ended(node, path, code,
                                                                       words):
    conf, pod = network(), node.pod()
    result = node.add(pod, conf)
    netns = node.run_dir / "netns"
    (netns / "file").touch()
    (netns / "text").write_text("x")
    (netns / "link").symlink_to("nowhere")
    dead, zombie = ended_process(True), ended_process(False)
    pids = {"dead": dead.pid, "zombie": zombie.pid, "alive": os.getpid()}
    env = {"CNI_NETNS": path.format(**pids)}
    for verb, asked in (("ADD", {**conf, "name": "other"}),
                        ("CHECK", {**conf, "prevResult": result})):
        with plugin.refusal(code, env["CNI_NETNS"], *(word.format(**pids) for word in words)):
            plugin.judge(verb, node.invoke(verb, asked, pod, env=env), None)
    node.delete(pod, conf, env=env)
    assert node.host_veths() == [] and node.reservations() == {}
    zombie.wait()


def test_a_file_that_is_no_namespace_is_named(node):
    path = node.run_dir / "netns/file"
    path.write_text("")
    before = node.state()
    pod = node.pod()
    with pytest.raises(plugin.CniError) as error:
        node.add(pod, network(), env={"CNI_NETNS": "/run/netns/file"})
    error.value.says("/run/netns/file")
    node.pods.remove(pod)
    pod.close()
    snapshot.assert_same(before, node.state())


WRITES = re.compile(r"O_(WRONLY|RDWR|CREAT)")


@pytest.mark.must_run
@pytest.mark.parametrize("conf, env", [
    (b"{", {}), (network(mtu="big"), {}), (network(cniVersion="9.9.9"), {}),
    (network(), {"CNI_IFNAME": None}), (network(), {"CNI_ARGS": "WHAT=1"}),
    (network(name="a/b"), {})], ids=["JSON", "key", "version", "env", "args", "name"])
@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK"])
def test_bad_input_makes_no_socket_and_writes_no_file(node, verb, conf, env):
    if verb == "DEL" and conf == network(mtu="big"):  # which DEL doesn't use
        conf = network(bridge=7)
    if verb == "DEL" and "CNI_ARGS" in env:
        env = {"CNI_IFNAME": ".."}
    trace = node.directory / "trace"
    calls = ("execve,socket,setns,?open,openat,?openat2,?mkdir,mkdirat,?unlink,unlinkat,?link,"
             "linkat,?rename,renameat,renameat2,?symlink,symlinkat")
    done = node.invoke(verb, conf, node.pod(), env={**plugin.TRACED, **env},
                       wrapper=plugin.strace(trace, calls))
    with pytest.raises(plugin.CniError):
        plugin.judge(verb, done, None)
    lines = trace.read_text().splitlines()
    assert lines, "strace saw nothing"
    assert not [line for line in lines
                if WRITES.search(line) or not re.match(r"\d+\s+(open|execve)", line)]
