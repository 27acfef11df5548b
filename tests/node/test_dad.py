# SPDX-License-Identifier: GPL-2.0-or-later
"""enabledad: IPv6 duplicate address detection, which takes a second or two."""
import json
import time

import pytest

from harness import plugin
from harness.node import INTERNET6, network
from harness.waiting import wait_for
from test_spoof_frames import link_local
from test_spoofcheck import counters

ADDRESS = "fd00:1:2::7"


def conf_with(**keys):
    return network("dual", ipam={"ranges": [
        [{"subnet": "10.1.2.0/24"}],
        [{"subnet": "fd00:1:2::/64", "rangeStart": ADDRESS, "rangeEnd": ADDRESS}]]}, **keys)


def flags_of(pod, address):
    for link in pod.ip_json("-6", "addr", "show", "dev", "eth0"):
        for entry in link["addr_info"]:
            if entry["local"] == address:
                return entry
    raise AssertionError(f"{pod.name} has no {address}")


def with_somebody(node):
    """Somebody on the bridge has the address that the next pod will be given."""
    somebody = node.pod("somebody")
    node.add(somebody, network("v4"))
    somebody.sysctl("ipv6.conf.eth0.disable_ipv6", 0)
    somebody.ip(f"addr add {ADDRESS}/64 dev eth0 nodad")
    somebody.uses(ADDRESS)  # and hears who looks for it
    return somebody


def test_an_address_of_somebody_else_is_an_error_and_nothing_is_left(node):
    somebody, pod = with_somebody(node), node.pod()
    with plugin.refusal(plugin.EXISTS, "enabledad", ADDRESS, "eth0", "cni0"):
        node.add(pod, conf_with(enabledad=True))
    node.assert_nothing_left(pod, others=1)
    assert ADDRESS not in node.reservations() and len(node.reservations()) == 1
    # Once that somebody is gone the next ADD works, and the address serves at once.
    somebody.ip(f"addr del {ADDRESS}/64 dev eth0")
    start = time.monotonic()
    node.check(pod, conf_with(), node.add(pod, conf_with(enabledad=True)))
    assert time.monotonic() - start > 0.5, "that was no detection"
    assert not {"tentative", "dadfailed"} & flags_of(pod, ADDRESS).keys()
    assert pod.ping(INTERNET6)


def test_without_it_nobody_waits_and_nobody_is_asked(node):
    """The control: the same address twice, and ADD succeeds."""
    with_somebody(node)
    pod = node.pod()
    node.add(pod, conf_with())
    assert flags_of(pod, ADDRESS)["nodad"]
    assert not {"tentative", "dadfailed"} & flags_of(pod, ADDRESS).keys()


@pytest.mark.parametrize("sysctls", [{}, {"accept_dad": 0, "enhanced_dad": 0}])
def test_with_hairpin_it_is_not_fooled_by_its_own_question(node, sysctls):
    """Nor by what the pod's defaults say."""
    pod = node.pod()
    for key, value in sysctls.items():
        pod.sysctl(f"ipv6.conf.default.{key}", value)
        pod.sysctl(f"ipv6.conf.all.{key}", value)
    node.add(pod, conf_with(enabledad=True, hairpinMode=True))
    assert pod.ping(INTERNET6)


def slow(pod):
    """Detection takes so many seconds: in a single one a busy machine does not do much."""
    pod.sysctl("ipv6.conf.default.dad_transmits", 6)
    return pod


def test_an_ADD_that_waits_keeps_nobody_from_coming(node):
    """Detection runs while the node lock is shared."""
    waiting, other = slow(node.pod()), node.pod()
    node.add(node.pod(), network("dual"))
    call = node.start("ADD", network("dual", enabledad=True), waiting)

    def detecting():
        shown = waiting.run("ip", "-6", "addr", "show", "dev", "eth0", check=False).stdout
        return "tentative" in shown and "fd00" in shown

    wait_for(detecting)
    node.add(other, network("dual"))
    assert detecting()
    assert json.loads(call().stdout)["ips"]


def test_an_ADD_whose_pod_gets_its_DEL_meanwhile_fails(node):
    """No lock is held while addresses are looked for."""
    pod, conf = slow(node.pod()), conf_with(enabledad=True)
    waiting = node.start("ADD", conf, pod)
    wait_for(lambda: "tentative" in pod.run("ip", "-6", "addr", "show", "dev", "eth0",
                                            check=False).stdout)
    node.delete(pod, conf)
    with plugin.refusal(plugin.TRY_AGAIN, "eth0", "DEL"):
        plugin.judge("ADD", waiting(), plugin.NEWEST)
    node.assert_nothing_left(pod)


def test_a_checked_pods_link_local_address_is_the_one_that_it_may_send_from(node):
    pod = node.pod()
    pod.sysctl("ipv6.conf.default.addr_gen_mode", 3)  # at random
    node.add(pod, conf_with(enabledad=True, spoofCheck=True))
    mac = bytes.fromhex(pod.links()["eth0"]["address"].replace(":", ""))
    assert pod.addresses("eth0", "link") == [f"{link_local(mac)}/64"]
    assert not any(counters(node).values())
