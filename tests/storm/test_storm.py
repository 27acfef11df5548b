# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods come and go many at a time, beside neighbours that do their worst; then all is counted.

STORM=full: more pods, more storms (`make check-storms`). STORM_SEED=N: that storm again.
"""
import collections
import json
import os
import random
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin, quiet
from harness.delegates import debian
from harness.node import addresses_of, network
from harness.reboot import crash, reboot

FULL = os.environ.get("STORM") == "full"
PODS, AT_ONCE, STORMS = (200, 32, 5) if FULL else (30, 16, 1)
SEEDS = ([int(os.environ["STORM_SEED"])] if "STORM_SEED" in os.environ
         else [random.randrange(1 << 32) for _ in range(STORMS)])
each_seed = pytest.mark.parametrize("seed", SEEDS)

BRIDGE = "cni0"
GATEWAY, SIDE, THEIRS = "pods", "side", "theirs"  # networks


def one_with_a_gateway(node):
    """Three networks on one bridge: with a gateway, without, and with an IPAM plugin. The first
    and the last are quiet ones."""
    theirs, env = debian(node, {"type": "host-local", "ranges": [[{"subnet": "10.77.0.0/22"}]]},
                         name="their-ipam")
    theirs.update(name=THEIRS, isDefaultGateway=False, quietBridge=True)
    return [(conf_of(GATEWAY, "10.1.0.0/22", "fd00:1::/64", spoofCheck=True, isolate="strict",
                     quietBridge=True),
             None),
            (conf_of(SIDE, "10.9.0.0/22", macspoofchk=True, isDefaultGateway=False,
                     ipMasq=False, isolate=True), None),
            (theirs, env)]


def one_subnet(node):
    """Two networks on one bridge that share a subnet, each with a part of it."""
    first, second = conf_of(GATEWAY, "10.1.0.0/22"), conf_of(SIDE, "10.1.0.0/22")
    first["ipam"]["ranges"][0][0]["rangeEnd"] = "10.1.1.255"
    second["ipam"]["ranges"][0][0].update(rangeStart="10.1.2.0", gateway="10.1.0.1")
    return [(first, None), (second, None)]


def conf_of(name, *subnets, **changes):
    return network(name=name, bridge=BRIDGE, **changes,
                   ipam={"ranges": [[{"subnet": subnet}] for subnet in subnets]})


def wishes(nth):
    """The things that a pod asks for: every third a host port, every fourth a rate."""
    found = {}
    if nth % 3 == 0:
        found["portMappings"] = [{"hostPort": 20000 + nth, "containerPort": 80,
                                  "protocol": "tcp"}]
    if nth % 4 == 0:
        found["bandwidth"] = {"ingressRate": 10**8, "ingressBurst": 10**7,
                              "egressRate": 10**8, "egressBurst": 10**7}
    return found


class Life:
    """A pod on a network, and what is done to it: one verb after the other, or at once."""

    def __init__(self, pod, conf, env, verbs, at_once=False):
        self.pod, self.conf, self.env = pod, conf, env
        self.verbs, self.at_once = verbs, at_once
        self.result = None  # of the ADD that it lives by
        self.errors = []

    @property
    def network(self):
        return self.conf["name"]

    def run(self, verb):
        done = self.pod.node.invoke(verb, self.conf, self.pod, env=self.env)
        try:
            # Notices for the operator are no part of the contract here.
            done.stderr = re.sub(r"^bridge-cni: network .*\n", "", done.stderr, flags=re.M)
            result = plugin.judge(verb, done, self.conf["cniVersion"])
        except (plugin.CniError, plugin.Contract) as error:
            self.errors.append((verb, error))
        else:
            self.result = result


class Storm:
    def __init__(self, node, networks, seed):
        self.node, self.networks = node, networks
        self.random = random.Random(seed)
        self.lives = []

    def populate(self, count):
        for _ in range(count):
            conf, env = self.random.choice(self.networks)
            verbs, at_once = self.random.choices(
                [(["ADD"], False), (["ADD", "DEL"], False), (["ADD", "DEL", "ADD"], False),
                 (["ADD", "DEL", "ADD"], True)], weights=[5, 3, 3, 3])[0]
            if conf["name"] == GATEWAY:
                conf = {**conf, "runtimeConfig": wishes(len(self.lives))}
            self.lives.append(Life(self.node.pod(), conf, env, verbs, at_once))

    def rage(self, *neighbours):
        """All lives, AT_ONCE of them at a time, with the neighbours beside."""
        stop = threading.Event()
        threads = [threading.Thread(target=neighbour, args=(self.node, stop, random.Random(
            self.random.random()))) for neighbour in neighbours]
        for thread in threads:
            thread.start()
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                # Verbs that run at once are jobs of their own, next to each other.
                jobs = [job for life in self.lives for job in (
                    [(life.run, verb) for verb in life.verbs] if life.at_once
                    else [(run_all, life)])]
                for done in [pool.submit(*job) for job in jobs]:
                    done.result()
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def end(self):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda life: life.run("DEL"), self.lives))

    def errors(self):
        return [(life, verb, error) for life in self.lives for verb, error in life.errors]


def run_all(life):
    for verb in life.verbs:
        life.run(verb)


# -- neighbours


def writes_rules(node, stop, _):
    """Somebody else's table, again and again: nftables' generation changes all the time."""
    while not stop.is_set():
        node.run("nft", "-f", "-", check=False, input="""
            table inet foreign { chain c { type filter hook input priority 5; tcp dport 1 drop; }; }
            delete table inet foreign
            """)


FLUSHES = ["flush ruleset", "flush table inet bridge_cni", "delete table inet bridge_cni",
           "flush table bridge bridge_cni", "delete table bridge bridge_cni"]


def flushes_rules(node, stop, dice):
    while not stop.wait(dice.uniform(0, 0.1)):
        node.run("nft", dice.choice(FLUSHES), check=False)


def deletes_the_bridge(node, stop, dice):
    while not stop.wait(dice.uniform(0.05, 0.3)):
        node.run("ip", "link", "del", BRIDGE, check=False)


# Errors that a neighbour may cause: (neighbour, code, text of the message).
ITSELF = "another operation on the same attachment at once"
BLAME = [
    (ITSELF, plugin.EXISTS, "container pod.* already"),
    (ITSELF, plugin.TRY_AGAIN, "DEL.* came by"),
    (deletes_the_bridge, plugin.TRY_AGAIN, f"{BRIDGE} was deleted"),
    (deletes_the_bridge, plugin.KERNEL, BRIDGE),
    (flushes_rules, plugin.TRY_AGAIN,
     "flushed or deleted the rules meanwhile: .*element of set .* in table bridge_cni"),
]


def not_excused(storm, *neighbours):
    """The failures that are nobody's doing but the plugin's, as lines."""
    lines = []
    for life, verb, error in storm.errors():
        if isinstance(error, plugin.CniError) and any(
                neighbour in culprits and error.code == code and re.search(words, error.msg)
                for culprits in [neighbours + (ITSELF,) * (life.at_once and verb == "ADD")]
                for neighbour, code, words in BLAME):
            continue
        lines.append(f"{verb} of {life.pod.id} on {life.network}: {error}")
    return lines


# -- the audit


def kernel_addresses(pod):
    return [a["local"] for link in pod.ip_json("addr", "show", "dev", "eth0")
            for a in link.get("addr_info", []) if a["scope"] == "global"]


def twice(addresses):
    return [a for a, n in collections.Counter(addresses).items() if n > 1]


def own(node, name):
    return node.store / ".bridge-cni" / name


def recorded(node, name):
    """Container ID -> addresses, by the records."""
    found = {}
    for path in own(node, name).glob("p-*"):
        text = path.read_text()
        assert re.search(r"\nend [0-9a-f]{16}\n\Z", text), (path, text)
        container = re.search(r"^container (.*)$", text, re.M)[1]
        found[container] = re.findall(r"^address ([^/]+)/", text, re.M)
    return found


def aliases(node):
    """(network, container ID) of every host veth of ours, to its name."""
    return {tuple(link["ifalias"].split()[1:3]): name for name, link in node.links().items()
            if link.get("ifalias", "").startswith("bridge-cni ") and name.startswith("veth")}


def elements(node):
    """(set without the hash, text) of every element of a pod: not of sentinels, nor of the sets whose
    elements are networks, which stay with the rules."""
    doc = json.loads(node.run("nft", "-j", "list", "ruleset").stdout)["nftables"]
    return {(entry["set"]["name"].split("_")[0] + ":" + entry["set"]["name"][-4:],
             json.dumps(elem))
            for entry in doc if "set" in entry and entry["set"]["table"] == "bridge_cni"
            if "timeout" not in entry["set"]  # its elements go by themselves
            if not entry["set"]["name"].startswith(("networks", "isolate_", "strict_"))
            for elem in entry["set"].get("elem", [])
            if not re.search(r'"/"|"255\.255\.255\.255"|"(ff00|ffff:ffff)::"', json.dumps(elem))}


def audit(storm):
    """Each living pod is whole, the others have left nothing, and no address is there twice."""
    node, veths, found = storm.node, aliases(storm.node), []
    for conf, env in storm.networks:
        name = conf["name"]
        lives = {life.pod.id: life for life in storm.lives if life.network == name}
        records, held = recorded(node, name), collections.defaultdict(list)
        for address, owner in node.reservations(name).items():
            held[owner[0]].append(address)
        living = {container for network_name, container in veths if network_name == name}
        assert living == set(records), f"{name}: interfaces and records"
        assert living == set(held), f"{name}: interfaces and reservations"
        for container in living:
            life = lives[container]
            inside = kernel_addresses(life.pod)
            assert sorted(inside) == sorted(records[container]) == sorted(held[container])
            if not life.at_once:
                assert life.verbs[-1] == "ADD"
                assert sorted(addresses_of(life.result)) == sorted(inside)
            found += inside
        for life in lives.values():
            if life.pod.id not in living:
                assert list(life.pod.links()) == ["lo"], life.pod.id
                assert life.at_once or life.errors or life.verbs[-1] == "DEL", life.pod.id
    assert not twice(found), twice(found)
    assert len(veths) == len(node.host_veths())


def audit_elements(storm):
    """None but those of living pods."""
    veths = set(aliases(storm.node).values())
    living = {address for conf, _ in storm.networks
              for addresses in recorded(storm.node, conf["name"]).values()
              for address in addresses}
    for name, text in elements(storm.node):
        if name.startswith(("pods", "own")):
            assert set(re.findall(r'"([0-9a-f.:]+)"', text)) & living, (name, text)
        else:
            assert set(re.findall(r'"(veth\w+)"', text)) <= veths, (name, text)


def known(node):
    """The permanent ones on the bridge."""
    return {entry["dst"]: entry["lladdr"] for entry in node.ip_json(f"neigh show dev {BRIDGE}")
            if "PERMANENT" in entry["state"]}


def fixed(node):
    """MAC address -> port, of the bridge's entries that stay where they are."""
    return {words[0]: words[2] for words in map(str.split, node.run(
        "bridge", "fdb", "show", "br", BRIDGE).stdout.splitlines()) if "sticky" in words}


def lasting_groups(node):
    """(port, multicast group) of the bridge's entries that stay."""
    return {(entry["port"], entry["grp"])
            for table in json.loads(node.run("bridge", "-j", "mdb", "show", "dev", BRIDGE).stdout)
            for entry in table["mdb"] if entry["state"] == "permanent"}


def audit_neighbours(storm):
    """Those of living pods of quiet networks, and each is behind its pod's port."""
    node, wanted, ports, groups = storm.node, {}, {}, set()
    entries = fixed(node)
    for conf, _ in storm.networks:
        for container, addresses in recorded(node, conf["name"]).items():
            pod = next(life.pod for life in storm.lives if life.pod.id == container)
            if conf.get("quietBridge"):
                mac = pod.links()["eth0"]["address"]
                wanted.update({address: mac for address in addresses})
                ports[mac] = port = aliases(node)[conf["name"], container]
                if any(":" in address for address in addresses):
                    groups |= {(port, quiet.group_of(address)) for address in
                               [quiet.link_local_of(mac), *addresses] if ":" in address}
    assert known(node) == wanted
    assert ports.items() <= entries.items()
    assert groups <= lasting_groups(node)


def audit_end(storm):
    """After the last DEL: only what is shared."""
    node = storm.node
    if BRIDGE in node.links():
        assert (known(node), fixed(node), lasting_groups(node)) == ({}, {}, set())
    assert [name for name in node.links() if name.startswith(("veth", "ifb"))] == []
    assert elements(node) == set()
    for conf, _ in storm.networks:
        assert node.reservations(conf["name"]) == {}
        left = {path.name for path in own(node, conf["name"]).glob("*")}
        assert {name for name in left if not name.startswith(".network-")} <= {
            "index", "gateways"}, left
    for path in (node.run_dir / "bridge-cni").iterdir():
        assert node.run("flock", "-n", path, "true", check=False).returncode == 0, path
    for pod in node.pods:
        assert list(pod.links()) == ["lo"]


def heal(storm):
    """An ADD on each network, nobody beside: the rules of all its pods are there again."""
    before = len(storm.lives)
    for conf, env in storm.networks:
        if conf["name"] == GATEWAY:
            conf = {**conf, "runtimeConfig": wishes(1200)}
        storm.lives.append(Life(storm.node.pod(), conf, env, ["ADD"]))
        run_all(storm.lives[-1])
    assert not storm.lives[-1].errors
    for life in storm.lives[:before]:
        if life.result and life.verbs[-1] == "ADD" and not life.at_once:
            yield life


def weather(storm, *neighbours):
    storm.rage(*neighbours)
    assert not not_excused(storm, *neighbours), "\n".join(not_excused(storm, *neighbours))
    audit(storm)
    audit_elements(storm)
    if deletes_the_bridge not in neighbours:
        audit_neighbours(storm)
    for life in heal(storm):
        if deletes_the_bridge not in neighbours:
            storm.node.check(life.pod, life.conf, life.result, env=life.env)
    audit_elements(storm)
    storm.end()
    audit_end(storm)


each_layout = pytest.mark.parametrize("networks", [one_with_a_gateway, one_subnet])


@each_seed
@each_layout
def test_a_fresh_node(node, networks, seed):
    """Bridge, tables and store are made in the race; nothing may fail."""
    storm = Storm(node, networks(node), seed)
    storm.populate(PODS)
    weather(storm, writes_rules)


@each_seed
@each_layout
def test_rules_that_are_flushed_all_the_time(node, networks, seed):
    storm = Storm(node, networks(node), seed)
    storm.populate(PODS)
    weather(storm, writes_rules, flushes_rules)


@each_seed
@each_layout
def test_a_bridge_that_is_deleted_all_the_time(node, networks, seed):
    storm = Storm(node, networks(node), seed)
    storm.populate(PODS)
    weather(storm, writes_rules, flushes_rules, deletes_the_bridge)


@each_seed
def test_a_node_that_comes_back(node, seed):
    """Pods that race for addresses are given those that the last boot left."""
    # Another IPAM plugin keeps its addresses until its DEL is called.
    storm = Storm(node, one_with_a_gateway(node)[:2], seed)
    storm.populate(PODS // 2)
    storm.rage()
    assert recorded(node, GATEWAY) and recorded(node, SIDE)
    reboot(node)
    storm.lives = []
    storm.populate(PODS)
    weather(storm, writes_rules)


@each_seed
def test_dead_pods_that_make_room(node, seed):
    """The range is full but for them, so that they are deleted in the race, each once."""
    conf = conf_of(GATEWAY, "10.1.0.0/22", spoofCheck=True, quietBridge=True)
    dead = [node.pod() for _ in range(PODS // 2)]
    conf["ipam"]["ranges"][0][0].update(rangeStart="10.1.0.2",
                                        rangeEnd=f"10.1.{(PODS + 3) // 256}.{(PODS + 3) % 256}")
    for pod in dead:
        node.add(pod, conf)
    crash(*dead)
    storm = Storm(node, [(conf, None)], seed)
    storm.populate(PODS)
    weather(storm, writes_rules)


@each_seed
def test_a_DEL_beside_an_ADD_that_puts_rules_back_leaves_nothing(node, seed):
    """The ADD reads the records of all pods, and the DEL takes one away, and its elements."""
    storm, dice = Storm(node, one_with_a_gateway(node), seed), random.Random(seed)
    networks = [storm.networks[0], storm.networks[2]]
    for _ in range(PODS // 2):
        conf, env = dice.choice(networks)
        going, coming = (Life(node.pod(), conf, env, ["ADD"]) for _ in range(2))
        storm.lives = [going]
        run_all(going)
        node.nft("flush ruleset")
        with ThreadPoolExecutor() as pool:
            for life, verb in dice.sample([(going, "DEL"), (coming, "ADD")], 2):
                pool.submit(life.run, verb)
                time.sleep(dice.uniform(0, 0.004))
        storm.lives = [coming]
        assert not going.errors + coming.errors, going.errors + coming.errors
        audit_elements(storm)
        node.check(coming.pod, conf, coming.result, env=env)
        coming.run("DEL")
        audit_end(storm)
        for life in (going, coming):
            life.pod.remove()
