# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin driven by libcni, as every runtime does, with conflists from a directory."""
import json
import os
import pathlib

import pytest

from harness import plugin
from harness.node import GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, network

GOPATH = pathlib.Path("/usr/share/gocode")
# Debian's libcni is 1.1.2, which speaks up to 1.0.0.
VERSIONS = ["0.2.0", "0.3.1", "0.4.0", "1.0.0"]

pytestmark = pytest.mark.must_run


@pytest.mark.parametrize("version", VERSIONS)
def test_add_check_and_del(node, runtime, version):
    runtime.configure(network("dual", cniVersion=version))
    pods = [node.pod(), node.pod()]
    results = [runtime.good("add", pod.netns) for pod in pods]
    for address in (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, "10.1.2.3", "fd00:1:2::3"):
        assert pods[0].ping(address)
    assert [r["cniVersion"] for r in results] == [version] * 2
    if version >= "0.4.0":
        assert runtime.good("check", pods[0].netns) is None
    for pod in pods:
        assert runtime.good("del", pod.netns) is None
        assert runtime.good("del", pod.netns) is None
    assert node.host_veths() == [] and node.reservations() == {}


def test_check_hands_on_what_differs(node, runtime):
    runtime.configure(network(cniVersion="1.0.0"))
    pod = node.pod()
    runtime.good("add", pod.netns)
    pod.ip("addr del 10.1.2.2/24 dev eth0")
    done = runtime.call("check", pod.netns)
    assert done.returncode == 1 and "10.1.2.2/24" in done.stderr


def test_add_hands_on_the_message_and_its_details(node, runtime):
    runtime.configure(network(cniVersion="1.0.0", ipam={
        "routes": [{"dst": "198.18.0.0/15", "gw": "203.0.113.1"}]}))
    done = runtime.call("add", node.pod().netns)
    assert done.returncode == 1 and "203.0.113.1" in done.stderr
    assert node.host_veths() == [] and node.reservations() == {}


def test_del_after_the_namespace_is_gone(node, runtime):
    runtime.configure(network("dual", cniVersion="1.0.0"))
    pod = node.pod()
    runtime.good("add", pod.netns)
    pod.remove()
    runtime.good("del", pod.netns)
    assert node.host_veths() == [] and node.reservations() == {}


def test_arguments_as_kubernetes_gives_them(node, runtime):
    runtime.configure(network(cniVersion="1.0.0", capabilities={"portMappings": True}))
    pod = node.pod()
    args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_UID=7"
    ports = json.dumps({"portMappings": []})
    runtime.good("add", pod.netns, CNI_ARGS=args, CAP_ARGS=ports)
    runtime.good("check", pod.netns, CNI_ARGS=args, CAP_ARGS=ports)
    runtime.good("del", pod.netns, CNI_ARGS=args, CAP_ARGS=ports)


def test_rates_as_kubernetes_gives_them(node, runtime):
    """From a pod's annotations, by the capability; libcni remembers them for DEL."""
    runtime.configure(network(cniVersion="1.0.0", capabilities={"bandwidth": True}))
    rates = json.dumps({"bandwidth": {"ingressRate": 10 ** 7, "ingressBurst": 2 ** 32 - 1,
                                      "egressRate": 10 ** 6, "egressBurst": 2 ** 32 - 1}})
    pod = node.pod()
    result = runtime.good("add", pod.netns, CAP_ARGS=rates)
    shown = node.run("tc", "qdisc").stdout
    assert "rate 10Mbit" in shown and "rate 1Mbit" in shown
    assert result["interfaces"][-1]["name"].startswith("ifb")
    runtime.good("check", pod.netns, CAP_ARGS=rates)
    runtime.good("del", pod.netns)
    assert "tbf" not in node.run("tc", "qdisc").stdout
    assert [name for name in node.links() if name.startswith("ifb")] == []


def test_in_front_of_a_later_plugin(node, runtime):
    """tuning changes the interface and hands the result on; CHECK and DEL see its result."""
    if not os.access("/usr/lib/cni/tuning", os.X_OK):
        pytest.skip("containernetworking-plugins is not installed")
    runtime.configure(network("dual", cniVersion="1.0.0"),
                      {"type": "tuning", "mac": "02:00:00:00:00:77"})
    pod = node.pod()
    result = runtime.good("add", pod.netns)
    assert result["interfaces"][2]["mac"] == "02:00:00:00:00:77"
    assert pod.ping(INTERNET4)
    runtime.good("check", pod.netns)
    runtime.good("del", pod.netns)
    assert node.host_veths() == [] and node.reservations() == {}


def test_versions_are_asked_for(node, runtime):
    runtime.configure(network(cniVersion="1.0.0"))
    assert runtime.good("version", "none") == plugin.VERSIONS


# -- what `bridge-cni validate` says that libcni does


def judged(node, runtime, **keys):
    """(does libcni take the list, and ADD succeed?, validate's exit status)"""
    conf = network(capabilities={"portMappings": False}, cniVersion=None)
    conf = {"cniVersion": "1.0.0", "name": conf.pop("name"), "plugins": [conf], **keys}
    file = runtime.net_d / "10-x.conflist"
    file.write_text(json.dumps({k: v for k, v in conf.items() if v != "absent"}))
    validated = node.run(plugin.BRIDGE_CNI, "validate", file, check=False)
    return runtime.call("add", node.pod().netns).returncode == 0, validated.returncode


@pytest.mark.parametrize("keys", [
    {}, {"cniVersions": ["1.0.0", "1.1.0"]}, {"disableGC": True, "loadOnlyInlinedPlugins": True},
    {"disableGC": "true", "loadOnlyInlinedPlugins": "FALSE", "disableCheck": False}])
def test_what_validate_says_nothing_of_libcni_takes(node, runtime, keys):
    assert judged(node, runtime, **keys) == (True, 0)


@pytest.mark.parametrize("keys", [
    {"name": "absent"}, {"name": "absent", "Name": "testnet"}, {"name": None}, {"plugins": []},
    {"cniVersion": None}, {"disableCheck": 1}, {"disableCheck": None},
    {"plugins": [{"type": "bridge-cni"}, {"sysctl": {}}]}])
def test_what_validate_calls_an_error_of_the_list_libcni_refuses(node, runtime, keys):
    assert judged(node, runtime, **keys) == (False, 2)


@pytest.mark.parametrize("keys", [{"cniVersion": "1.1.0"}, {"disableCheck": "true"}])
def test_what_validate_says_of_old_runtimes_their_libcni_does(node, runtime, keys):
    """libcni 1.1 is that of containerd 1.7; later ones take it."""
    is_old = "cniVersions" not in (GOPATH / "src/github.com/containernetworking/cni/libcni"
                                            "/conf.go").read_text()
    assert judged(node, runtime, **keys) == (not is_old, 1)
