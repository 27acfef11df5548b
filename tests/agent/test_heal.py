# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent puts back what somebody flushes, deletes or turns off under running pods."""
import os
import random
import re
import signal
import time

import pytest

from harness.cluster import INTERNET4, INTERNET6
from harness.waiting import wait_for, within
from test_cluster import assert_joined, assert_reach_each_other

# What the agents here put back they have noticed: they look at everything once an hour.
HOURLY = "--resync-seconds", "3600"
SECONDS = 5  # until pods ping again


@pytest.fixture
def pair(cluster):
    """Two nodes with a pod each that reach each other and the outside."""
    nodes = cluster.ready(2, *HOURLY)
    pods = [node.attach() for node in nodes]
    assert_joined(nodes, pods)  # the repair that follows a first ADD is over, too
    return nodes, pods


def reach_again(node, pods, families=(4, 6)):
    def all_of_it():
        for family in families:
            outside = INTERNET4 if family == 4 else INTERNET6
            for pod, other in (pods, pods[::-1]):
                if not (pod.ping(getattr(other, f"address{family}"), wait=1) and
                        pod.ping(outside, wait=1)):
                    return False
        return True

    within(node, SECONDS, all_of_it)


def test_flushed_rules(pair):
    (one, _), pods = pair
    with one.asleep():
        one.nft("flush ruleset")
        assert not pods[0].ping(INTERNET4, wait=1)
    reach_again(one, pods)
    # Told once the repair has ended, which is after its last change.
    wait_for(lambda: one.metrics()["bridge_cni_healings_total"] >= 1)
    wait_for(lambda: "msg=mended" in one.log())


def test_a_deleted_table(pair):
    (one, _), pods = pair
    one.nft("delete table inet bridge_cni")
    reach_again(one, pods)


def test_deleted_guards(pair):
    (one, _), pods = pair
    def guards():
        """Without counts, and elements that go by themselves."""
        text = one.nft("list table bridge bridge_cni")
        return re.sub(r"packets \d+ bytes \d+|\s*elements = {[^}]*expires[^}]*}", "", text)

    before = guards()
    one.nft("delete table bridge bridge_cni")
    within(one, SECONDS, lambda: "table bridge bridge_cni" in one.run("nft", "list", "ruleset").stdout)
    wait_for(lambda: guards() == before)


def test_deleted_routes(pair):
    (one, two), pods = pair
    with one.asleep():
        one.ip(f"route del {two.cidrs[0]}")
        one.ip(f"-6 route del {two.cidrs[1]}")
        assert not pods[0].ping(pods[1].address4, wait=1)
    reach_again(one, pods)
    one.ip("route flush proto 98")
    reach_again(one, pods)


def test_routes_of_the_agents_protocol_that_somebody_adds_or_leads_elsewhere(pair):
    """The agent remembers its routes: it must notice what it has not done itself."""
    (one, two), pods = pair
    right = one.own_routes()
    with one.asleep():
        one.ip_batch(f"route replace {two.cidrs[0]} via 192.0.2.77 proto 98\n"
                     "route add 10.244.77.0/24 via 192.0.2.77 proto 98\n"
                     f"route replace {two.cidrs[1]} via 2001:db8:aaaa::77 proto 98\n")
        assert one.own_routes() == {"10.244.77.0/24": "192.0.2.77", two.cidrs[0]: "192.0.2.77",
                                    two.cidrs[1]: "2001:db8:aaaa::77"}
    within(one, SECONDS, lambda: one.own_routes() == right)
    reach_again(one, pods)


def test_an_uplink_that_went_down_and_up_again(pair):
    (one, two), pods = pair
    one.ip("link set eth0 down")
    wait_for(lambda: two.cidrs[0] not in one.own_routes())
    one.ip("link set eth0 up")
    one.ip(f"addr replace {one.address6}/64 dev eth0 nodad")
    one.ip("route replace default via 192.0.2.1")
    one.ip("-6 route replace default via 2001:db8:aaaa::1")
    reach_again(one, pods)


def test_a_removed_bridge(pair):
    (one, _), pods = pair
    with one.asleep():
        one.ip("link del cni0")
        assert not pods[0].ping(pods[1].address4, wait=1)
    reach_again(one, pods, families=(4,))
    # The new bridge's link-local address is checked for duplicates first.
    reach_again(one, pods)


def test_a_bridge_set_down(pair):
    (one, _), pods = pair
    one.ip("link set cni0 down")
    reach_again(one, pods)


def test_a_gateway_address_taken_away(pair):
    (one, _), pods = pair
    one.ip(f"addr del {one.cidrs[0].replace('.0/24', '.1/24')} dev cni0")
    reach_again(one, pods)


def test_forwarding_turned_off(pair):
    (one, _), pods = pair
    with one.asleep():
        one.sysctl("ipv4.ip_forward", 0)
        one.sysctl("ipv6.conf.all.forwarding", 0)
        assert not pods[0].ping(INTERNET4, wait=1)
    reach_again(one, pods)
    # By the one path that may be written to.
    wait_for(lambda: "ip_forward" in one.log() or "forwarding" in one.log())


def test_forwarding_of_the_bridge_turned_off(pair):
    (one, _), pods = pair
    with one.asleep():
        one.sysctl("ipv4.conf.cni0.forwarding", 0)
        assert not pods[0].ping(INTERNET4, wait=1)
    reach_again(one, pods)
    wait_for(lambda: "ipv4/conf/cni0/forwarding" in one.log())


def test_an_uplink_that_does_not_forward_is_told_once_and_left_alone(pair):
    (one, _), pods = pair
    one.sysctl("ipv4.conf.eth0.forwarding", 0)
    wait_for(lambda: "uplink doesn't forward" in one.log())
    time.sleep(2.5)  # it looks each second
    told = [line for line in one.log().splitlines() if "uplink doesn't forward" in line]
    assert len(told) == 1 and "net/ipv4/conf/eth0/forwarding" in told[0]
    assert one.sysctl("ipv4.conf.eth0.forwarding") == "0"


def test_addresses_of_pods_that_are_gone_leave_the_rules(cluster):
    """Pods that another program has made have reservations, and no records."""
    node = cluster.node()
    node.start_agent("--resync-seconds", "1")
    wait_for(node.ready)
    conf = node.conf()
    file = f"{conf['ipam']['dataDir']}/{conf['name']}/10.99.7.95"
    node.run("mkdir", "-p", os.path.dirname(file))
    node.run("tee", file, input="stranger\r\neth0")
    node.attach()

    def is_named():
        return "10.99.7.95" in node.run("nft", "list", "table", "inet", "bridge_cni").stdout

    assert is_named()
    node.run("rm", file)
    wait_for(lambda: not is_named())


def bundle_of(tmp_path, script):
    """A bundle whose bridge-cni is this script."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "bridge-cni").write_text(f"#!/bin/sh\n{script}\n")
    (bundle / "bridge-cni").chmod(0o755)
    return bundle


def test_a_repair_that_fails_for_one_thing_mends_the_others_at_once(cluster, tmp_path):
    """As one does whose configuration has a key that the kernel can't serve."""
    node, fails = cluster.node(), tmp_path / "fails"
    bundle = bundle_of(tmp_path, f'{cluster.bundle}/bridge-cni "$@" || exit\n'
                                 f'[ "$1" != repair ] || [ ! -e {fails} ] || '
                                 '{ echo one key is in vain >&2; exit 1; }')
    node.start_agent("--bundle", bundle, *HOURLY)
    wait_for(node.ready)
    node.attach()
    node.wait_for_no_repair()
    fails.touch()
    node.nft("delete table inet bridge_cni")
    # The first one mends, the others say the same. The next one would come in 8 s.
    wait_for(lambda: node.metrics()["bridge_cni_repair_failures_total"] >= 3)
    before = node.metrics()
    errors = re.findall(r'level=error msg="bridge-cni repair has failed"', node.log())
    assert len(errors) == 1 and "repairs fail" in node.page("/readyz")[1]
    node.nft("delete table inet bridge_cni")

    def noticed():
        """The metrics of one moment, once the agent has seen that something is not as it was."""
        now = node.metrics()
        return now if any(now[name] > before[name] for name in now if "differences_total" in name) else None

    assert wait_for(noticed)["bridge_cni_repairs_total"] > before["bridge_cni_repairs_total"]
    within(node, SECONDS, lambda: "table inet bridge_cni" in node.run("nft", "list", "tables").stdout)


def test_a_repair_that_fails_once_is_no_error_and_one_that_goes_on_failing_is(cluster, tmp_path):
    node, fails = cluster.node(), tmp_path / "fails"
    bundle = bundle_of(tmp_path, f'[ -e {fails} ] && {{ echo not now >&2; exit 1; }}\n'
                                 f'exec {cluster.bundle}/bridge-cni "$@"')
    node.start_agent("--resync-seconds", "1", "--bundle", bundle)
    wait_for(lambda: node.metrics()["bridge_cni_repairs_total"] >= 1)

    def levels():
        return re.findall(r'level=(\w+) msg="bridge-cni repair has failed".*not now', node.log())

    fails.touch()
    wait_for(lambda: levels() == ["warn", "error"])
    assert re.fullmatch(r"ok\nrepairs fail, \d+ in a row; the log says why\n", node.page("/readyz")[1])
    fails.unlink()
    runs = node.metrics()["bridge_cni_repairs_total"]
    wait_for(lambda: node.metrics()["bridge_cni_repairs_total"] >= runs + 3)
    assert node.page("/readyz") == (200, "ok\n")
    fails.touch()
    # The next repair fails two seconds later, and that is an error again.
    wait_for(lambda: levels()[:3] == ["warn", "error", "warn"])


def test_what_is_flushed_while_a_repair_runs_comes_back_too(pair):
    (one, _), pods = pair
    for _ in range(20):
        one.nft("flush ruleset")
        time.sleep(random.uniform(0, 0.4))
    reach_again(one, pods)


def test_without_the_api_server_it_heals_as_well(cluster, pair):
    (one, _), pods = pair
    cluster.api.stop()
    one.stop_agent(signal.SIGKILL)
    one.nft("flush ruleset")
    one.start_agent(*HOURLY)
    reach_again(one, pods)


def test_an_agent_killed_at_any_moment_breaks_nothing(cluster, pair):
    nodes, pods = pair
    for round_number in range(12):
        for node in nodes:
            time.sleep(random.uniform(0, 0.15))
            node.stop_agent(signal.SIGKILL)
            node.start_agent(*HOURLY)
        for pod, other in (pods, pods[::-1]):
            assert pod.ping(other.address4), round_number
            assert pod.ping(INTERNET4), round_number
    for node in nodes:
        wait_for(node.ready)
        assert len(node.own_routes()) == 2
        assert {p.name for p in node.conf_dir.iterdir()} == {"10-bridge-cni.conflist"}
        assert sorted(p.name for p in node.bin_dir.iterdir()) == [".bridge-cni", "bridge-cni",
                                                                  "loopback"]
    assert_reach_each_other([node.attach() for node in nodes])


def test_an_api_server_that_is_away_breaks_nothing(cluster, pair):
    (one, two), pods = pair
    before = one.own_routes()
    cluster.api.stop()
    wait_for(lambda: not one.metrics()["bridge_cni_api_watching"])
    end = time.monotonic() + 6
    while time.monotonic() < end:
        assert_reach_each_other(pods)
        assert one.own_routes() == before and one.ready()
    assert_reach_each_other([one.attach(), two.attach()])
    # The agent learns what happened meanwhile when the API server is back.
    cluster.api.put("later", ["10.244.90.0/24"], ["192.0.2.90"])
    cluster.api.start()
    wait_for(lambda: "10.244.90.0/24" in one.own_routes())
    assert one.metrics()["bridge_cni_api_lists_total"] == 1
