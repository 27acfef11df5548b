# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose are rules, sets and maps? Configurations of one name on two bridges, or with two
stores, are served side by side; what is shared belongs to one of them."""
import json
import re

import pytest

from harness import plugin, snapshot
from harness.delegates import Delegate
from harness.former import age, hash_text
from harness.portmap import ask, served
from harness.node import INTERNET4, INTERNET6, NODE4, addresses_of, network
from harness.wire import source_seen
from test_spoofcheck import FOREIGN_MAC, IP, arrives, udp4
from test_spoofcheck import sets as sets_and_elements

RANGES = [[{"subnet": "10.9.0.0/24"}]]


def second(**changes):
    """By mistake or malice: the name of the first, without its guards."""
    ipam = {"ranges": RANGES, **changes.pop("ipam", {})}
    return network(**{"bridge": "cni1", "ipMasq": False, "ipam": ipam, **changes})


OTHERS = {"bridge": {}, "dataDir": {"bridge": "cni0", "isDefaultGateway": None,
                                    "ipam": {"dataDir": "/var/lib/other"}},
          "both": {"ipam": {"dataDir": "/var/lib/other"}}}


def comments(node):
    """The comments of the rules that have an owner: stage and kind, then the owner."""
    out = node.run("nft", "-j", "list", "ruleset").stdout
    found = [entry["rule"]["comment"].split() for entry in json.loads(out)["nftables"]
             if "rule" in entry]
    return sorted((words[1], words[2]) for words in found if words[2] != 16 * "0")


def owners(node):
    return {owner for _, owner in comments(node)}


def sets(node):
    out = node.run("nft", "-j", "list", "ruleset").stdout
    return {entry[kind]["name"] for entry in json.loads(out)["nftables"]
            for kind in ("set", "map") if kind in entry}


def spoofs(sender, receiver):
    """May it send from an address that it hasn't; from a MAC address?"""
    mine, other = (addresses(pod) for pod in (sender, receiver))
    return (arrives(sender, receiver, udp4(mine[:-1] + "9", other), IP),
            arrives(sender, receiver, udp4(mine, other), IP, source=FOREIGN_MAC))


def addresses(pod):
    return next(a["local"] for a in json.loads(
        pod.ip("-j -4 addr show dev eth0"))[0]["addr_info"] if a["scope"] == "global")


def gc(node, conf, *pods):
    valid = [{"containerID": pod.id, "ifname": "eth0"} for pod in pods]
    conf = {**conf, "cni.dev/valid-attachments": valid}
    return plugin.judge("GC", node.invoke("GC", conf), conf["cniVersion"])


def command(node, name, *confs):
    files = []
    for i, conf in enumerate(confs):
        path = node.directory / f"{name}{i}.conf"
        path.write_text(json.dumps(conf))
        files.append(path)
    return node.run(plugin.BRIDGE_CNI, *name.split(), *files, check=False)


# -- two owners at once


@pytest.mark.parametrize("other", OTHERS)
def test_a_second_configuration_of_the_name_leaves_the_first_as_it_is(node, other):
    conf, pods = network("dual", spoofCheck=True), [node.pod(), node.pod()]
    results = [node.add(pod, conf) for pod in pods]
    before, had = comments(node), sets(node)
    stranger = node.pod()
    changed = second(macspoofchk=True, nonMasqueradeCIDRs=["0.0.0.0/0"], **OTHERS[other])
    node.add(stranger, changed)
    assert set(before) < set(comments(node)) and had < sets(node)
    assert source_seen(pods[0], node.outside, INTERNET4) == NODE4
    assert pods[1].ping(INTERNET6)
    assert spoofs(*pods) == (False, False)
    for pod, result in zip(pods, results):
        node.check(pod, conf, result)
    # Each owner's rules go with its own last pod.
    node.delete(pods[1], conf)
    assert source_seen(pods[0], node.outside, INTERNET4) == NODE4


@pytest.mark.parametrize("other", OTHERS)
def test_the_first_with_less_the_second_with_more(node, other):
    plain, guarded = node.pod(), [node.pod(), node.pod()]
    own = addresses_of(node.add(plain, second(**OTHERS[other])))[0]
    for pod in guarded:
        node.add(pod, network(spoofCheck=True))
    assert spoofs(*guarded) == (False, False)
    assert source_seen(guarded[0], node.outside, INTERNET4) == NODE4
    if OTHERS[other].get("isDefaultGateway", True):
        assert source_seen(plain, node.outside, INTERNET4) == own


def test_each_has_a_constant_number_of_rules(node):
    confs = network(spoofCheck=True), second(ipMasq=True, spoofCheck=True)
    for conf in confs:
        node.add(node.pod(), conf)
    before = comments(node)
    one, other = ([kind for kind, of in before if of == owner] for owner in owners(node))
    assert one == other
    for conf in confs * 2:
        node.add(node.pod(), conf)
    assert comments(node) == before


def test_with_rules_in_place_neither_makes_a_transaction(node, tmp_path):
    confs = network(spoofCheck=True), second(ipMasq=True)
    for conf in confs:
        node.add(node.pod(), conf)
    for i, conf in enumerate(confs):
        trace = tmp_path / f"trace{i}"
        node.add(node.pod(), conf, wrapper=plugin.strace(trace, "clone,clone3,fork,vfork"),
                 env=plugin.TRACED)
        assert "clone" not in trace.read_text() and "fork" not in trace.read_text()


def test_with_another_IPAM_plugin_too(node):
    fake = Delegate(node, '''
        last = "5" if os.environ["CNI_CONTAINERID"].startswith("pod0") else "6"
        if verb == "ADD":
            answer(ips=[{"address": f"10.77.0.{last}/24", "gateway": "10.77.0.1"}])''')
    first, other = node.pod(), node.pod()
    fake.add(first, fake.conf())
    fake.add(other, fake.conf(bridge="cni1", ipMasq=False, isGateway=False,
                              isDefaultGateway=False))
    assert source_seen(first, node.outside, INTERNET4) == NODE4


def test_another_name_on_the_same_bridge_is_another_owner(node):
    first, other = [node.pod(), node.pod()], node.pod()
    for pod in first:
        node.add(pod, network(spoofCheck=True))
    before = comments(node)
    node.add(other, network(name="other", ipMasq=False, macspoofchk=True,
                            nonMasqueradeCIDRs=["0.0.0.0/0"],
                            ipam={"dataDir": "/var/lib/other", "ranges": [[{
                                "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.200"}]]}))
    assert set(before) < set(comments(node))
    assert spoofs(*first) == (False, False)
    assert source_seen(first[0], node.outside, INTERNET4) == NODE4


@pytest.mark.parametrize("spelling", ["/var/lib/cni/networks/", "/var/lib//cni/networks",
                                      "//var/./lib/cni/networks/./", None])
def test_a_store_may_be_spelled_in_several_ways(node, spelling):
    conf = network(spoofCheck=True, ipam={"dataDir": "/var/lib/cni/networks"})
    node.add(node.pod(), conf)
    before = comments(node)
    node.add(node.pod(), network(spoofCheck=True, ipam={"dataDir": spelling}))
    assert comments(node) == before


# -- host ports


def wanting(port, **changes):
    return second(**{"capabilities": {"portMappings": True}, "runtimeConfig": {
        "portMappings": [{"hostPort": port, "containerPort": 80}]}, **changes})


@pytest.mark.parametrize("other", ["bridge", "both"])
def test_a_host_port_is_one_owners_alone(node, other):
    first, late = node.pod(), node.pod()
    conf = wanting(8080, bridge="cni0", ipam={"ranges": [[{"subnet": "10.1.2.0/24"}]]})
    node.add(first, conf)
    with plugin.refusal(plugin.EXISTS, "8080", first.id):
        node.add(late, wanting(8080, **OTHERS[other]))
    node.add(late, wanting(8081, **OTHERS[other]))
    with served(first, 80, word=b"first"), served(late, 80, word=b"late"):
        assert ask(node.outside, NODE4, 8080)[0] == "first"
        assert ask(node.outside, NODE4, 8081)[0] == "late"
        node.delete(late, wanting(8081, **OTHERS[other]))
        assert ask(node.outside, NODE4, 8080)[0] == "first"
    node.assert_nothing_left(late, others=1)


def test_after_a_flush_a_port_of_another_bridges_pod_is_still_taken(node):
    first, late = node.pod(), node.pod()
    conf = wanting(8080, bridge="cni0", ipam={"ranges": [[{"subnet": "10.1.2.0/24"}]]})
    node.add(first, conf)
    node.nft("flush ruleset")
    with pytest.raises(plugin.CniError) as error:
        node.add(late, wanting(8080))
    error.value.says("8080", first.id)
    node.add(node.pod(), conf | {"runtimeConfig": None})
    with served(first, 80, word=b"first"):
        assert ask(node.outside, NODE4, 8080)[0] == "first"


# -- the end of an owner


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("goes", ["first", "second"])
def test_an_owners_rules_go_with_its_last_pod_where_the_name_has_another_owner(
        node, other, goes):
    conf = wanting(8080, ipMasq=True, spoofCheck=True, bridge="cni0",
                   ipam={"ranges": [[{"subnet": "10.1.2.0/24"}]]})
    changed = second(ipMasq=True, spoofCheck=True, **OTHERS[other])
    plain = {**conf, "runtimeConfig": None}
    pods = {id(conf): [node.pod(), node.pod()], id(changed): [node.pod(), node.pod()]}
    node.add(pods[id(conf)][0], conf)
    node.add(pods[id(conf)][1], plain)
    alone = {id(conf): comments(node)}
    for pod in pods[id(changed)]:
        node.add(pod, changed)
    alone[id(changed)] = [c for c in comments(node) if c not in alone[id(conf)]]
    gone, stays = (conf, changed) if goes == "first" else (changed, conf)
    node.delete(pods[id(gone)][0], gone)
    assert len(owners(node)) == 2
    node.delete(pods[id(gone)][1], gone)
    assert comments(node) == alone[id(stays)]
    owner, = owners(node)
    assert {name.split("_")[-1] for name in sets(node) if "_" in name
            and len(name.split("_")[-1]) == 16} <= {owner}
    assert spoofs(*pods[id(stays)]) == (False, False)
    if stays is conf:
        assert source_seen(pods[id(stays)][0], node.outside, INTERNET4) == NODE4
    # The one that is left is the only one again: its rules await its next pod.
    for pod in pods[id(stays)]:
        node.delete(pod, stays)
    assert comments(node) == alone[id(stays)]


def test_whose_rules_are_in_different_tables_are_two_owners_all_the_same(node):
    conf, changed = network(spoofCheck=True, ipMasq=False), second(ipMasq=True)
    node.add(node.pod(), conf)
    before, pod = comments(node), node.pod()
    node.add(pod, changed)
    node.delete(pod, changed)
    assert comments(node) == before


def test_the_rules_of_a_names_only_owner_stay_for_its_next_pod(node, tmp_path):
    conf, pod = network(spoofCheck=True), node.pod()
    node.add(pod, conf)
    before = comments(node)
    trace = tmp_path / "trace"
    node.delete(pod, conf, wrapper=plugin.strace(trace, "execve,openat"), env=plugin.TRACED)
    assert "nft" not in trace.read_text()
    assert comments(node) == before


@pytest.mark.parametrize("other", OTHERS)
def test_rules_of_an_owner_that_ended_alone_go_with_the_next_owners_first_ADD(node, other):
    conf, pod = network(spoofCheck=True), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    before = owners(node)
    node.add(node.pod(), second(ipMasq=True, macspoofchk=True, **OTHERS[other]))
    assert len(owners(node)) == 1 and not before & owners(node)


def test_a_GC_of_the_last_pod_removes_its_owners_rules(node):
    conf, changed = network(), second(ipMasq=True)
    node.add(node.pod(), conf)
    before = comments(node)
    node.add(node.pod(), changed)
    gc(node, changed)
    assert comments(node) == before


def test_a_DEL_with_another_bridge_in_its_configuration_ends_the_right_owner(node):
    conf, changed, pod = network(), second(ipMasq=True), node.pod()
    node.add(pod, conf)
    node.add(node.pod(), changed)
    node.delete(pod, changed)
    assert len(owners(node)) == 1
    assert source_seen(next(p for p in node.pods if p is not pod), node.outside,
                       INTERNET4) == NODE4


# -- what goes over all attachments


@pytest.mark.parametrize("other", OTHERS)
def test_GC_touches_its_owners_attachments_alone(node, other):
    conf, changed = network(), second(ipMasq=True, **OTHERS[other])
    first, stranger, gone = node.pod(), node.pod(), node.pod()
    result = node.add(first, conf)
    there = node.add(stranger, changed)
    node.add(gone, changed)
    gc(node, changed, stranger)
    node.check(first, conf, result)
    node.check(stranger, changed, there)
    node.assert_nothing_left(gone, others=2)
    gc(node, conf)
    node.check(stranger, changed, there)
    node.assert_nothing_left(first, others=1)


def test_a_reservation_that_may_be_another_bridges_stays(node):
    """The reference's pods have no records; their addresses must not be given twice."""
    conf, pod, stranger = network(), node.pod(), node.pod()
    node.add(pod, conf)
    path = node.store / "testnet/10.1.2.77"
    path.write_bytes(b"reference\r\neth0")
    gc(node, second())
    assert path.exists()
    node.add(stranger, second())
    gc(node, conf, pod)
    assert path.exists()
    node.delete(stranger, second())
    gc(node, conf, pod)
    assert not path.exists()


@pytest.mark.parametrize("other", OTHERS)
def test_an_interface_without_a_record_is_its_owners(node, other):
    conf, changed = network(), second(**OTHERS[other])
    first, stranger = node.pod(), node.pod()
    host = node.add(first, conf)["interfaces"][1]["name"]
    there = node.add(stranger, changed)["interfaces"][1]["name"]
    node.run("sh", "-c", "rm -rf /var/lib/cni/networks /var/lib/other")
    gc(node, changed)
    assert host in node.links() and there not in node.links()
    gc(node, conf)
    assert host not in node.links()


def test_DEL_deletes_the_attachment_of_its_names_whichever_bridge_is_configured_now(node):
    conf = wanting(8080, spoofCheck=True)
    pod = node.pod()
    node.add(pod, conf)
    node.delete(pod, {**conf, "bridge": "cni7"})
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("lost", ["dataDir", "record and bridge"])
def test_a_DEL_that_finds_no_record_closes_the_pods_ports_whoever_owns_them(node, lost):
    conf = wanting(8080, spoofCheck=True)
    pod = node.pod()
    had, = addresses_of(node.add(pod, conf))
    node.add(node.pod(), conf | {"runtimeConfig": None})  # whose rules stay
    changed = {**conf, "ipam": {**conf["ipam"], "dataDir": "/var/lib/other"}}
    if lost != "dataDir":
        node.run("sh", "-c", "rm -r /var/lib/cni/networks/.bridge-cni")
        changed = {**conf, "bridge": "cni7"}
    node.delete(pod, changed)
    assert pod.id not in node.run("nft", "list", "ruleset").stdout
    if lost == "dataDir":
        heir = node.pod()
        assert addresses_of(node.add(heir, {**changed, "runtimeConfig": None})) == [had]
        with served(heir, 80):
            assert ask(node.outside, NODE4, 8080, timeout=1) is None


def test_the_same_names_are_the_same_attachment(node):
    conf, pod = network(), node.pod()
    result = node.add(pod, conf)
    before = node.state()
    with plugin.refusal(plugin.EXISTS):
        node.add(pod, second())
    snapshot.assert_same(before, node.state())
    node.check(pod, conf, result)


def test_repair_looks_after_its_owners_pods(node):
    confs = network(spoofCheck=True), second(ipMasq=True, spoofCheck=True)
    pods = [[node.pod(), node.pod()] for _ in confs]
    for conf, pair in zip(confs, pods):
        for pod in pair:
            node.add(pod, conf)
    whole, had = comments(node), sets(node)
    node.nft("flush ruleset")
    assert command(node, "repair", confs[0]).returncode == 0
    assert len(owners(node)) == 1
    assert command(node, "repair", *confs).returncode == 0
    assert comments(node) == whole and sets(node) == had
    for pair in pods:
        assert spoofs(*pair) == (False, False)
        assert source_seen(pair[0], node.outside, INTERNET4) == NODE4


@pytest.mark.parametrize("other", OTHERS)
def test_cleanup_removes_what_is_its_owners(node, other):
    conf, changed = network(spoofCheck=True), second(spoofCheck=True, **OTHERS[other])
    pods, stranger = [node.pod(), node.pod()], node.pod()
    for pod in pods:
        node.add(pod, conf)
    before = comments(node)
    node.add(stranger, changed)
    done = command(node, "cleanup --force", changed)
    assert done.returncode == 0, done.stderr
    assert comments(node) == before
    assert len(node.host_veths()) == 2
    assert spoofs(*pods) == (False, False)
    assert source_seen(pods[0], node.outside, INTERNET4) == NODE4
    for pod in pods:
        node.delete(pod, conf)
    assert command(node, "cleanup", conf).returncode == 0
    assert node.run("nft", "list", "ruleset").stdout == ""


# -- what an earlier version made, which had one owner a name


def aged(node, conf, n=2):
    pods = [node.pod() for _ in range(n)]
    for pod in pods:
        node.add(pod, conf)
    age(node, conf["name"])
    assert owners(node) == {f"{hash_text(conf['name']):016x}"}
    return pods


@pytest.mark.parametrize("by", ["ADD", "repair"])
def test_an_earlier_versions_rules_give_way_with_all_that_they_did(node, by):
    conf = wanting(8080, ipMasq=True, spoofCheck=True)
    pods = [node.pod(), node.pod()]
    node.add(pods[0], conf)
    node.add(pods[1], conf | {"runtimeConfig": None})
    whole, had = comments(node), sets(node)
    age(node, conf["name"])
    if by == "ADD":
        node.add(node.pod(), conf | {"runtimeConfig": None})
    else:
        assert command(node, "repair", conf | {"runtimeConfig": None}).returncode == 0
    assert comments(node) == whole and sets(node) == had
    assert spoofs(*pods) == (False, False)
    with served(pods[0], 80, word=b"aged"):
        assert ask(node.outside, NODE4, 8080)[0] == "aged"
    assert source_seen(pods[0], node.outside, INTERNET4) == NODE4
    node.delete(pods[0], conf)
    node.assert_nothing_left(pods[0], others=2 if by == "ADD" else 1)


def test_DEL_deletes_the_elements_of_an_earlier_versions_pod_where_they_are(node):
    conf = wanting(8080, ipMasq=True, spoofCheck=True)
    pods = [node.pod(), node.pod()]
    node.add(pods[0], conf)
    node.add(pods[1], conf | {"runtimeConfig": None})
    age(node, conf["name"])
    host = node.host_veths()
    # For 127.0.0.0/8 it had one more.
    gone = re.search(r'8080 comment "(\S+) ', node.run("nft", "list", "ruleset").stdout)[1]
    node.nft(f"add element inet bridge_cni onlink4_{hash_text(conf['name']):016x} "
             f'{{ 10.9.0.2 . 127.0.0.0/8 comment "{gone} x" }}')
    node.delete(pods[0], conf)
    assert set(host) - set(node.host_veths()) == {gone}
    assert gone not in node.run("nft", "list", "table", "inet", "bridge_cni").stdout
    assert gone not in str(sets_and_elements(node))
    assert spoofs(pods[1], pods[1])  # and those of the other are there still
    assert len(owners(node)) == 1


def test_a_delegates_too(node):
    fake = Delegate(node)
    first, late = node.pod(), node.pod()
    fake.add(first, fake.conf())
    age(node, "testnet")
    assert source_seen(first, node.outside, INTERNET4) == NODE4
    fake.delete(first, fake.conf())
    out = node.run("nft", "list", "ruleset").stdout
    assert not re.search(r"elements = \{[^}]*10\.", out), out
    fake.add(late, fake.conf())
    assert f"{hash_text('testnet'):016x}" not in owners(node)
    assert source_seen(late, node.outside, INTERNET4) == NODE4


def test_an_earlier_versions_rules_stay_while_another_owners_pod_has_none_else(node):
    conf, changed = network(spoofCheck=True), second(spoofCheck=True)
    pods = aged(node, conf)
    before = comments(node)
    node.add(node.pod(), changed)
    assert set(before) < set(comments(node))
    assert spoofs(*pods) == (False, False)
    assert source_seen(pods[0], node.outside, INTERNET4) == NODE4
    # An ADD of the same owner takes the rules over.
    node.add(node.pod(), conf)
    assert not set(before) & set(comments(node))
    assert spoofs(*pods) == (False, False)
    assert source_seen(pods[0], node.outside, INTERNET4) == NODE4


def test_cleanup_removes_what_an_earlier_version_made(node):
    conf = network(spoofCheck=True)
    aged(node, conf)
    done = command(node, "cleanup --force", conf)
    assert done.returncode == 0, done.stderr
    assert node.run("nft", "list", "ruleset").stdout == ""
