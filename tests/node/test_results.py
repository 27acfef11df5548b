# SPDX-License-Identifier: GPL-2.0-or-later
"""The printed answers: results in the shape of every version, VERSION, dns."""
import pytest

from harness import plugin
from harness.node import GATEWAY4, GATEWAY6, network

OLD = [v for v in plugin.VERSIONS if v < "0.3.0"]
NEW = [v for v in plugin.VERSIONS if v >= "0.3.0"]
DNS = {"nameservers": ["10.1.2.53"], "domain": "cluster.local",
       "search": ["svc.cluster.local"], "options": ["ndots:5"]}
ROUTES = [{"dst": "198.18.0.0/15"}, {"dst": "fd00:9::/32"}]


@pytest.mark.parametrize("version", OLD)
def test_versions_before_interfaces(node, version):
    pod = node.pod()
    result = node.add(pod, network("dual", cniVersion=version, dns=DNS,
                                   ipam={"routes": ROUTES}))
    assert set(result) == {"cniVersion", "ip4", "ip6", "dns"}
    assert (result["ip4"]["ip"], result["ip4"]["gateway"]) == ("10.1.2.2/24", GATEWAY4)
    assert (result["ip6"]["ip"], result["ip6"]["gateway"]) == ("fd00:1:2::2/64", GATEWAY6)
    assert {r["dst"] for r in result["ip4"]["routes"]} == {"198.18.0.0/15", "0.0.0.0/0"}
    assert {r["dst"] for r in result["ip6"]["routes"]} == {"fd00:9::/32", "::/0"}
    assert result["dns"] == DNS


@pytest.mark.parametrize("version", [*OLD, None])
def test_versions_before_interfaces_have_no_answer_without_an_address(node, version):
    """libcni can't read one, and the reference fails over it, too, if later."""
    pod, before = node.pod(), node.state()
    conf = network(cniVersion=version, isDefaultGateway=None, ipMasq=None, ipam={
        "type": None, "ranges": None})
    with plugin.refusal(plugin.CONFIG, "cniVersion", version or "0.1.0", "0.3.0", "ipam.type"):
        node.add(pod, conf)
    assert node.state() == before
    node.delete(pod, conf)


@pytest.mark.parametrize("version", OLD)
def test_an_earlier_plugins_address_is_an_answer_of_those_versions(node, version):
    conf = network(cniVersion=version, isDefaultGateway=None, ipMasq=None,
                   ipam={"type": None, "ranges": None},
                   prevResult={"cniVersion": version, "ip4": {"ip": "192.0.2.9/24"}})
    assert node.add(node.pod(), conf)["ip4"]["ip"] == "192.0.2.9/24"


@pytest.mark.parametrize("version", NEW)
def test_versions_with_interfaces(node, version):
    pod = node.pod()
    result = node.add(pod, network("dual", cniVersion=version, dns=DNS, mtu=1420,
                                   ipam={"routes": ROUTES}))
    assert set(result) == {"cniVersion", "interfaces", "ips", "routes", "dns"}
    extra = {"mtu"} if version >= "1.1.0" else set()
    assert [set(i) - {"sandbox"} for i in result["interfaces"]] == \
        [{"name", "mac"} | extra] * 3
    assert result["interfaces"][2]["sandbox"] == pod.netns
    if extra:
        assert [i["mtu"] for i in result["interfaces"][1:]] == [1420, 1420]
    v4, v6 = result["ips"]
    label = {"version": "4"} if version < "1.0.0" else {}
    assert v4 == {"address": "10.1.2.2/24", "gateway": GATEWAY4, "interface": 2, **label}
    label = {"version": "6"} if version < "1.0.0" else {}
    assert v6 == {"address": "fd00:1:2::2/64", "gateway": GATEWAY6, "interface": 2,
                  **label}
    assert {r["dst"] for r in result["routes"]} == \
        {"198.18.0.0/15", "fd00:9::/32", "0.0.0.0/0", "::/0"}
    assert result["dns"] == DNS


@pytest.mark.parametrize("version", [None, ""])
def test_no_version_means_0_1_0(node, version):
    conf = network(cniVersion=version)
    done = node.invoke("ADD", conf, node.pod())
    result = plugin.judge("ADD", done, "0.1.0")
    assert result["cniVersion"] == "0.1.0" and result["ip4"]["ip"] == "10.1.2.2/24"
    assert "ip6" not in result


@pytest.mark.parametrize("version", plugin.VERSIONS)
def test_every_version_can_be_removed_again(node, version):
    conf, pod = network("dual", cniVersion=version), node.pod()
    result = node.add(pod, conf)
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("version", plugin.VERSIONS)
def test_VERSION_lists_what_is_spoken(node, version):
    result = node.version({"cniVersion": version})
    assert result["supportedVersions"] == plugin.VERSIONS


def test_VERSION_wants_nothing_but_the_command(node):
    result = node.version({"cniVersion": plugin.NEWEST}, env={"CNI_PATH": None})
    assert result["supportedVersions"] == plugin.VERSIONS


@pytest.mark.parametrize("version", ["0.3.2", "1.1.1", "2.0.0", "1.1", "v1.0.0"])
def test_other_versions_are_refused_with_the_list(node, version):
    before = node.state()
    with plugin.refusal(plugin.VERSION) as error:
        node.add(node.pod(), network(cniVersion=version))
    assert all(v in error.value.details for v in plugin.VERSIONS), error.value
    node.pods.pop().close()
    assert node.state() == before


RESOLV_CONF = """\
# a comment
nameserver 10.1.2.54
nameserver fd00::53
domain example.org
search a.example.org b.example.org
options ndots:2 timeout:1
"""
FROM_FILE = {"nameservers": ["10.1.2.54", "fd00::53"], "domain": "example.org",
             "search": ["a.example.org", "b.example.org"],
             "options": ["ndots:2", "timeout:1"]}


@pytest.mark.parametrize("top, expected", [(None, FROM_FILE), (DNS, DNS)])
def test_dns_of_the_configuration_wins_over_resolvConf(node, top, expected):
    (node.var_lib / "resolv.conf").write_text(RESOLV_CONF)
    result = node.add(node.pod(), network(
        dns=top, ipam={"resolvConf": "/var/lib/resolv.conf"}))
    assert result["dns"] == expected


def test_a_prevResult_is_added_to(node):
    """ADD as a later plugin of a chain: what the earlier ones made stays in the result."""
    earlier = {"cniVersion": plugin.NEWEST, "dns": {}, "routes": [],
               "interfaces": [{"name": "dummy7", "mac": "02:00:00:00:00:07"}],
               "ips": [{"address": "172.30.0.7/24", "interface": 0}]}
    result = node.add(node.pod(), network(prevResult=earlier))
    names = [i["name"] for i in result["interfaces"]]
    assert names[0] == "dummy7" and names[-1] == "eth0" and len(names) == 4
    assert [ip["address"] for ip in result["ips"]] == ["172.30.0.7/24", "10.1.2.2/24"]
    assert [names[ip["interface"]] for ip in result["ips"]] == ["dummy7", "eth0"]
