# SPDX-License-Identifier: GPL-2.0-or-later
"""IPAM plugins that misbehave: what they did is told, and nothing is left."""
import time

import pytest

from harness import plugin
from harness.delegates import ADDRESS, GATEWAY, Delegate
from harness.service import netfilter_on_the_bridge
from harness.waiting import SLOWNESS, wait_for


def fails(fake, pod, **kw):
    with pytest.raises(plugin.CniError) as error:
        fake.add(pod, **kw)
    error.value.says("fake", "ADD")
    fake.node.assert_nothing_left(pod)
    return error.value


def test_its_error_is_handed_on_and_its_DEL_run(node):
    fake = Delegate(node, '''
        if verb == "ADD":
            print(json.dumps({"cniVersion": "1.0.0", "code": 137, "msg": "é is full",
                              "details": "10.77.0.0/16"}))
            sys.exit(3)''')
    error = fails(fake, node.pod())
    assert error.code == 137
    assert error.msg.endswith("é is full") and error.details == "10.77.0.0/16"
    assert fake.verbs() == ["ADD", "DEL"]


def test_a_DEL_that_fails_as_well_is_told_beside(node):
    fake = Delegate(node, '''
        print(json.dumps({"code": 11, "msg": verb + " not now"})); sys.exit(1)''')
    error = fails(fake, node.pod())
    assert error.code == plugin.TRY_AGAIN
    assert "ADD not now" in error.msg and "DEL not now" in error.details


@pytest.mark.parametrize("keys, refused", [
    ({"spoofCheck": True}, True), ({"podLink": "routed"}, True), ({}, False),
    ({"spoofCheck": True, "isDefaultGateway": None}, False)])
def test_the_gateways_own_address_is_none_for_a_guarded_pod(node, keys, refused):
    """It would be the gateway to all others, and nothing would drop what it sends."""
    netfilter_on_the_bridge(node, False)
    fake = Delegate(node, '''
        if verb == "ADD": answer(ips=[{"address": "10.77.0.1/16"}])''')
    pod = node.pod()
    conf = fake.conf(**keys)
    if not refused:
        fake.add(pod, conf)
        return
    with plugin.refusal(plugin.DELEGATE, "fake", GATEWAY, next(iter(keys)), "cni0"):
        fake.add(pod, conf)
    assert fake.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod)


# what it does for ADD -> what the error says
MISBEHAVIOUR = {
    "says nothing and fails": ("sys.exit(1)", ["exit status 1", "nothing"]),
    "fails with garbage": ("print('Oops: line 1'); sys.exit(2)",
                           ["exit status 2", "Oops: line 1"]),
    "fails with a result": ("answer(); sys.exit(1)", ["exit status 1", "code", ADDRESS]),
    "an error without a code": ("print('{\"msg\": \"no\"}'); sys.exit(1)",
                                ["exit status 1", "code"]),
    "an error of code 0": ("print('{\"code\": 0, \"msg\": \"no\"}'); sys.exit(1)",
                           ["exit status 1", "code"]),
    "an error without a word": ("print('{\"code\": 5, \"msg\": \"\"}'); sys.exit(1)",
                                ["exit status 1", "msg"]),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", ["signal 9", "nothing"]),
    "crashed with half a result": (
        "print('{\"ips\"', flush=True); os.kill(os.getpid(), signal.SIGSEGV)",
        ["signal 11", '{"ips"']),
    "nothing": ("pass", ["result", "nothing"]),
    "garbage": ("print('eth0 has \\x01\\x7f 10.77.0.5')", ["result", "eth0 has"]),
    "bytes": ("os.write(1, b'\\x00\\xff\\xfe' * 100)", ["result", "standard output"]),
    "two documents": ("answer(); answer()", ["result", ADDRESS]),
    "a list": ("print('[]')", ["result", "[]"]),
    "half a document": ("print('{\"ips\": [{\"address\":')", ["result"]),
    "an error, but exit 0": ("print('{\"code\": 7, \"msg\": \"no range\"}')",
                             ["no address", "no range"]),
    "no ips": ("answer(ips=[])", ["no address"]),
    "null ips": ("answer(ips=None)", ["no address"]),
    "ips of another kind": ("answer(ips={})", ["ips"]),
    "no address": ("answer(ips=[{}])", ["ips[0].address"]),
    "an address without prefix": ("answer(ips=[{'address': '10.77.0.5'}])",
                                  ["ips[0].address", "10.77.0.5"]),
    "an address that is none": ("answer(ips=[{'address': '10.77.0.256/16'}])",
                                ["ips[0].address", "10.77.0.256/16"]),
    "a prefix beyond": ("answer(ips=[{'address': '10.77.0.5/33'}])", ["ips[0].address"]),
    "a mapped address": ("answer(ips=[{'address': '::ffff:10.77.0.5/112'}])",
                         ["ips[0].address"]),
    "a gateway that is none": (
        "answer(ips=[{'address': '10.77.0.5/16', 'gateway': 'gw'}])", ["ips[0].gateway"]),
    "a gateway of the other family": (
        "answer(ips=[{'address': '10.77.0.5/16', 'gateway': 'fd00::1'}])",
        ["gateway", "fd00::1", "10.77.0.5/16"]),
    "a route of two families": (
        "answer(routes=[{'dst': '198.18.0.0/15', 'gw': 'fd00::1'}])",
        ["gw", "fd00::1", "198.18.0.0/15"]),
    "a route to nowhere": ("answer(routes=[{'dst': 'default'}])", ["routes[0].dst"]),
    "an interface that isn't there": (
        "answer(ips=[{'address': '10.77.0.5/16', 'interface': 3}])",
        ["ips[0].interface"]),
    "too much": ("print(' ' * 3_000_000)", ["1048576 bytes"]),
    "without end": ("\n    while True: os.write(1, b'x' * 65536)", ["1048576 bytes"]),
}


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_what_is_neither_result_nor_error(node, what):
    body, words = MISBEHAVIOUR[what]
    fake, pod = Delegate(node, f'if verb == "ADD": {body}'), node.pod()
    error = fails(fake, pod)
    assert error.code == plugin.DELEGATE
    error.says(*words)
    assert fake.verbs() == ["ADD", "DEL"]


# An address that only the kernel refuses.
@pytest.mark.parametrize("address", ["::/64", "ff02::5/64"])
def test_an_address_that_no_interface_can_have(node, address):
    fake = Delegate(node, f'if verb == "ADD": answer(ips=[{{"address": "{address}"}}])')
    pod = node.pod()
    with pytest.raises(plugin.CniError) as error:
        fake.add(pod, fake.conf(isDefaultGateway=False))
    error.value.says(address)
    assert fake.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("verb", ["DEL", "CHECK"])
def test_other_verbs_need_no_answer(node, verb):
    fake, pod = Delegate(node, 'answer() if verb == "ADD" else print("what?")'), node.pod()
    result = fake.add(pod)
    if verb == "CHECK":
        fake.check(pod, result)
    else:
        fake.delete(pod)


@pytest.mark.parametrize("verb", ["DEL", "CHECK"])
def test_other_verbs_hand_errors_on(node, verb):
    fake = Delegate(node, '''
        if verb == "ADD": answer()
        else: print(json.dumps({"code": 104, "msg": "it is not so"})); sys.exit(1)''')
    pod = node.pod()
    result = fake.add(pod)
    with plugin.refusal(plugin.CHECK, "fake", verb, "it is not so"):
        fake.check(pod, result) if verb == "CHECK" else fake.delete(pod)


# -- time


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


# The fake has to start and to say something within this time, also on a busy machine.
BOUND = 5 * SLOWNESS


def test_one_that_hangs_is_killed_with_its_children(node):
    fake = Delegate(node, '''
        if verb == "ADD":
            child = subprocess.Popen(["sleep", "1000"])
            with open(os.path.dirname(sys.argv[0]) + "/child", "w") as file:
                file.write(str(child.pid))
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print('{"half', flush=True)
            time.sleep(1000)''')
    started = time.monotonic()
    pod = node.pod()
    with pytest.raises(plugin.CniError) as error:
        fake.add(pod, fake.conf(ipamTimeoutSeconds=BOUND))
    assert BOUND <= time.monotonic() - started
    assert error.value.code == plugin.DELEGATE
    error.value.says("fake", "ADD", f"{BOUND} seconds", "ipamTimeoutSeconds", '{"half')
    assert fake.verbs() == ["ADD", "DEL"]
    for pid in (fake.calls()[0]["pid"], int((fake.directory / "child").read_text())):
        wait_for(lambda: not alive(pid))
    node.assert_nothing_left(pod)


def test_a_DEL_that_hangs_is_bounded_and_the_rest_is_removed(node):
    """The record stays, so that the next DEL, or GC, asks the delegate once more."""
    fake, pod = Delegate(node, '''
        if verb == "ADD": answer()
        elif os.path.exists(sys.argv[0] + ".hang"): time.sleep(1000)'''), node.pod()
    conf, hang = fake.conf(ipamTimeoutSeconds=BOUND), fake.directory / "fake.hang"
    hang.touch()
    fake.add(pod, conf)
    with pytest.raises(plugin.CniError) as error:
        fake.delete(pod, conf)
    error.value.says("fake", "DEL", f"{BOUND} seconds")
    assert node.host_veths() == [] and pod.links().keys() == {"lo"}
    hang.unlink()
    fake.delete(pod, conf)
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("value", [-1, 3601, 1.5, "60", True])
def test_the_time_is_validated(node, value):
    fake = Delegate(node)
    for call in (fake.add, fake.delete):
        with plugin.refusal(plugin.CONFIG, "ipamTimeoutSeconds"):
            call(node.pod(), fake.conf(ipamTimeoutSeconds=value))


# -- right, but unusual

UNUSUAL = {
    "writes before it reads": '''
        if verb == "ADD":
            print(" " * 500_000); answer(); sys.stdout.flush()
            sys.stdin.read()''',
    "never reads": 'if verb == "ADD": answer()',
    "closes its input": 'os.close(0); answer() if verb == "ADD" else None',
    "closes its output and goes on": '''
        if verb == "ADD":
            answer(); sys.stdout.flush(); os.close(1); os.open("/dev/null", os.O_WRONLY)
            time.sleep(0.3)''',
    "leaves a grandchild that holds its output": '''
        if verb == "ADD":
            answer(); sys.stdout.flush()
            child = subprocess.Popen(["sleep", "30"], stderr=subprocess.DEVNULL)
            open(here + "/grandchild", "w").write(str(child.pid))''',
    "leaves a grandchild that goes on printing": '''
        if verb == "ADD":
            answer(); sys.stdout.flush()
            subprocess.Popen(["sh", "-c", "sleep 0.2; echo more"],
                             stderr=subprocess.DEVNULL)''',
    "prints byte by byte": '''
        if verb == "ADD":
            import io
            for byte in json.dumps({"ips": [{"address": "10.77.0.5/16"}]}).encode():
                os.write(1, bytes([byte])); time.sleep(0.001)''',
    "a megabyte of white space": '''
        if verb == "ADD": answer(); print(" " * 1_000_000)''',
    "interfaces nobody asked for": '''
        if verb == "ADD": answer(interfaces=[{"name": "eth7", "sandbox": "x"}],
            ips=[{"address": "10.77.0.5/16", "interface": 0}])''',
    "an old result": '''
        if verb == "ADD": print('{"cniVersion": "0.2.0", "ip4": {"ip": "10.77.0.5/16"}}')''',
    "a result of the future": '''
        if verb == "ADD": answer(cniVersion="9.9.9", new={"key": []})''',
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_what_is_unusual_works(node, what):
    fake, pod = Delegate(node, UNUSUAL[what], read=False), node.pod()
    conf = fake.conf(padding=["x" * 4000] * 100)
    result = fake.add(pod, conf)
    grandchild = fake.directory / "grandchild"
    assert not grandchild.exists() or alive(int(grandchild.read_text())), "it was waited for"
    assert [ip["address"] for ip in result["ips"]] == [f"{ADDRESS}/16"]
    assert [i["name"] for i in result["interfaces"]][2:] == ["eth0"]
    assert result["ips"][0]["interface"] == 2
    assert pod.ping(GATEWAY)
    fake.check(pod, result, conf)
    fake.delete(pod, conf)
    node.assert_nothing_left(pod)
    assert fake.verbs() == ["ADD", "CHECK", "DEL"]
