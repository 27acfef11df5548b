# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ports: many of a pod, and those that follow each other."""
import re

import pytest

from harness import plugin
from harness.command import command, written
from harness.former import hash_text
from harness.portmap import (ask, ask_udp, elements, portmap_rules, ports, served,
                               served_udp, settled, table)
from harness.node import NODE4, NODE6
from harness.reboot import crash
from harness.waiting import processor_seconds

ONE4, ONE6 = {"hostIP": NODE4}, {"hostIP": NODE6}
MOST = 16384  # entries
RUNS = 4096


def run(first, last, shift=0, **keys):
    return [(port, port + shift, keys) for port in range(first, last + 1)]


def record_of(node, pod):
    return next(path.read_text() for path in (node.store / ".bridge-cni").rglob("p-*")
                if pod.id in path.read_text())


def test_ports_that_follow_each_other_are_one_element(node):
    """As podman run -p 8000-8600:8000-8600 gives them."""
    pod, other = node.pod(), node.pod()
    conf = ports(*run(8000, 8600), (9000, 80), *run(7000, 7001, hostIP=NODE4))
    result = node.add(pod, conf)
    node.add(other, ports())
    settled(node)
    found = elements(node)
    assert {kind: len(listed) for kind, listed in found.items()} == {
        "hostports4": 1, "hostports6": 1, "hostranges4": 2, "hostranges6": 1,
        "onlink4": 1, "onlink6": 1}
    record = record_of(node, pod)
    assert record.startswith("bridge-cni record 2\n") and len(record) < 800
    for port in (8000, 8301, 8600):
        with served(pod, port, word=str(port).encode()):
            for client in (node.outside, node, other, pod):
                for address in (NODE4, NODE6):
                    assert ask(client, address, port)[0] == str(port)
            assert ask(node, "127.0.0.1", port)[0] == str(port)
    with served(pod, 7001), served(pod, 80):
        assert ask(node.outside, NODE4, 7001) and ask(node.outside, NODE4, 9000)
        assert ask(node, "127.0.0.1", 7001, timeout=0.3) is None
    for port in (7999, 8601):
        with served(pod, port):
            assert ask(node.outside, NODE4, port, timeout=0.3) is None
    node.check(pod, conf, result)
    node.nft("flush ruleset")
    node.add(node.pod(), ports())
    assert elements(node) == found
    node.check(pod, conf, result)
    done = command(node, "repair", *written(node, ports()))
    assert done.returncode == 0 and "nothing to mend" in done.stdout, done
    node.delete(pod, conf)
    assert elements(node) == {}


def test_shifted_ports_are_an_element_each(node):
    pod = node.pod()
    conf = ports(*run(8000, 8099, shift=1000), families="v4")
    result = node.add(pod, conf)
    assert len(elements(node)["hostports4"]) == 100
    assert "hostports tcp - 8000-8099:9000\n" in record_of(node, pod)
    with served(pod, 9099):
        assert ask(node.outside, NODE4, 8099)[0] == "pod"
    node.check(pod, conf, result)
    node.delete(pod, conf)
    assert elements(node) == {}


def test_few_ports_are_recorded_as_earlier_versions_read_them(node):
    pod = node.pod()
    node.add(pod, ports((8080, 80), (8081, 80), (9000, 9000)))
    record = record_of(node, pod)
    assert record.startswith("bridge-cni record 1\n")
    assert "hostport tcp - 8080 80\n" in record and "hostports" not in record


def test_an_earlier_versions_record_of_ports_that_follow_each_other_is_a_range(node):
    """The earlier version wrote a line for each port. CHECK compares with the runtime's ports."""
    pod, other = node.pod(), node.pod()
    conf = ports(*run(8000, 8004), (9000, 80), families="v4")
    result = node.add(pod, conf)
    path = next((node.store / ".bridge-cni").rglob("p-*"))
    written = "".join(f"hostport tcp - {port} {port}\n" for port in range(8000, 8005))
    text = path.read_text().partition("end ")[0]
    text = text.replace("bridge-cni record 2", "bridge-cni record 1")
    text = re.sub("hostports tcp - .*\n", written + "hostport tcp - 9000 80\n", text)
    path.write_text(f"{text}end {hash_text(text):016x}\n")
    node.nft("flush ruleset")
    node.add(other, {**conf, "runtimeConfig": None})
    node.check(pod, conf, result)
    with served(pod, 8003):
        assert ask(node.outside, NODE4, 8003)[0] == "pod"
    node.delete(pod, conf)
    node.assert_nothing_left(pod, others=1)


RANGE, WITHIN = run(8000, 8600), [(8300, 80)]


@pytest.mark.parametrize("network", ["the same", "another"])
@pytest.mark.parametrize("had, wanted, port", [
    (RANGE, WITHIN, 8300), (WITHIN, RANGE, 8300), (RANGE, run(8600, 8700), 8600),
    (RANGE, [(8300, 80, ONE4)], 8300), ([(8300, 80, ONE4)], RANGE, 8300),
    (run(8000, 8600, **ONE4), WITHIN, 8300), (WITHIN, run(8000, 8600, **ONE4), 8300),
    (run(8000, 8600, **ONE6), run(8100, 8200), 8100),
    (run(8000, 8600, **ONE6), run(8550, 8700, **ONE6), 8550),
    (run(8000, 8200, 5), run(8200, 8600), 8200), ([(20000 + 3 * i, 1 + i) for i in range(70)],
                                              run(20207, 20300, 9), 20207)])
def test_a_range_that_overlaps_is_refused(node, network, had, wanted, port):
    first, second = node.pod(), node.pod()
    other = {} if network == "the same" else {
        "name": "second", "bridge": "cni1", "ipam": {"ranges": [
            [{"subnet": "10.9.0.0/24"}], [{"subnet": "fd09::/64"}]]}}
    conf = ports(*had)
    node.add(first, conf)
    before = elements(node)
    node.refused(second, ports((60000, 80), *wanted, **other), plugin.EXISTS,
                 f"tcp port {port}", first.id)
    if not other:
        assert elements(node) == before
    node.delete(first, conf)
    node.add(second, ports((60000, 80), *wanted, **other))


@pytest.mark.parametrize("had, wanted", [
    (RANGE, run(8601, 8700)), (RANGE, run(8000, 8600, protocol="udp")),
    (run(8000, 8600, **ONE4), run(8000, 8600, **ONE6)),
    (run(8000, 8600, **ONE4), run(8000, 8600, hostIP="127.0.0.1")),
    (run(8000, 8600, hostIP="0.0.0.0"), run(8000, 8600, hostIP="::"))])
def test_ranges_that_do_not_overlap_are_given(node, had, wanted):
    confs, pods = [ports(*had), ports(*wanted)], [node.pod(), node.pod()]
    results = [node.add(pod, conf) for pod, conf in zip(pods, confs)]
    for pod, conf, result in zip(pods, confs, results):
        node.check(pod, conf, result)
        node.delete(pod, conf)
    assert elements(node) == {}


def test_a_range_of_a_pod_that_is_gone_is_taken_over(node):
    dead, pod = node.pod(), node.pod()
    node.add(dead, ports(*RANGE, families="v4"))
    crash(dead)
    done = node.invoke("ADD", ports(*run(8500, 8700), families="v4"), pod)
    assert done.returncode == 0 and dead.id in done.stderr, done
    assert len(elements(node)["hostranges4"]) == 1


def test_who_goes_on_sending_to_a_UDP_port_of_a_range_reaches_its_owner(node):
    pod, port = node.pod(), 5300
    node.add(node.pod(), ports(families="v4"))
    node.nft("add table inet t; add chain inet t c { type filter hook input priority 0; }\n"
             "add rule inet t c udp dport 5200-5400 drop")
    with node.outside.udp("0.0.0.0", 4999) as sock:
        assert ask_udp(node.outside, NODE4, port, sock, timeout=0.2) is None
        node.add(pod, ports(*run(5200, 5400, protocol="udp"), families="v4"))
        with served_udp(pod, port):
            assert ask_udp(node.outside, NODE4, port, sock) == "pod"


def test_repair_puts_a_range_back(node):
    pod, conf = node.pod(), ports(*RANGE)
    result = node.add(pod, conf)
    before = elements(node)
    for digit in "46":
        name = next(m["name"] for m in table(node, "map") if f"hostranges{digit}" in m["name"])
        address = "0.0.0.0-255.255.255.255" if digit == "4" else \
            "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        node.nft(f"delete element inet bridge_cni {name} {{ tcp . {address} . 8000-8600 }}")
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result)
    error.value.says("tcp port 8000 to 8600", "hostranges4")
    done = command(node, "repair", *written(node, ports()))
    assert "portmap" in done.stdout, done
    assert elements(node) == before


def test_as_many_ports_as_are_taken_of_a_pod(node):
    """None in a row with another; then all of them so, but shifted."""
    rules = None
    for entries in ([(20000 + 3 * i, 60000 - i) for i in range(RUNS)],
                    run(20000, 20000 + MOST - 1, shift=1),
                    run(20000, 20000 + MOST - 1)):
        pod = node.pod()
        conf = ports(*entries)
        result = node.add(pod, conf)
        with served(pod, entries[-1][1]):
            assert ask(node.outside, NODE4, entries[-1][0])[0] == "pod"
        node.check(pod, conf, result)
        node.refused(node.pod(), ports((entries[-1][0], 80)), plugin.EXISTS, entries[-1][0])
        before = {kind: sorted(listed) for kind, listed in elements(node).items()}
        node.nft("flush ruleset")
        node.add(node.pod(), ports())
        assert {kind: sorted(listed) for kind, listed in elements(node).items()} == before
        rules = rules or portmap_rules(node)
        assert len(portmap_rules(node)) == len(rules)
        node.delete(pod, conf)
        assert elements(node) == {}


def test_so_many_ports_beside_as_many_of_another_are_not_compared_each_with_each(node):
    """Others wait for the node lock meanwhile: that was a minute, and is half a second."""
    first, other = node.pod(), node.pod()
    confs = [ports(*run(begin, begin + MOST - 1, shift=1)) for begin in (1000, 20000)]
    node.add(first, confs[0])
    again = ports(*run(1000, 1000 + MOST - 1, shift=1), name="second", bridge="cni1",
                  isDefaultGateway=False, isGateway=True,
                  ipam={"ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd09::/64"}]]})
    before = processor_seconds()
    node.add(other, confs[1])
    node.add(first, again, ifname="eth1")
    node.delete(first, confs[0])
    assert processor_seconds() - before < 15
    assert len(elements(node)["hostports4"]) == 2 * MOST


@pytest.mark.parametrize("entries, words", [
    (run(20000, 20000 + MOST), ("16384",)),
    ([(20000 + 3 * i, 60000 - i) for i in range(RUNS + 1)], ("4097", "4096"))])
def test_more_than_that_is_refused(node, entries, words):
    pod = node.pod()
    node.refused(pod, ports(*entries), plugin.CONFIG, "runtimeConfig.portMappings", *words)
    node.assert_nothing_left(pod)
