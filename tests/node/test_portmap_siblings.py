# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ports that a container asks for by several attachments: they are the container's."""
import contextlib

import pytest

from harness import plugin
from harness.command import command, written
from harness.portmap import ask, elements, generation, ports, served, settled
from harness.node import NODE4, NODE6

SECOND = {"name": "second", "bridge": "cni1", "isDefaultGateway": False, "isGateway": True,
          "ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd09::/64"}]]}}
LIST = ((8080, 80), (8081, 81, {"hostIP": NODE4}), *((port, port) for port in range(7000, 7011)),
        *((port, port + 1) for port in range(6000, 6003)))


def first(*mappings, **changes):
    return ports(*(mappings or LIST), **changes)


def second(*mappings, **changes):
    return ports(*(mappings or LIST), **{**SECOND, **changes})


PLACES = {"two networks": (first(), second()),
          "one network": (first(), first(isDefaultGateway=False, isGateway=True))}


@contextlib.contextmanager
def answering(pod, results, container_port=80):
    """The attachment that answers, told by its address."""
    with contextlib.ExitStack() as stack:
        for n, result in enumerate(results):
            for ip in result["ips"]:
                stack.enter_context(served(pod, container_port, word=b"eth%d" % n,
                                           address=ip["address"].split("/")[0]))
        yield


def assert_answers(node, pod, results, word):
    """Every port, in both families, by the attachment of that name; None: by none."""
    for host_port, container_port, addresses in (
            (8080, 80, (NODE4, NODE6)), (8081, 81, (NODE4,)), (7000, 7000, (NODE4, NODE6)),
            (7010, 7010, (NODE4, NODE6)), (6001, 6002, (NODE4, NODE6))):
        with answering(pod, results, container_port):
            for address in addresses:
                got = ask(node.outside, address, host_port, timeout=None if word else 0.3)
                assert (got and got[0]) == word, (host_port, address, got)


def attach(node, pod, confs):
    """Each by an interface of its own."""
    results = [node.add(pod, conf, ifname=f"eth{n}") for n, conf in enumerate(confs)]
    # Answers leave by the interface that was asked.
    for n, result in enumerate(results):
        for ip in result["ips"]:
            family = "-6" if ":" in ip["address"] else "-4"
            pod.ip(f"{family} rule add from {ip['address'].split('/')[0]} table {100 + n}")
            pod.ip(f"{family} route replace default via {ip['gateway']} dev eth{n} "
                   f"table {100 + n}")
    for conf in confs:
        settled(node, conf["bridge"])
    return results


def by_owner(node):
    """Kind -> how many elements each interface has."""
    found = {}
    for kind, listed in elements(node).items():
        for text in listed:
            owner = text.split('"comment": "')[1].split(" ")[0]
            found.setdefault(owner, {}).setdefault(kind, 0)
            found[owner][kind] += 1
    return found


WHOLE = {"hostports4": 4, "hostports6": 4, "hostips4": 1, "hostranges4": 1, "hostranges6": 1,
         "onlink4": 1, "onlink6": 1}


@pytest.mark.parametrize("places", PLACES)
def test_the_first_answers_and_when_it_goes_the_other_does(node, places):
    pod, confs = node.pod(), PLACES[places]
    results = attach(node, pod, confs)
    for n, conf in enumerate(confs):
        node.check(pod, conf, results[n], ifname=f"eth{n}")
    assert_answers(node, pod, results, "eth0")
    assert sorted(map(len, by_owner(node).values())) == [2, len(WHOLE)]
    node.delete(pod, confs[0], results[0], ifname="eth0")
    assert_answers(node, pod, results[1:2] and [{"ips": []}, results[1]], "eth1")
    assert list(by_owner(node).values()) == [WHOLE]
    node.check(pod, confs[1], results[1], ifname="eth1")
    node.delete(pod, confs[1], results[1], ifname="eth1")
    assert elements(node) == {}
    node.assert_nothing_left(pod)


def test_when_the_second_goes_the_first_still_answers(node):
    pod, confs = node.pod(), PLACES["two networks"]
    results = attach(node, pod, confs)
    node.delete(pod, confs[1], results[1], ifname="eth1")
    assert list(by_owner(node).values()) == [WHOLE]
    assert_answers(node, pod, [results[0]], "eth0")
    node.check(pod, confs[0], results[0], ifname="eth0")
    node.delete(pod, confs[0], results[0], ifname="eth0")
    assert elements(node) == {}


def test_three_follow_each_other_and_who_comes_again_is_the_last(node):
    pod = node.pod()
    confs = [first(), second(), first(isDefaultGateway=False, isGateway=True)]
    results = attach(node, pod, confs)
    assert_answers(node, pod, results, "eth0")
    node.delete(pod, confs[0], results[0], ifname="eth0")
    results[0] = node.add(pod, {**confs[0], "isDefaultGateway": False}, ifname="eth0")
    assert_answers(node, pod, results, "eth1")
    node.delete(pod, confs[1], results[1], ifname="eth1")
    results[1] = {"ips": []}
    assert_answers(node, pod, results, "eth2")


@pytest.mark.parametrize("places", PLACES)
def test_it_is_one_transaction(node, places):
    """The kernel counts them: no packet finds a port without an owner."""
    pod, confs = node.pod(), PLACES[places]
    results = attach(node, pod, confs)

    before = generation(node)
    node.delete(pod, confs[0], results[0], ifname="eth0")
    assert generation(node) == before + 1


def test_another_containers_pod_is_still_refused(node):
    pod, other, confs = node.pod(), node.pod(), PLACES["two networks"]
    results = attach(node, pod, confs)
    for conf in confs:
        with plugin.refusal(plugin.EXISTS, "tcp port", pod.id):
            node.add(other, conf)
    node.delete(pod, confs[0], results[0], ifname="eth0")
    with pytest.raises(plugin.CniError) as error:
        node.add(other, second((8080, 80)))
    error.value.says("tcp port 8080", pod.id, "second")
    assert_answers(node, pod, [{"ips": []}, results[1]], "eth1")


def test_lists_that_differ_each_keep_what_nobody_else_has(node):
    pod = node.pod()
    confs = [first((7005, 80), (9000, 80)), second(*((p, p) for p in range(7000, 7011)),
                                                  (9000, 80), (9001, 80))]
    results = attach(node, pod, confs)
    for n, conf in enumerate(confs):
        node.check(pod, conf, results[n], ifname=f"eth{n}")
    with answering(pod, results):
        assert ask(node.outside, NODE4, 9000)[0] == "eth0"
        assert ask(node.outside, NODE4, 9001)[0] == "eth1"
        assert ask(node.outside, NODE4, 7005)[0] == "eth0"
    for port in (7000, 7004, 7006, 7010):
        with answering(pod, results, port):
            assert ask(node.outside, NODE6, port)[0] == "eth1"
    done = command(node, "repair", *written(node, *confs))
    assert done.returncode == 0 and "portmap" not in done.stdout, done
    node.delete(pod, confs[0], results[0], ifname="eth0")
    with answering(pod, [{"ips": []}, results[1]], 7005):
        assert ask(node.outside, NODE4, 7005)[0] == "eth1"
    assert sum(by_owner(node)[next(iter(by_owner(node)))].values()) == 8
    node.delete(pod, confs[1], results[1], ifname="eth1")
    assert elements(node) == {}


def test_GC_hands_over_too(node):
    pod, confs = node.pod(), PLACES["two networks"]
    results = attach(node, pod, confs)
    node._judged("GC", {**confs[0], "cni.dev/valid-attachments": []}, None)
    assert list(by_owner(node).values()) == [WHOLE]
    assert_answers(node, pod, [{"ips": []}, results[1]], "eth1")


def lose_first(node, pod):
    """Deletes the first interface. Then only its record says whose the elements are."""
    pod.ip("link del eth0")


@pytest.mark.parametrize("wants", [first, second])
def test_a_reclaim_hands_over_too(node, wants):
    """The first attachment's interface is gone, and somebody else's ADD wants the port."""
    pod, confs = node.pod(), PLACES["two networks"]
    results = attach(node, pod, confs)
    lose_first(node, pod)
    with pytest.raises(plugin.CniError) as error:
        node.add(node.pod(), wants((8080, 80)))
    error.value.says("8080", pod.id, "second")
    assert_answers(node, pod, [{"ips": []}, results[1]], "eth1")


@pytest.mark.parametrize("lost", ["record", "interface"])
def test_repair_hands_over_too(node, lost):
    pod, confs = node.pod(), PLACES["two networks"]
    results = attach(node, pod, confs)
    lose_first(node, pod)
    if lost == "record":
        for path in (node.store / ".bridge-cni/testnet").glob("p-*"):
            path.unlink()
        for address in node.reservations():
            (node.store / "testnet" / address).unlink()
    done = command(node, "repair", *written(node, *confs))
    assert done.returncode == 0, done
    assert_answers(node, pod, [{"ips": []}, results[1]], "eth1")
    done = command(node, "repair", *written(node, *confs))
    assert "elements" not in done.stdout, done


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("who", [0, 1])
def test_after_a_flush_it_is_as_before(node, places, who):
    pod, confs = node.pod(), PLACES[places]
    results = attach(node, pod, confs)
    before = by_owner(node)
    node.nft("flush ruleset")
    for n in (who, 1 - who):
        node.add(node.pod(), {**confs[n], "runtimeConfig": {}})
    assert by_owner(node) == before
    assert_answers(node, pod, results, "eth0")
    node.delete(pod, confs[0], results[0], ifname="eth0")
    assert_answers(node, pod, [{"ips": []}, results[1]], "eth1")


def test_an_ADD_that_fails_leaves_the_other_its_ports(node):
    pod, confs = node.pod(), PLACES["two networks"]
    results = [node.add(pod, confs[0])]
    done = node.invoke("ADD", confs[1], pod, ifname="eth1",
                       wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode != 0
    assert list(by_owner(node).values()) == [WHOLE]
    settled(node)
    assert_answers(node, pod, results, "eth0")
    node.check(pod, confs[0], results[0])
    node.delete(pod, confs[0], results[0])
    assert elements(node) == {}


def test_both_go_at_once_and_nothing_is_left(node):
    confs = PLACES["two networks"]
    for _ in range(8):
        pod = node.pod()
        for n, conf in enumerate(confs):
            node.add(pod, conf, ifname=f"eth{n}")
        ends = [node.start("DEL", conf, pod, ifname=f"eth{n}") for n, conf in enumerate(confs)]
        assert [end().returncode for end in ends] == [0, 0]
        assert elements(node) == {}
        node.assert_nothing_left(pod)


def test_the_port_of_a_second_store_comes_back_with_repair(node):
    """DEL knows one dataDir: what waits in another comes with that one's repair."""
    pod = node.pod()
    confs = [first(), second(ipam={**SECOND["ipam"], "dataDir": "/var/lib/cni/others"})]
    results = attach(node, pod, confs)
    assert_answers(node, pod, results, "eth0")
    node.delete(pod, confs[0], results[0], ifname="eth0")
    done = command(node, "repair", *written(node, confs[1]))
    assert done.returncode == 0, done
    assert_answers(node, pod, [{"ips": []}, results[1]], "eth1")


def test_without_shared_ports_a_DEL_reads_no_other_record(node):
    pods = [node.pod() for _ in range(3)]
    for n, pod in enumerate(pods):
        node.add(pod, first((8080 + n, 80)))
    trace = node.directory / "trace"
    done = node.invoke("DEL", first(), pods[0], env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "openat"))
    assert done.returncode == 0
    opened = [line for line in trace.read_text().splitlines() if '"p-' in line]
    assert len({line.split('"')[1] for line in opened}) == 1, opened
