# SPDX-License-Identifier: GPL-2.0-or-later
"""What is generated for editors and shells: the JSON schema, and the completions."""
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import termios

import pytest

from harness import plugin
from harness.waiting import SLOWNESS

TREE = pathlib.Path(plugin.REPOSITORY)
SCHEMA = TREE / "deploy/bridge-cni.schema.json"
BASH = TREE / "deploy/completion/bridge-cni.bash"
ZSH = TREE / "deploy/completion/_bridge-cni"
HOST_LOCAL = {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24"}]]}


# -- the schema


@pytest.fixture(scope="module")
def schema():
    jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")
    text = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(text)
    return jsonschema.Draft7Validator(text)


def examples():
    """Each configuration of the documents: its place, and the object."""
    for name in ("README.md", "plugin/README.md", "deploy/README.md"):
        for text in re.findall(r"^```json\n(.*?)^```", (TREE / name).read_text(), re.M | re.S):
            yield name, json.loads(text)
    page = (TREE / "deploy/man/bridge-cni.conf.5").read_text()
    for text in re.findall(r"^\.Bd -literal.*\n(\{ ?\\\(dq(?:.*\n)*?)\.Ed", page, re.M):
        text = re.sub(r"\\\(dq", '"', text)
        try:
            yield "bridge-cni.conf.5", json.loads(text)
        except json.JSONDecodeError:  # a part of one, or one with an ellipsis
            pass


def whole(conf):
    """The example of a template: the agent gives it a name and the types."""
    if "plugins" not in conf:
        return conf
    return {"name": "pods", **conf,
            "plugins": [{"type": "bridge-cni", **entry} for entry in conf["plugins"]]}


@pytest.mark.parametrize("name, conf", examples(), ids=lambda value: str(value)[:20])
def test_the_examples_of_the_documents_are_right(schema, name, conf):
    schema.validate(whole(conf))


def test_the_documents_have_examples():
    names = [name for name, _ in examples()]
    assert all(names.count(name) for name in ("README.md", "plugin/README.md", "deploy/README.md"))


def listed(**keys):
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [
        {"type": "bridge-cni", "ipam": HOST_LOCAL, **keys}, {"type": "tuning", "sysctl": {}}]}


@pytest.mark.parametrize("keys", [
    {}, {"mtu": 0}, {"mtu": 1400}, {"podLink": ""}, {"podLink": "routed"}, {"vlanTrunk": [{"id": 5}]},
    {"capabilities": {"portMappings": True, "aliases": True}}, {"args": {"x": 1, "cni": {"y": 1}}},
    {"ipam": {"type": "dhcp", "daemonSocketPath": "/x"}}, {"ipam": {}}, {"ingressRate": 8},
    {"runtimeConfig": {"io.kubernetes.cri.pod-annotations": {}, "ips": ["10.1.2.7"]}},
    {"dns": {"nameservers": ["10.0.0.1"]}, "logFile": "/var/log/x", "log": "syslog"}])
def test_what_ADD_takes_is_right(schema, keys):
    schema.validate(listed(**keys))
    schema.validate({"cniVersion": "1.1.0", "name": "pods", "type": "bridge-cni", **keys})


@pytest.mark.parametrize("keys, word", [
    ({"isGatway": True}, "isGatway"), ({"mtu": 1}, "1"), ({"mtu": "1400"}, "1400"),
    ({"isGateway": "true"}, "true"), ({"podLink": "none"}, "none"), ({"vlan": 4095}, "4095"),
    ({"hostPortOverListener": "WARN"}, "WARN"),
    ({"ipam": {**HOST_LOCAL, "ranegs": []}}, "ranegs"), ({"disableCheck": True}, "disableCheck"),
    ({"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0"}]]}}, "10.1.2.0"),
    ({"ipam": {"type": "host-local", "ranges": [[{"rangeStart": "10.1.2.0"}]]}}, "subnet"),
    ({"capabilities": {"portMappings": "yes"}}, "yes"), ({"dns": {"serch": []}}, "serch"),
    ({"ipam": {**HOST_LOCAL, "routes": [{"dst": "0.0.0.0/0", "via": "x"}]}}, "via"),
    ({"runtimeConfig": {"portMappings": [{"hostPort": 80}]}}, "containerPort")])
def test_what_is_misspelled_or_out_of_range_is_not(schema, keys, word):
    errors = list(schema.iter_errors(listed(**keys)))
    assert len(errors) == 1 and word in errors[0].message


@pytest.mark.parametrize("conf, word", [
    ({**listed(), "cniVersion": "1.0"}, "1.0"), ({**listed(), "disableChek": True}, "disableChek"),
    ({**listed(), "ipam": {}}, "ipam"), ({**listed(), "plugins": []}, "[]"),
    ({**listed(), "plugins": [{}]}, "type"), ({"plugins": [{"type": "x"}]}, "name"), ({}, "type")])
def test_a_list_that_runtimes_refuse_is_not(schema, conf, word):
    errors = list(schema.iter_errors(conf))
    assert len(errors) == 1 and word in errors[0].message


# -- the completions


def completed(directory, *words):
    """What bash offers for the last word."""
    script = """
        source "$1"; shift
        COMP_WORDS=(bridge-cni "$@") COMP_CWORD=$#
        function=$(complete -p bridge-cni | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
        "$function" bridge-cni "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\\n' "${COMPREPLY[@]}" """
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", BASH, *words], cwd=directory,
                          text=True, capture_output=True, check=True)
    assert done.stderr == ""
    return sorted(done.stdout.split("\n")[:-1]) if done.stdout.strip() else []


@pytest.fixture
def files(tmp_path):
    for name in ("a.conflist", "b.conf", "c.json", "d.txt", "e f.conf"):
        (tmp_path / name).touch()
    (tmp_path / "net.d").mkdir()
    return tmp_path


CONFIGURATIONS = ["a.conflist", "b.conf", "c.json", "e f.conf", "net.d"]


@pytest.mark.parametrize("words, offered", [
    (["re"], ["repair"]), (["--"], ["--help", "--version"]), (["x"], []), (["x", ""], []),
    (["repair", ""], CONFIGURATIONS), (["repair", "--"], ["--help"]),
    (["validate", "e"], ["e f.conf"]), (["validate", "--"], ["--help", "--json"]),
    (["validate", "--json", "--"], ["--help"]), (["validate", "--json", ""], CONFIGURATIONS),
    (["validate", "a.conflist", "--"], []), (["validate", "a.conflist", "b"], ["b.conf"]),
    (["show", "a.conflist", "--"], ["--help", "--json"]),
    (["show", "--json", "x", "--"], ["--help"]),
    (["cleanup", "--"], ["--data-dir", "--force", "--help"]),
    (["cleanup", "--data-dir", ""], ["net.d"]),
    (["cleanup", "--data-dir", "/run", "--"], ["--force", "--help"]),
    (["cleanup", "--force", "--data-dir", "/run", "--"], ["--help"]), (["--help", ""], []),
    (["links", ""], ["bridge", "host-local", "ipvlan", "loopback", "macvlan", "ovs"]),
    (["links", "--bin-dir", ""], ["net.d"]),
    (["links", "--bin-dir", "/x", "l"], ["loopback"]), (["links", "--"], ["--bin-dir", "--help"])])
def test_bash_offers_what_may_come_next(files, words, offered):
    assert completed(files, *words) == offered


def test_each_command_of_the_help_is_offered(tmp_path):
    usage = subprocess.run([plugin.BRIDGE_CNI, "--help"], capture_output=True, text=True).stdout
    commands = set(re.findall(r"^  bridge-cni ([a-z-]+)", usage, re.M))
    assert {"repair", "validate", "--version"} < commands
    assert completed(tmp_path, "") == sorted(commands)


def test_each_option_that_is_offered_is_taken(tmp_path):
    """An option that the program does not know would be refused as an unknown argument."""
    (tmp_path / "x.conf").write_text("{}")
    for command in completed(tmp_path, "")[2:]:
        for option in completed(tmp_path, command, "--"):
            done = subprocess.run([plugin.BRIDGE_CNI, command, option, "x.conf"], cwd=tmp_path,
                                  text=True, capture_output=True)
            assert "unknown argument" not in done.stderr


ZSH_SETUP = """
PS1='' PS2='' LISTMAX=999
fpath=(%s $fpath)
autoload -Uz compinit && compinit -u -D
offers() { zle list-choices; zle -R; zle -I; print 'all'' offered'; BUFFER= }
zle -N offers
bindkey '^T' offers
print 'is'' ready'
"""


@pytest.fixture
def zsh(files):
    """A function that gives what an interactive zsh prints when it is asked what may come next."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    terminal, other_end = os.openpty()
    termios.tcsetwinsize(terminal, (50, 200))
    environment = {**os.environ, "TERM": "dumb", "HOME": str(files)}
    shell = subprocess.Popen(["zsh", "-f", "-i"], cwd=files, env=environment, stdin=other_end,
                             stdout=other_end, stderr=other_end, start_new_session=True)
    os.close(other_end)

    def ask(text, answer):
        os.write(terminal, text.encode())
        output = ""
        while answer not in output:
            assert select.select([terminal], [], [], 60 * SLOWNESS)[0], output
            output += os.read(terminal, 4096).decode()
        return output

    ask(ZSH_SETUP % ZSH.parent, "is ready")
    yield lambda line: ask(f"{line}\x14", "all offered")
    shell.kill()
    shell.wait()
    os.close(terminal)


@pytest.mark.parametrize("line, offered, others", [
    ("", ["repair", "cleanup", "show", "validate", "doctor", "links"], ["a.conflist"]),
    ("show --", ["--json", "--help"], ["--force"]),
    ("show ", ["a.conflist", "b.conf", "c.json", "net.d"], ["d.txt", "bridge"]),
    ("show cart-1 --", ["--json", "--help"], ["--force"]),
    ("cleanup --", ["--force", "--data-dir", "--help"], ["--json"]),
    ("cleanup --force --", ["--data-dir", "--help"], ["--json"]),
    ("cleanup --data-dir ", ["net.d"], ["a.conflist"]),
    ("links ", ["bridge", "host-local", "loopback"], ["a.conflist"])])
def test_zsh_offers_what_may_come_next(zsh, line, offered, others):
    output = zsh(f"bridge-cni {line}").split(line or "bridge-cni", 1)[1]
    words = set(re.findall(r"[\w.-]+", output))
    assert set(offered) <= words and not set(others) & words, output


def test_zsh_reads_its_script():
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    subprocess.run(["zsh", "-n", ZSH], check=True)
    text = ZSH.read_text()
    assert text.startswith("#compdef bridge-cni\n")
    for word in ("repair", "cleanup", "validate", "--force", "--data-dir", "--json", "--version"):
        assert word in text
