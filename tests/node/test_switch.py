# SPDX-License-Identifier: GPL-2.0-or-later
"""A node goes from the reference plugins to bridge-cni and back with its pods running."""
import hashlib
import os
import pathlib
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin, snapshot
from harness.command import repair
from harness.portmap import ask, elements, ports, served, settled
from harness.loopback import localnet
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NETWORK, NODE4,
                          addresses_of, network)
from harness.waiting import wait_for

REFERENCE = pathlib.Path("/usr/lib/cni/bridge")  # Debian: containernetworking-plugins
pytestmark = [pytest.mark.must_run,
              pytest.mark.skipif(not REFERENCE.exists(), reason=f"no {REFERENCE}")]

FAMILIES = ["v4", "v6", "dual"]
GATEWAYS = {"v4": [GATEWAY4], "v6": [GATEWAY6], "dual": [GATEWAY4, GATEWAY6]}
INTERNET = {"v4": [INTERNET4], "v6": [INTERNET6], "dual": [INTERNET4, INTERNET6]}


class Reference:
    """The reference's bridge and host-local on the same node, by the same configuration."""

    def __init__(self, node, iptables="nft"):
        directory = node.directory / "iptables"
        directory.mkdir()
        for name in ("iptables", "ip6tables"):
            for suffix in ("", "-save", "-restore"):
                path = pathlib.Path(f"/usr/sbin/{name}-{iptables}{suffix}")
                (directory / f"{name}{suffix}").symlink_to(path)
        self.node = node
        self.kw = {"executable": str(REFERENCE),
                   "env": {"PATH": f"{directory}:{os.environ['PATH']}"}}

    def add(self, pod, conf):
        return self.node.add(pod, self.of(conf), **self.kw)

    def check(self, pod, conf, prev):
        return self.node.check(pod, self.of(conf), self.of(prev), **self.kw)

    def delete(self, pod, conf, prev=None):
        return self.node.delete(pod, self.of(conf), prev and self.of(prev), **self.kw)

    def delete_ours(self, pod, conf, prev):
        """As a runtime does it: again, after an error.

        The reference removes interface and address, then misses its own rules: newer
        versions of iptables say so in words that it doesn't know.
        """
        kw = {**self.kw, "env": {**self.kw["env"], "CNI_NETNS": pod.netns}}
        conf = {**self.of(conf), "prevResult": self.of(prev)}
        first = self.node.invoke("DEL", conf, pod, **kw)
        assert first.returncode == 0 or "does not exist" in first.stdout or \
            "Couldn't load target" in first.stdout, first
        again = self.node.invoke("DEL", conf, pod, **kw)
        assert (again.returncode, again.stdout) == (0, "")

    @staticmethod
    def of(conf):
        """Debian's speaks no 1.1.0."""
        return {**conf, "cniVersion": min(conf["cniVersion"], "1.0.0")}


def used_by_both(node, families, **kw):
    """Both programs have made what pods share, so that only a pod makes a difference."""
    reference, conf = Reference(node, **kw), network(families)
    # The reference's bridge address would take a second to serve.
    node.sysctl("ipv6.conf.default.accept_dad", 0)
    for program in (reference, node):
        pod = node.pod()
        program.add(pod, conf)
        program.delete(pod, conf)
        pod.remove()
    return reference, conf


def vanish(node, pod):
    """The pod's namespace goes, and its interfaces with it, which takes a moment."""
    others = sum(len(p.links()) - 1 for p in node.pods if p is not pod)
    pod.remove()
    wait_for(lambda: len(node.host_veths()) <= others)


def still(node):
    """The node without what a pod leaves for good: the last address and spare files."""
    state = node.state()
    state["disk"] = {name: content for name, content in state["disk"].items()
                     if "last_reserved_ip" not in name and ".bridge-cni" not in name}
    return state


def chain_of(pod, name=NETWORK):
    return "CNI-" + hashlib.sha512((name + pod.id).encode()).hexdigest()[:24]


def ruleset(node):
    return node.run("nft", "list", "ruleset").stdout


def serves(node, pod, families):
    assert all(pod.ping(address) for address in GATEWAYS[families] + INTERNET[families])


@pytest.mark.parametrize("namespace", ["there", "unmentioned", "gone"])
@pytest.mark.parametrize("families", FAMILIES)
def test_nothing_is_left_of_a_pod_that_the_reference_made(node, families, namespace):
    reference, conf = used_by_both(node, families)
    before = still(node)
    pod = node.pod()
    reference.add(pod, conf)
    tables = {"v4": 1, "v6": 1, "dual": 2}[families]
    assert ruleset(node).count(f"chain {chain_of(pod)}") == tables
    env = {}
    if namespace == "gone":
        vanish(node, pod)
    elif namespace == "unmentioned":
        # As the kubelet of old did: the interface goes with the namespace, later.
        env["CNI_NETNS"] = ""
    node.delete(pod, conf, env=env)
    assert chain_of(pod) not in ruleset(node)
    if namespace == "unmentioned":
        vanish(node, pod)
    elif namespace == "there":
        assert "eth0" not in pod.links()
        pod.remove()
    snapshot.assert_same(before, still(node))
    node.delete(pod, conf)
    snapshot.assert_same(before, still(node))


@pytest.mark.parametrize("families", FAMILIES)
def test_over_and_back_with_running_pods(node, families):
    reference, conf = used_by_both(node, families)
    before = still(node)
    old, older, new, newer = (node.pod() for _ in range(4))
    theirs = [reference.add(pod, conf) for pod in (old, older)]
    given = [addresses_of(result) for result in theirs]

    result = node.add(new, conf)
    given.append(addresses_of(result))
    for pod in (old, older, new):
        serves(node, pod, families)
    assert all(new.ping(address) for address in given[0])
    node.check(old, conf, theirs[0])
    node.delete(old, conf)
    serves(node, older, families)

    given.append(addresses_of(reference.add(newer, conf)))
    for pod in (older, new, newer):
        serves(node, pod, families)
    one_sequence(given)
    reference.check(new, conf, result)
    reference.delete_ours(new, conf, result)
    assert "eth0" not in new.links()
    serves(node, newer, families)
    reference.delete(older, conf)
    node.delete(newer, conf)
    for pod in list(node.pods):
        pod.remove()
    snapshot.assert_same(before, still(node))


def one_sequence(given):
    """Every address is the one behind the last one's, whoever gave it."""
    numbers = [[int(re.split("[.:]", address)[-1], 16 if ":" in address else 10)
                for address in addresses] for addresses in given]
    first = numbers[0]
    assert numbers == [[n + i for n in first] for i in range(len(numbers))]


@pytest.mark.parametrize("namespace", ["there", "gone"])
@pytest.mark.parametrize("families", FAMILIES)
def test_the_reference_deletes_what_bridge_cni_made(node, families, namespace):
    reference, conf = used_by_both(node, families)
    before = still(node)
    pod = node.pod()
    result = node.add(pod, conf)
    if namespace == "gone":
        vanish(node, pod)
    reference.delete_ours(pod, conf, result)
    if namespace == "there":
        pod.remove()
    snapshot.assert_same(before, still(node))
    # The pod's address and identity are free for bridge-cni again.
    back = node.pod()
    back.id = pod.id
    node.add(back, conf)
    serves(node, back, families)


def test_other_pods_and_other_rules_stay(node):
    reference, conf = used_by_both(node, "dual")
    going, staying, elsewhere = node.pod(), node.pod(), node.pod()
    second = network("v4", name="second", bridge="cni1", isDefaultGateway=False,
                     isGateway=True, ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    reference.add(staying, conf)
    # The same container on another network of the reference.
    elsewhere.id = going.id
    reference.add(elsewhere, second)
    node.nft("add rule ip nat POSTROUTING ip saddr 10.77.0.1 counter accept")
    before = snapshot.kernel(node)
    reference.add(going, conf)
    node.delete(going, conf)
    snapshot.assert_same(before, snapshot.kernel(node))
    for pod in (staying, elsewhere):
        assert chain_of(pod, "second" if pod is elsewhere else NETWORK) in ruleset(node)
    serves(node, staying, "dual")


def test_several_DELs_at_once_are_all_successes(node):
    reference, conf = used_by_both(node, "dual")
    before = still(node)
    for _ in range(5):
        pod = node.pod()
        reference.add(pod, conf)
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(node.delete, pod, conf) for _ in range(4)]:
                done.result()
        pod.remove()
    snapshot.assert_same(before, still(node))


def nftables_of_the_reference(node, entries):
    """Makes the rules that the reference of 1.6 and later has with ipMasqBackend "nftables"."""
    lines = [f'add rule inet cni_plugins_masquerade masq_checks {family} saddr == {ip} '
             f'{family} daddr != {net} masquerade comment "{comment}"'
             for family, ip, net, comment in entries]
    node.nft("""
        add table inet cni_plugins_masquerade { comment \
            "Masquerading for plugins from github.com/containernetworking/plugins"; }
        add chain inet cni_plugins_masquerade masq_checks { comment \
            "Masquerade traffic from certain IPs to any (non-multicast) IP outside \
their subnet"; }
        add chain inet cni_plugins_masquerade postrouting {\
            type nat hook postrouting priority srcnat; }
        flush chain inet cni_plugins_masquerade postrouting
        add rule inet cni_plugins_masquerade postrouting ip daddr == 224.0.0.0/4 return
        add rule inet cni_plugins_masquerade postrouting ip6 daddr == ff00::/8 return
        add rule inet cni_plugins_masquerade postrouting goto masq_checks
        """ + "\n".join(lines) + "\n")


def comment_of(pod, name=NETWORK, ifname="eth0"):
    def digits(text):
        return hashlib.sha512(text.encode()).hexdigest()[:16]

    return (f"{digits(name)}-{digits(f'{ifname}:{pod.id}')}, net: {name}, if: {ifname}, "
            f"id: {pod.id}")[:128]


def without_iptables(node, pod):
    """The pod of a reference that uses nftables: no chain in the table nat."""
    for family in ("ip", "ip6"):
        for line in node.run("nft", "-a", "list", "chain", family, "nat",
                             "POSTROUTING", check=False).stdout.splitlines():
            if chain_of(pod) in line:
                node.nft(f"delete rule {family} nat POSTROUTING handle "
                         f"{line.split()[-1]}")
        node.run("nft", "flush", "chain", family, "nat", chain_of(pod), check=False)
        node.run("nft", "delete", "chain", family, "nat", chain_of(pod), check=False)


@pytest.mark.parametrize("namespace", ["there", "gone"])
@pytest.mark.parametrize("id_bytes", [24, 80])
def test_the_rules_of_its_nftables_backend_go(node, id_bytes, namespace):
    """With the longest comment, too: it is as long as nft allows."""
    reference, conf = used_by_both(node, "dual")
    going, staying = node.pod(), node.pod()
    going.id = hashlib.sha512(going.id.encode()).hexdigest()[:id_bytes]
    kept = [("ip", "10.1.2.77", "10.1.2.0/24", comment_of(staying)),
            ("ip", "10.1.2.78", "10.1.2.0/24", comment_of(going, ifname="eth1")),
            ("ip", "10.1.2.79", "10.1.2.0/24", comment_of(going, name="second"))]
    nftables_of_the_reference(node, kept)
    before = snapshot.kernel(node)
    ips = addresses_of(reference.add(going, conf))
    without_iptables(node, going)
    comment = comment_of(going)
    assert len(comment) == 128 or id_bytes < 80
    nftables_of_the_reference(node, [("ip", ips[0], "10.1.2.0/24", comment),
                                     ("ip6", ips[1], "fd00:1:2::/64", comment)])
    assert ruleset(node).count(comment) == 2
    if namespace == "gone":
        vanish(node, going)
    node.delete(going, conf)
    snapshot.assert_same(before, snapshot.kernel(node))


# -- what nftables can't reach


@pytest.mark.parametrize("families", FAMILIES)
def test_a_chain_of_iptables_legacy_is_named_with_the_command_that_removes_it(node,
                                                                             families):
    reference, conf = used_by_both(node, families, iptables="legacy")
    before = legacy_rules(node)
    kept, pod = node.pod(), node.pod()
    reference.add(kept, conf)
    with_kept = legacy_rules(node)
    reference.add(pod, conf)
    done = node.invoke("DEL", conf, pod)
    assert (done.returncode, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    assert len(lines) == (2 if families == "dual" else 1)
    for line in lines:
        assert line.startswith("bridge-cni: ") and chain_of(pod) in line
        assert pod.id in line and chain_of(kept) not in line
        node.run("sh", "-c", line.split("to remove it: ")[1])
    assert legacy_rules(node) == with_kept != before
    node.delete(pod, conf)  # quiet now


def legacy_rules(node):
    return [node.run(f"{name}-legacy", "-t", "nat", "-S").stdout
            for name in ("iptables", "ip6tables")]


def test_no_word_about_iptables_legacy_that_holds_other_chains(node):
    conf, pod = network("dual"), node.pod()
    legacy_rules(node)  # to look is to make
    node.run("iptables-legacy", "-t", "nat", "-N", "CNI-other")
    node.add(pod, conf)
    node.delete(pod, conf)
    node.delete(pod, conf)


def test_no_table_of_iptables_legacy_appears(node):
    pod = node.pod()
    node.add(pod, network("dual"))
    for _ in range(2):
        node.delete(pod, network("dual"))
    for name in ("ip_tables_names", "ip6_tables_names"):
        assert node.run("cat", f"/proc/net/{name}", check=False).stdout == ""


# -- what the reference knows nothing of: host ports, the elements of spoofCheck, the record


def recorded(node):
    """The texts of all records."""
    return [content for path, content in node.state()["disk"].items()
            if "/p-" in path]


@pytest.mark.parametrize("successor", ["reference", "bridge-cni", None])
@pytest.mark.parametrize("tool", ["repair", "GC"])
def test_repair_and_GC_take_what_the_references_DEL_left(node, tool, successor):
    """The pod's namespace is there still, so that only interface and address tell."""
    both = [{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.2", "rangeEnd": "10.1.2.3"}]
    shape = {"families": "v4", "ipam": {"ranges": [both]}, "spoofCheck": True,
             "ipMasq": None}
    conf, plain = ports((8080, 80), **shape), network(**shape)
    conf["ipam"]["ranges"] = plain["ipam"]["ranges"] = [both]
    reference, gone, stays, new = Reference(node), node.pod(), node.pod(), node.pod()
    without = node.add(stays, plain)
    result = node.add(gone, conf)
    settled(node)
    reference.delete(gone, plain, result)
    assert elements(node)["hostports4"] and localnet(node) == "1", "nothing is left to take"
    if successor:
        given = (node if successor == "bridge-cni" else reference).add(new, plain)
        assert addresses_of(given) == addresses_of(result)
    with served(new, 80):
        if tool == "repair":
            lines = repair(node, conf)
            assert any(gone.id in line and "another program" in line for line in lines)
        else:
            valid = [{"containerID": pod.id, "ifname": "eth0"} for pod in (stays, new)]
            done = node.invoke("GC", {**conf, "cni.dev/valid-attachments": valid})
            assert done.returncode == 0, done.stdout
        assert ask(node.outside, NODE4, 8080, timeout=0.3) is None
    assert "hostports4" not in elements(node) and localnet(node) == "0"
    assert len(recorded(node)) == (2 if successor == "bridge-cni" else 1)
    assert not any(gone.id in str(record) for record in recorded(node))
    for pod in [stays] + [new] * bool(successor):
        assert pod.ping(GATEWAY4), "a pod that is there lost what it has"
    node.check(stays, plain, without)
    assert repair(node, conf) == ["nothing to mend"]


# -- what it costs those that never were the reference's


LOOK_UP = "NFT_MSG_GETCHAIN"


def traced_delete(node, conf, pod):
    trace = node.directory / "trace"
    done = node.invoke("DEL", conf, pod, env={"ASAN_OPTIONS": "detect_leaks=0"},
                       wrapper=["strace", "-f", "-qq", "-e",
                                "trace=openat,sendto", "-o", str(trace)])
    plugin.judge("DEL", done, plugin.NEWEST)
    return trace.read_text()


def test_a_DEL_of_our_own_pod_does_not_look_for_them(node):
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    first = traced_delete(node, conf, pod)
    assert LOOK_UP not in first and "ip_tables_names" not in first
    assert pod.netns not in first, "the namespace was opened"


def test_nor_does_one_that_finds_its_record_alone(node):
    """The pod's namespace went first, and its interface with it."""
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    vanish(node, pod)
    assert LOOK_UP not in traced_delete(node, conf, pod)


def test_a_second_DEL_looks_up_but_loads_no_libnftables(node):
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    second = traced_delete(node, conf, pod)
    assert LOOK_UP in second and "libnftables" not in second
