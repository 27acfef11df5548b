# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni validate` of ranges: subnets that pods can't have, and keys that are of no range."""
import pytest

from test_validate import found, listed, ours

pytestmark = pytest.mark.must_run


def said(directory, **ipam):
    """The lines about this ipam of host-local, in a list that is right."""
    status, lines = found(directory, listed(ours(ipam={"type": "host-local", **ipam})))
    assert status == (1 if lines else 0)
    return [line.removeprefix("plugins[0] bridge-cni: warning: ") for line in lines]


@pytest.mark.parametrize("subnet, of", [
    ("224.1.0.0/24", "224.0.0.0/4"), ("0.0.0.0/5", "0.0.0.0/8"), ("0.1.0.0/16", "0.0.0.0/8"),
    ("127.1.0.0/24", "127.0.0.0/8"), ("ff05::/64", "ff00::/8"), ("::/64", "::1/128")])
def test_a_subnet_that_no_pod_can_have(tmp_path, subnet, of):
    [line] = said(tmp_path, ranges=[[{"subnet": "10.1.2.0/24"}], [{"subnet": subnet}]])
    assert line.startswith(f"ipam.ranges[1][0].subnet: {subnet} has addresses of {of}, ")
    [line] = said(tmp_path, subnet=subnet)
    assert line.startswith(f"ipam.subnet: {subnet} has ")


@pytest.mark.parametrize("subnet", ["223.255.255.0/24", "240.1.0.0/16", "126.0.0.0/8", "1.0.0.0/8",
                                    "128.0.0.0/16", "fe80::/64", "2001:db8::/64"])
def test_a_subnet_that_pods_can_have(tmp_path, subnet):
    assert said(tmp_path, ranges=[[{"subnet": subnet}]]) == []


@pytest.mark.parametrize("key, value", [("rangeStart", "10.1.2.9"), ("rangeEnd", "10.1.2.9"),
                                        ("gateway", "10.1.2.9")])
def test_a_key_of_a_range_beside_ranges(tmp_path, key, value):
    [line] = said(tmp_path, ranges=[[{"subnet": "10.1.2.0/24"}]], **{key: value})
    assert line.startswith(f"ipam.{key}: nothing comes of this without ipam.subnet; ")
    assert said(tmp_path, subnet="10.1.2.0/24", **{key: value}) == []


@pytest.mark.parametrize("name, is_near", [("hostlocal", True), ("host-locl", True), ("Host-Local", True),
                                           ("dhcp", False), ("whereabouts", False), ("static", False)])
def test_a_name_like_host_locals(tmp_path, name, is_near):
    _, lines = found(tmp_path, listed(ours(ipam={"type": name})))
    assert any(f'ipam.type: "{name}" is another plugin; is "host-local" meant?' in line
               for line in lines) == is_near


def test_neither_a_list_nor_a_plugin(tmp_path):
    conf = listed()
    conf["plugin"] = conf.pop("plugins")
    status, [line] = found(tmp_path, conf)
    assert status == 1 and 'neither the "plugins" of a list nor the "type" of a plugin' in line
