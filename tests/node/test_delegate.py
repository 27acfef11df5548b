# SPDX-License-Identifier: GPL-2.0-or-later
"""A delegated IPAM: found, called and believed as the specification says."""
import json
import os
import re
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin
from harness.delegates import (ADDRESS, DEBIAN, DEBIAN_NEWEST, GATEWAY, RESULT, Delegate,
                               debian)
from harness.node import NETWORK, addresses_of, named, network
from harness.reboot import crash
from harness.waiting import wait_for

STATIC = {"type": "static", "addresses": [{"address": f"{ADDRESS}/16"},
                                          {"address": "fd77::5/64"}],
          "routes": [{"dst": "198.18.0.0/15"}],
          "dns": {"nameservers": ["10.96.0.10"], "search": ["cluster.local"]}}
needs_debian = pytest.mark.skipif(not DEBIAN.is_dir(), reason=f"there is no {DEBIAN}")


# -- Debian's


@needs_debian
@pytest.mark.must_run
def test_static(node):
    conf, env = debian(node, STATIC)
    pod = node.pod()
    result = node.add(pod, conf, env=env)
    assert addresses_of(result) == [ADDRESS, "fd77::5"]
    assert [ip["gateway"] for ip in result["ips"]] == [GATEWAY, "fd77::1"]
    assert [ip["interface"] for ip in result["ips"]] == [2, 2]
    assert result["dns"] == STATIC["dns"]
    assert pod.addresses("eth0") == sorted([f"{ADDRESS}/16", "fd77::5/64"])
    assert {"dst": "198.18.0.0/15", "gw": GATEWAY} in result["routes"]
    assert pod.ping(GATEWAY) and pod.ping("fd77::1")
    node.check(pod, conf, result, env=env)
    node.delete(pod, conf, result, env=env)
    node.delete(pod, conf, env=env)
    node.assert_nothing_left(pod)


@needs_debian
@pytest.mark.must_run
@pytest.mark.parametrize("version", [v for v in plugin.VERSIONS if v <= DEBIAN_NEWEST])
def test_static_in_every_version(node, version):
    conf, env = debian(node, STATIC, cniVersion=version)
    pod = node.pod()
    result = node.add(pod, conf, env=env)
    assert ADDRESS in json.dumps(result) and "fd77::5" in json.dumps(result)
    assert pod.addresses("eth0") == sorted([f"{ADDRESS}/16", "fd77::5/64"])
    if version >= "0.4.0":
        node.check(pod, conf, result, env=env)
    node.delete(pod, conf, env=env)
    node.assert_nothing_left(pod)


@needs_debian
@pytest.mark.must_run
def test_host_local_as_a_delegate(node):
    """Under a name of its own, so that it isn't the one in the process."""
    conf, env = debian(node, {"type": "host-local", "subnet": "10.1.2.0/24"}, name="hl")
    pods = [node.pod() for _ in range(3)]
    for n, pod in enumerate(pods):
        result = node.add(pod, conf, env=env)
        assert addresses_of(result) == [f"10.1.2.{n + 2}"]
        assert pod.ping("10.1.2.1")
        node.check(pod, conf, result, env=env)
    assert [owner for owner, _ in node.reservations().values()] == [p.id for p in pods]
    for pod in pods:
        node.delete(pod, conf, env=env)
    assert node.reservations() == {} and node.host_veths() == []


@needs_debian
@pytest.mark.must_run
def test_CHECK_asks_the_delegate(node):
    conf, env = debian(node, {"type": "host-local", "subnet": "10.1.2.0/24"}, name="hl")
    pod = node.pod()
    result = node.add(pod, conf, env=env)
    (node.store / NETWORK / "10.1.2.2").unlink()
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result, env=env)
    error.value.says("hl", "CHECK")


# -- how it is called


def test_the_environment_is_the_CNI_one_and_stdin_is_whole(node):
    fake, pod = Delegate(node), node.pod()
    text = json.dumps(fake.conf(somebodys={"key": ["é", 1.50]}), ensure_ascii=False)
    args = "IgnoreUnknown=1;K8S_POD_NAME=é"
    text = text.replace(": ", ":\t ")
    env = {**fake.env, "SOMETHING": "else", "LD_LIBRARY_PATH": "/nowhere",
           "CNI_NETNS_OVERRIDE": "0", "CNI_COMMANDER": "x"}
    done = node.invoke("ADD", text, pod, env=env, args=args)
    assert done.returncode == 0, done.stdout
    call, = fake.calls()
    got = {k: v for k, v in call["env"].items() if k != "LC_CTYPE"}  # Python's own
    assert got == {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": pod.id, "CNI_ARGS": args,
                   "CNI_NETNS": pod.netns, "CNI_IFNAME": "eth0",
                   "CNI_PATH": fake.env["CNI_PATH"], "CNI_NETNS_OVERRIDE": "0",
                   "CNI_COMMANDER": "x"}
    assert call["stdin"] == text
    assert call["argv"] == [str(fake.path)]


def test_a_configuration_of_a_megabyte_arrives_whole(node):
    fake, pod = Delegate(node), node.pod()
    conf = fake.conf(padding=["x" * 4000] * 250)
    fake.add(pod, conf)
    assert json.loads(fake.calls()[0]["stdin"]) == conf


def test_it_gets_three_descriptors(node):
    """Also where the runtime left one of its own open."""
    fake, pod = Delegate(node), node.pod()
    done = node.invoke("ADD", fake.conf(), pod, env=fake.env,
                       wrapper=["sh", "-c", 'exec 7</dev/zero; exec "$@"', "sh"])
    assert done.returncode == 0, done.stdout
    fds = fake.calls()[0]["fds"]
    assert sorted(fds) == ["0", "1", "2"], fds


def test_its_signals_are_as_a_program_expects_them(node):
    """The plugin ignores SIGPIPE for itself."""
    fake, pod = Delegate(node), node.pod()
    fake.add(pod)
    call, = fake.calls()
    ignored = int(re.search(r"SigIgn:\s*(\w+)", call["status"])[1], 16)
    blocked = int(re.search(r"SigBlk:\s*(\w+)", call["status"])[1], 16)
    # 25 (SIGXFSZ) and 13 (SIGPIPE) Python's own interpreter ignores when it starts, and
    # whoever started the tests may ignore others.
    with open("/proc/self/status") as status:
        own = int(re.search(r"SigIgn:\s*(\w+)", status.read())[1], 16)
    assert ignored & ~(1 << 12 | 1 << 24 | own) == 0 and blocked == 0
    assert call["pgid"] == call["pid"]


def test_SIGPIPE_ends_a_shell_script_again(node):
    path = node.directory / "delegates"
    fake, pod = Delegate(node), node.pod()
    (path / "fake").write_text("#!/bin/sh\ngrep SigIgn /proc/self/status >&2\n"
                               f"[ $CNI_COMMAND != ADD ] || echo '{json.dumps(RESULT)}'\n")
    done = node.invoke("ADD", fake.conf(), pod, env=fake.env)
    assert done.returncode == 0, done.stdout
    assert int(done.stderr.split()[1], 16) & (1 << 12) == 0, done.stderr


def test_its_stderr_is_passed_through(node):
    fake, pod = Delegate(node, 'print("a word", file=sys.stderr); answer()'), node.pod()
    done = node.invoke("ADD", fake.conf(), pod, env=fake.env)
    assert done.returncode == 0 and done.stderr == "a word\n"
    assert plugin.one_document(done.stdout)["ips"]


def test_a_runtime_that_ignores_SIGCHLD_gets_the_result_too(node):
    fake, pod = Delegate(node), node.pod()
    done = node.invoke("ADD", fake.conf(), pod, env=fake.env,
                       wrapper=["sh", "-c", 'trap "" CHLD; exec "$@"', "sh"])
    assert done.returncode == 0, done.stdout


# -- where it is found


def test_the_first_in_CNI_PATH_is_taken(node):
    first, second = (Delegate(node, directory=name) for name in ("one", "two"))
    (node.directory / "zero" / "fake").mkdir(parents=True)  # a directory is none
    pod, path = node.pod(), lambda *names: ":".join(str(node.directory / n) for n in names)
    node.add(pod, first.conf(),
             env={"CNI_PATH": "/nowhere::" + path("zero", "two", "one") + ":"})
    assert second.verbs() == ["ADD"] and first.verbs() == []


def test_one_that_is_missing_is_named_with_the_path(node):
    pod, conf = node.pod(), network(ipam={"type": "whereabouts", "ranges": None})
    for call in (lambda: node.add(pod, conf, env={"CNI_PATH": "/nowhere:/opt/cni/none"}),
                 lambda: node.delete(pod, conf, env={"CNI_PATH": "/nowhere:/opt/cni/none"})):
        with plugin.refusal(plugin.CONFIG, "ipam.type", "whereabouts", "/nowhere:/opt/cni/none"):
            call()
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("name", ["../fake", "/bin/sh", "a/b", "/"])
@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK"])
def test_a_name_with_a_slash_is_refused(node, name, verb):
    fake, pod = Delegate(node), node.pod()
    conf = network(ipam={"type": name, "ranges": None}, prevResult=RESULT)
    done = node.invoke(verb, conf, pod, env={"CNI_PATH": str(fake.directory / "x")})
    with plugin.refusal(plugin.CONFIG, "ipam.type", name):
        plugin.judge(verb, done, "1.1.0")
    assert fake.verbs() == []


@pytest.mark.parametrize("name", [".", "..", "fake ", "Fake", "host-local2"])
def test_a_name_is_nothing_but_that_name(node, name):
    fake, pod = Delegate(node), node.pod()
    with plugin.refusal(plugin.CONFIG):
        fake.add(pod, fake.conf(ipam={"type": name}))
    assert fake.verbs() == []


def test_one_that_cannot_be_executed_is_named(node):
    fake, pod = Delegate(node), node.pod()
    for text, mode in (("no program", 0o755), ("#!/nowhere/at/all\n", 0o755),
                       ("#!/bin/sh\n", stat.S_IRUSR)):
        fake.path.write_text(text)
        fake.path.chmod(mode)
        with plugin.refusal(plugin.DELEGATE, fake.path):
            fake.add(pod)
    node.assert_nothing_left(pod)


def test_the_plugin_itself_is_no_IPAM(node):
    """The plugin would ask itself without end."""
    fake, pod = Delegate(node), node.pod()
    fake.path.unlink()
    os.symlink(os.path.realpath(plugin.BRIDGE_CNI), fake.path)
    for call in (fake.add, fake.delete):
        with plugin.refusal(plugin.CONFIG, "itself"):
            call(pod)
    node.assert_nothing_left(pod)


# -- when it is called


def test_each_verb_is_forwarded_once(node):
    fake, pod = Delegate(node), node.pod()
    result = fake.add(pod)
    fake.check(pod, result)
    fake.delete(pod, prev=result)
    assert fake.verbs() == ["ADD", "CHECK", "DEL"]
    assert json.loads(fake.calls()[1]["stdin"])["prevResult"] == result
    fake.delete(pod)
    assert fake.verbs()[3:] == ["DEL"]


def test_the_interface_is_there_when_it_is_asked(node):
    fake = Delegate(node, '''
        ns = os.environ["CNI_NETNS"]
        links = subprocess.run(["nsenter", "--net=" + ns, "ip", "-o", "link"],
                               capture_output=True, text=True).stdout
        print(os.environ["CNI_IFNAME"] in links, file=sys.stderr)
        if verb == "ADD": answer()''')
    pod = node.pod()
    assert node.invoke("ADD", fake.conf(), pod, env=fake.env).stderr == "True\n"
    assert node.invoke("DEL", fake.conf(), pod, env=fake.env).stderr == "True\n"
    node.assert_nothing_left(pod)


def test_a_second_ADD_is_refused_before_it_is_asked(node):
    fake, pod = Delegate(node), node.pod()
    fake.add(pod)
    with plugin.refusal(plugin.EXISTS):
        fake.add(pod)
    assert fake.verbs() == ["ADD"] and pod.ping(GATEWAY)


def test_an_ID_that_comes_back_is_deleted_first(node):
    """The first pod of the ID went without a DEL, so the delegate still holds an address for it."""
    fake, pod = Delegate(node), node.pod()
    fake.add(pod)
    identity = pod.id
    crash(pod)
    again = node.pod("again")
    again.id = identity
    done = node.invoke("ADD", fake.conf(), again, env=fake.env)
    assert done.returncode == 0, done.stdout
    assert fake.verbs() == ["ADD", "DEL", "ADD"]
    env = fake.calls()[1]["env"]
    assert env["CNI_CONTAINERID"] == identity and env["CNI_IFNAME"] == "eth0"
    assert "CNI_NETNS" not in env
    assert fake.calls()[1]["stdin"] == json.dumps(fake.conf())
    assert again.ping(GATEWAY)


def test_an_ADD_that_fails_behind_it_gives_the_address_back(node):
    """A gateway that the bridge can't have: it has another network's."""
    other = node.pod()
    node.add(other, network())
    fake, pod = Delegate(node), node.pod()
    with plugin.refusal(plugin.EXISTS):
        fake.add(pod)
    assert fake.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod, others=1)
    assert other.ping("10.1.2.1")


def test_DEL_without_namespace_asks_it_all_the_same(node):
    fake, pod = Delegate(node), node.pod()
    fake.add(pod)
    pod.remove()
    fake.delete(pod)
    assert fake.verbs() == ["ADD", "DEL"]
    assert node.host_veths() == []


def test_a_DEL_that_it_refuses_removes_the_rest(node):
    """The record stays, so that GC asks the delegate once more, too."""
    fake = Delegate(node, '''
        if verb == "ADD": answer()
        elif verb == "DEL" and os.path.exists(sys.argv[0] + ".refuse"):
            print(json.dumps({"code": 11, "msg": "not now"})); sys.exit(1)''')
    pod, refuse = node.pod(), fake.directory / "fake.refuse"
    refuse.touch()
    fake.add(pod)
    with plugin.refusal(plugin.TRY_AGAIN, "fake", "DEL", "not now"):
        fake.delete(pod)
    assert node.host_veths() == [] and pod.links().keys() == {"lo"}
    assert ADDRESS not in node.run("nft", "list", "ruleset").stdout
    refuse.unlink()
    conf = fake.conf(**{"cni.dev/valid-attachments": []})
    plugin.judge("GC", node.invoke("GC", conf, env=fake.env), plugin.NEWEST)
    assert fake.verbs() == ["ADD", "DEL", "DEL", "GC"]
    node.assert_nothing_left(pod)


def test_STATUS_is_its_word(node):
    fake = Delegate(node, '''
        if os.path.exists(os.path.dirname(sys.argv[0]) + "/full"):
            print(json.dumps({"code": 50, "msg": "no address left"})); sys.exit(1)''')

    def status():
        plugin.judge("STATUS", node.invoke("STATUS", fake.conf(), env=fake.env), "1.1.0")

    status()
    (fake.directory / "full").touch()
    with plugin.refusal(plugin.UNAVAILABLE, "fake", "STATUS", "no address left"):
        status()
    assert fake.verbs() == ["STATUS", "STATUS"]


def test_GC_deletes_by_it_what_is_not_listed_and_is_forwarded(node):
    fake, pods = Delegate(node), [node.pod(), node.pod()]
    for n, pod in enumerate(pods):
        fake.add(pod, fake.conf(isGateway=False, isDefaultGateway=False))
    valid = [{"containerID": pods[0].id, "ifname": "eth0"}]
    conf = {**fake.conf(), "cni.dev/valid-attachments": valid}
    plugin.judge("GC", node.invoke("GC", conf, env=fake.env), "1.1.0")
    calls = fake.calls()[2:]
    assert [call["verb"] for call in calls] == ["DEL", "GC"]
    assert calls[0]["env"]["CNI_CONTAINERID"] == pods[1].id
    assert "CNI_CONTAINERID" not in calls[1]["env"]
    assert json.loads(calls[1]["stdin"]) == conf
    assert len(node.host_veths()) == 1 and "eth0" in pods[0].links()


# -- no lock is held


def gate(node):
    """A delegate whose ADD waits until the test lets it go on."""
    return Delegate(node, '''
        if verb == "ADD":
            hold()
            answer()''')


def test_others_come_and_go_while_it_runs(node):
    """Also those that make shared things, for which the lock is exclusive."""
    slow, pod = gate(node), node.pod()
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(slow.add, pod)
        with slow.held():
            for conf in (network(name="first", bridge="cni1"),
                         network(name="second", bridge="cni2")):
                conf["ipam"]["ranges"] = [[{"subnet": "10.9.0.0/24"}]]
                other = node.pod()
                node.add(other, conf)
                assert other.ping("10.9.0.1")
                node.delete(other, conf)
                node.ip(f"link del {conf['bridge']}")
            assert not pending.done()
        pending.result()
    assert pod.ping(GATEWAY)


def test_a_DEL_while_it_runs_makes_the_ADD_fail_and_nothing_is_left(node):
    slow, pod = gate(node), node.pod()
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(slow.add, pod)
        with slow.held():
            slow.delete(pod)
        with plugin.refusal(plugin.TRY_AGAIN, "eth0", "fake"):
            pending.result()
    assert slow.verbs() == ["ADD", "DEL", "DEL"]
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("what", ["bridge", "namespace"])
def test_what_goes_while_it_runs_is_named(node, what):
    slow, pod = gate(node), node.pod()
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(slow.add, pod)
        with slow.held():
            if what == "bridge":
                node.ip("link del cni0")
            else:
                pod.ip("link del eth0")
        with pytest.raises(plugin.CniError) as error:
            pending.result()
    error.value.says("eth0")
    assert slow.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod)


def test_it_dies_with_the_plugin(node):
    """Or the DEL that follows would race with it."""
    slow, pod = gate(node), node.pod()
    process = node.popen([plugin.BRIDGE_CNI], stdin=-1, stdout=-1, env=plugin.environment(
        "ADD", CNI_CONTAINERID=pod.id, CNI_NETNS=pod.netns, CNI_IFNAME="eth0", **slow.env))
    process.stdin.write(json.dumps(slow.conf()).encode())
    process.stdin.close()
    wait_for((slow.directory / "waiting").exists)
    process.kill()
    process.wait()
    pid = slow.calls()[0]["pid"]

    def is_gone():
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().split()[2] == "Z"
        except FileNotFoundError:
            return True

    wait_for(is_gone)
    slow.delete(pod)
    node.assert_nothing_left(pod)


# -- neighbours


def test_an_address_that_changes_hands_is_reachable_at_once(node):
    """The pod's MAC isn't derived from the address, so the pod announces it."""
    fake = Delegate(node, '''
        if verb == "ADD": answer(ips=[{"address": "10.77.0.5/16"},
                                      {"address": "fd77::5/64"}])''')
    first, second, neighbour = node.pod(), node.pod(), node.pod()
    static, env = debian(node, {"type": "static",
                                "addresses": [{"address": "10.77.0.9/16"},
                                              {"address": "fd77::9/64"}]})
    node.add(neighbour, static, env=env)
    macs = set()
    for pod in (first, second):
        macs.add(named(fake.add(pod), sandbox=True)[0]["mac"])
        for address in (ADDRESS, "fd77::5"):
            assert node.ping(address, wait=0.9) and neighbour.ping(address, wait=0.9)
        fake.delete(pod)
        time.sleep(1.1)  # the kernel takes one ARP a second for true
    assert len(macs) == 2


# -- layer 2


@pytest.mark.parametrize("ipam", [None, {}, {"type": ""}])
def test_without_ipam_type_it_is_a_layer_2_network(node, ipam):
    conf = network(isDefaultGateway=None, ipMasq=None, ipam=None)
    if ipam is not None:
        conf["ipam"] = ipam
    pods = [node.pod(), node.pod()]
    for n, pod in enumerate(pods):
        result = node.add(pod, conf)
        assert not result.get("ips") and not result.get("routes")
        assert [i["name"] for i in named(result, sandbox=True)] == ["eth0"]
        assert "UP" in pod.links()["eth0"]["flags"] and pod.addresses("eth0") == []
        node.check(pod, conf, result)
        pod.ip(f"addr add 10.5.0.{n + 1}/24 dev eth0")
    assert pods[0].ping("10.5.0.2")
    assert node.reservations() == {}
    for pod in pods:
        node.delete(pod, conf)
        node.assert_nothing_left(pod, others=len(node.host_veths()))
    assert node.host_veths() == []


WITHOUT_PIDFD = ("-e", "inject=pidfd_open:error=ENOSYS")


def test_a_kernel_without_pidfd_open_serves(node, tmp_path):
    """Linux 5.2 has none."""
    trace = plugin.strace(tmp_path / "trace", "pidfd_open", *WITHOUT_PIDFD)
    delegate, pod = Delegate(node), node.pod()
    result = node.add(pod, delegate.conf(), wrapper=trace,
                      env={**delegate.env, **plugin.TRACED})
    assert addresses_of(result) == [ADDRESS]
    node.delete(pod, delegate.conf(), wrapper=trace, env={**delegate.env, **plugin.TRACED})
    assert "ENOSYS" in (tmp_path / "trace").read_text()
    node.assert_nothing_left(pod)


def test_without_pidfd_open_too_its_time_is_up_and_its_last_words_are_read(node, tmp_path):
    trace = plugin.strace(tmp_path / "trace", "pidfd_open", *WITHOUT_PIDFD)
    slow = Delegate(node, "time.sleep(60)")
    with pytest.raises(plugin.CniError) as error:
        node.add(node.pod(), slow.conf(ipamTimeoutSeconds=1), wrapper=trace,
                 env={**slow.env, **plugin.TRACED})
    error.value.says("did not end within 1 seconds")
    # This delegate closes its output and works on.
    closing = Delegate(node, """
        if verb == "ADD": answer()
        sys.stdout.flush(); os.close(1); time.sleep(0.2); os._exit(7)""", name="closing")
    with pytest.raises(plugin.CniError) as error:
        node.add(node.pod(), closing.conf(), wrapper=trace,
                 env={**closing.env, **plugin.TRACED})
    error.value.says("exit status 7")
