# SPDX-License-Identifier: GPL-2.0-or-later
"""How the guard of the tunnels keeps its table: test_guard_packets.py has what it lets in."""
import contextlib
import ipaddress
import json
import re
import select
import subprocess
import threading

import pytest

from harness import plugin
from harness.guarded import (
    BOTH, FAMILIES, MAC, ONE, ONES, OTHER, OWN, POD, PORT, TABLE, VNI, inner, made, spec)


@pytest.fixture
def guarded(tmp_path):
    with made(tmp_path) as guarded:
        yield guarded


def ruleset(guarded):
    """Without counters; chains that were made anew may stand elsewhere."""
    text = guarded.node.run("nft", "-s", "list", "table", "inet", "bridge_cni_tunnel").stdout
    return sorted(part.rstrip("}\n\t") for part in text.split("\n\n"))


NOTHING = {"made": 0, "rules": 0, "added": 0, "deleted": 0}


def did(done):
    return {key: done[key] for key in NOTHING}


def test_the_table_comes_and_goes(guarded):
    before = guarded.node.run("nft", "list", "ruleset").stdout
    done, again = guarded.ensure(spec() + "then\n" + spec())
    assert did(done) == {**NOTHING, "made": 1, "added": 10}
    assert did(again) == NOTHING
    assert "dormant" not in "".join(ruleset(guarded))
    assert json.loads(guarded.node.run(guarded.program, "remove").stdout) == {"removed": 1}
    assert guarded.node.run("nft", "list", "ruleset").stdout == before
    assert json.loads(guarded.node.run(guarded.program, "remove").stdout) == {"removed": 0}
    assert set(guarded.counters().values()) == {0}


# Of nft's language since 1.0.6: a chain or a variable of that name is a syntax error.
NEW_WORDS = {"destroy", "geneve", "gre", "gretap", "tunnel", "vni", "vxlan"}


def test_no_name_is_a_word_of_newer_versions_of_nft(guarded):
    guarded.ensure(spec())
    names = re.findall(r"\t(?:chain|set|counter) (\S+) {", "".join(
        guarded.node.run("nft", "list", "table", *TABLE.split()).stdout))
    source = (plugin.REPOSITORY / "deploy/agent/tunnel/guard_rules.c").read_text()
    variables = re.findall(r"define (\w+) =", source)
    assert "outer" in names and "guard_port" in variables
    assert not NEW_WORDS & {*names, *variables}


@pytest.mark.parametrize("harm", [
    "flush ruleset", f"delete table {TABLE}", f"flush table {TABLE}", f"flush set {TABLE} sources_44_24",
    f"flush set {TABLE} own_6_64", f"flush chain {TABLE} outer", f"flush chain {TABLE} underlay",
    f"insert rule {TABLE} outer accept", f"add rule {TABLE} inner accept", f"flush chain {TABLE} forged",
    f"delete chain {TABLE} underlay", f"add table {TABLE} {{ flags dormant; }}",
    f"add element {TABLE} sources_44_24 {{ 192.0.2.11 . 0x0a0a0000 }}",
    f"delete element {TABLE} own_4_24 {{ 10.1.2.0 }}; add element {TABLE} own_4_24 {{ 10.1.3.0 }}",
    f"add set {TABLE} own_4_16 {{ type ipv4_addr; elements = {{ 10.1.0.0 }}; }}; "
    f"insert rule {TABLE} tunnelled ip daddr & 255.255.0.0 @own_4_16 accept",
    f"add chain {TABLE} theirs; add rule {TABLE} theirs accept",
    f"add set {TABLE} sources_66_56 {{ type ipv6_addr; }}",
    f"flush table {TABLE}; delete chain {TABLE} underlay; delete chain {TABLE} inner; "
    f"delete chain {TABLE} outer; delete set {TABLE} sources_44_24",
], ids=lambda harm: harm.split("{")[0].replace(TABLE, "").replace("  ", " ").strip())
def test_what_others_change_is_put_back(guarded, harm):
    """By the process that made it as well, which goes by nftables' generation."""
    process = guarded.node.popen([guarded.program, "ensure"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)

    def ensure():
        process.stdin.write(spec() + "then\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    assert ensure()["made"]
    right = ruleset(guarded)
    assert did(ensure()) == NOTHING
    guarded.node.nft("add table inet others; delete table inet others")
    assert did(ensure()) == NOTHING
    guarded.node.nft(harm.replace("; ", "\n") if "flags" not in harm else harm)
    assert did(ensure()) != NOTHING
    assert ruleset(guarded) == right
    ensure()
    assert did(ensure()) == NOTHING
    process.stdin.close()
    process.wait()


def other_version(guarded):
    """The commands that make the table as a version had it whose sets don't count: its rules have
    the hash of those sets."""
    text = guarded.node.run("nft", "-s", "list", "table", *TABLE.split()).stdout
    assert "counter" in text.split("chain ")[0]
    sets, rules = text.split("\tchain ", 1)
    old = re.sub("(?<=v2 )([0-9]+ [0-9a-f]{16}) [0-9a-f]{16}", r"\1 0123456789abcdef",
                 sets.replace("\t\tcounter\n", "").replace(" counter", "") + "\tchain " + rules)
    return f"delete table {TABLE}\n{old}"


def test_the_table_of_a_version_with_other_sets_is_made_anew(guarded):
    guarded.ensure(spec())
    right = ruleset(guarded)
    guarded.node.nft(other_version(guarded))
    assert guarded.ensure(spec())[0]["made"]
    assert ruleset(guarded) == right


def test_a_table_that_was_not_finished_is_made_anew(guarded):
    """Somebody who made it was killed before it was woken."""
    guarded.node.nft(f"table {TABLE} {{ flags dormant; chain underlay {{ }}; }}")
    assert guarded.ensure(spec())[0]["made"]
    right = ruleset(guarded)
    guarded.node.nft("flush ruleset")
    guarded.ensure(spec())
    assert ruleset(guarded) == right


def test_port_vni_and_mac_address_change_in_place(guarded):
    guarded.ensure(spec())
    other = spec(port=4789, vni=7).replace(MAC, "02:00:00:00:00:0c")
    done, again = guarded.ensure(other + "then\n" + other)
    assert did(done) == {**NOTHING, "rules": 1} and did(again) == NOTHING
    changed = ruleset(guarded)
    guarded.node.nft("flush ruleset")
    guarded.ensure(other)
    assert changed == ruleset(guarded)


def test_a_range_may_be_inside_of_another(guarded):
    """Or be said twice. Each length of prefixes has its sets, which come and go with it."""
    plain = guarded.ensure(spec()) and ruleset(guarded)
    extra = spec(f"source {ONE[4]} 10.1.11.128/25", f"source {ONE[4]} 10.1.11.0/24",
                 "own 10.1.2.64/26")
    assert did(guarded.ensure(extra)[0]) == {**NOTHING, "rules": 1, "added": 2}
    assert did(guarded.ensure(extra)[0]) == NOTHING
    sets = guarded.node.run("nft", "list", "sets", "table", "inet", "bridge_cni_tunnel").stdout
    assert "sources_44_25" in sets and "own_4_26" in sets
    for number in (7, 200):
        mark = guarded.mark()
        frame = guarded.around(inner(4, f"10.1.11.{number}", POD, mark), 4, ONE[4])
        guarded.passes(frame, mark=mark, family=4)
    # The wider one stays when the one inside goes.
    assert guarded.ensure(spec())[0]["rules"]
    assert ruleset(guarded) == plain
    mark = guarded.mark()
    frame = guarded.around(inner(4, "10.1.11.200", POD, mark), 4, ONE[4])
    guarded.passes(frame, mark=mark, family=4)


LENGTHS = {4: [8, 13, 16, 20, 23, 24, 25, 31, 32], 6: [16, 33, 48, 63, 64, 65, 96, 127, 128]}
WITHIN = {4: "20.85.170.85", 6: "2a55:aaaa:5555:aaaa:5555:aaaa:5555:aaaa"}


def networks(family):
    """One of each length: the network, its first and its last address, and those beside them."""
    for length in LENGTHS[family]:
        network = ipaddress.ip_network((WITHIN[family], length), strict=False)
        yield network, [(str(network[0]), True), (str(network[-1]), True),
                        (str(network[0] - 1), False), (str(network[-1] + 1), False)]


def rest():
    return "\n".join([f"vxlan {PORT} {VNI} {MAC}", *(f"own {OWN[f]}" for f in FAMILIES),
                      *(f"source {ONE[4]} {ONES[f]}" for f in FAMILIES), ""])


@pytest.mark.parametrize("outer,family", BOTH)
def test_prefixes_of_any_length_let_in_their_addresses_and_no_other(guarded, outer, family):
    for network, addresses in networks(family):
        guarded.ensure(rest() + f"source {ONE[outer]} {network}\n")
        for source, right in addresses:
            mark = guarded.mark()
            frame = guarded.around(inner(family, source, POD, mark), outer, ONE[outer])
            if right:
                guarded.passes(frame, mark=mark, family=family)
            else:
                guarded.drops(frame, reason="source", family=family)


@pytest.mark.parametrize("family", FAMILIES)
def test_own_prefixes_of_any_length_are_reached_and_no_other(guarded, family):
    """The counters tell which are let in: these addresses are on no interface."""
    for network, addresses in networks(family):
        guarded.ensure(rest() + f"own {network}\n")
        for target, right in addresses:
            frame = guarded.around(inner(family, ONES, target, "no"), 4, ONE[4])
            assert guarded.outcome(lambda: guarded.send(frame), family=family) == (
                [], {} if right else {"destination": 1}), (network, target)


@contextlib.contextmanager
def traffic(guarded, *frames):
    """They are sent all the time. Gives the list of what is heard of them."""
    ended, sent, heard = threading.Event(), [], []
    packets = [bytes(frame) for frame in frames]

    def send():
        while not ended.is_set():
            guarded.send(*packets)
            sent.append(1)
            ended.wait(0.0002)
            while select.select([guarded.heard[4]], [], [], 0)[0]:
                heard.append(guarded.heard[4].recv(65536).decode())

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield heard
    finally:
        ended.set()
        thread.join()
    assert len(sent) > 100


@pytest.fixture
def right(guarded):
    """What one of the peers' pods sends."""
    return guarded.around(inner(4, ONES, POD, "on and on"), 4, ONE[4])


def test_making_and_changing_it_drops_nothing_that_is_right(guarded, right):
    with traffic(guarded, right):
        for _ in range(10):
            assert guarded.ensure(spec())[0]["made"]
            wider = spec().replace("10.1.11.0/24", "10.1.10.0/23")
            assert did(guarded.ensure(wider)[0]) == {**NOTHING, "rules": 1, "added": 2, "deleted": 2}
            moved = wider.replace("10.1.12.0/24", "10.1.13.0/24")
            assert did(guarded.ensure(moved)[0]) == {**NOTHING, "added": 2, "deleted": 2}
            assert guarded.ensure(spec(vni=VNI, port=PORT).replace(
                f"own {OWN[6]}\n", "wireguard\n"))[0]["rules"]
            assert set(guarded.counters().values()) == {0}
            guarded.node.nft(f"flush table {TABLE}")
            guarded.ensure(spec())
            assert set(guarded.counters().values()) == {0}
            guarded.node.nft(f"delete table {TABLE}")
        guarded.ensure(spec())
    assert set(guarded.counters().values()) == {0}


def test_a_table_that_cant_be_mended_guards_until_another_one_does(guarded, right):
    """As at an update: a packet to what is no pod of the node never comes through, and what is right
    always does."""
    guarded.ensure(spec())
    old = other_version(guarded)
    wrong = guarded.around(inner(4, ONES, OTHER[4], "wrong"), 4, ONE[4])
    with traffic(guarded, right, wrong) as heard:
        for _ in range(10):
            guarded.node.nft(old)
            assert guarded.ensure(spec())[0]["made"]
            counted = guarded.counters()
            assert {key for key in counted if counted[key]} <= {"destination"}
    assert len(heard) > 100 and {*heard} == {"on and on"}


def big(changed=False):
    """5,000 nodes with ranges of both families."""
    lines = [f"vxlan {PORT} {VNI} {MAC}", "own 10.0.0.0/24", "own fd00::/64"]
    for i in range(1, 5001):
        outer = f"172.{17 if changed and i == 4999 else 16}.{i >> 8}.{i & 255}"
        lines += [f"source {outer} 10.{i >> 8}.{i & 255}.0/24",
                  f"source {outer} fd00:0:0:{i:x}::/64"]
    return "\n".join([*lines, ""])


def test_with_5000_nodes_one_change_is_a_matter_of_milliseconds(guarded):
    """Also where others have 90,000 rules: libnftables, which would read them, has no part."""
    chains = "".join(f"chain c{i} {{ " + "tcp dport 80 counter; " * 30 + "}\n"
                     for i in range(3000))
    guarded.ensure(spec())
    guarded.node.nft(f"table inet other {{ {chains} }}")
    steps = [big(), big(), *[big(True), big()] * 3]
    done = guarded.ensure("then\n".join(steps))
    for step in done:
        print(step)
    assert [step["added"] for step in done] == [10002, 0] + [2] * 6
    assert min(step["cpu_ms"] for step in done[2:]) < 10


def test_a_table_of_5000_nodes_is_exchanged_whole(guarded):
    """By one message to the kernel. A set has its elements in any order."""
    def words():
        return sorted("".join(ruleset(guarded)).replace(",", " ").split())

    guarded.ensure(big())
    right = words()
    guarded.node.nft(other_version(guarded))
    assert guarded.ensure(big())[0]["made"]
    assert words() == right
