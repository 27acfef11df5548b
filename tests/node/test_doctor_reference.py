# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` and rules that the reference plugins have left: of pods that are gone they are told,
with the command that removes them and nothing else; of living ones they are no finding."""
import hashlib
import os
import shutil

import pytest

from harness import distribution
from harness.doctor import findings, one, ours, told_and_mended
from harness.node import NETWORK, addresses_of

pytestmark = pytest.mark.must_run

GONE, GONE6 = "10.1.2.77", "fd00:1:2::77"


def digits(*words):
    return hashlib.sha512("".join(words).encode()).hexdigest()


class ByIptables:
    """The reference's rules by iptables, as pkg/ip and portmap write them."""

    def __init__(self, node, kind):
        self.node, self.kind = node, kind
        if not shutil.which(f"iptables-{kind}"):
            distribution.lacks(f"there is no iptables-{kind}")

    def run(self, address, *words):
        self.node.run(f"ip{'6' * (':' in address)}tables-{self.kind}", "-t", "nat", *words)

    def masquerade(self, address, container, name=NETWORK):
        chain = "CNI-" + digits(name, container)[:24]
        comment = ("-m", "comment", "--comment", f'name: "{name}" id: "{container}"')
        six = ":" in address
        self.run(address, "-N", chain)
        self.run(address, "-A", chain, "-d", "fd00:1:2::/64" if six else "10.1.2.0/24", *comment, "-j", "ACCEPT")
        self.run(address, "-A", chain, "!", "-d", "ff00::/8" if six else "224.0.0.0/4", *comment, "-j", "MASQUERADE")
        self.run(address, "-A", "POSTROUTING", "-s", address, *comment, "-j", chain)

    def lead(self, address, container, name=NETWORK):
        chain = "CNI-DN-" + digits(name, container)[:21]
        listed = self.node.run(f"ip{'6' * (':' in address)}tables-{self.kind}", "-t", "nat", "-S").stdout
        if "-N CNI-HOSTPORT-DNAT" not in listed:
            self.run(address, "-N", "CNI-HOSTPORT-DNAT")
            self.run(address, "-A", "PREROUTING", "-m", "addrtype", "--dst-type", "LOCAL", "-j", "CNI-HOSTPORT-DNAT")
        self.run(address, "-N", chain)
        for protocol in ("tcp", "udp"):
            self.run(address, "-A", chain, "-p", protocol, "--dport", "8080", "-j", "DNAT", "--to-destination",
                     f"[{address}]:80" if ":" in address else f"{address}:80")
            self.run(address, "-A", "CNI-HOSTPORT-DNAT", "-p", protocol, "-m", "comment", "--comment",
                     f'dnat name: "{name}" id: "{container}"', "-m", "multiport", "--destination-ports", "8080",
                     "-j", chain)

    def rules(self):
        return [self.node.run(f"{program}-{self.kind}", "-t", "nat", "-S").stdout for program in ("iptables", "ip6tables")]


class ByNftables:
    """The same by nftables, for plugins since 1.6."""

    def __init__(self, node):
        self.node = node
        node.nft("""
            table inet cni_plugins_masquerade {
                chain masq_checks { }
                chain postrouting {
                    type nat hook postrouting priority srcnat; policy accept;
                    ip daddr 224.0.0.0/4 return
                    ip6 daddr ff00::/8 return
                    goto masq_checks
                }
            }""")
        for family in ("ip", "ip6"):
            node.nft(f"""
                table {family} cni_hostport {{
                    chain hostports {{ }}
                    chain hostip_hostports {{ }}
                    chain hostports_all {{ jump hostip_hostports; jump hostports; }}
                    chain masquerading {{ type nat hook postrouting priority srcnat; policy accept; }}
                    chain prerouting {{
                        type nat hook prerouting priority dstnat; policy accept;
                        fib daddr type local jump hostports_all
                    }}
                }}""")

    def masquerade(self, address, container, name=NETWORK):
        family, subnet = ("ip6", "fd00:1:2::/64") if ":" in address else ("ip", "10.1.2.0/24")
        comment = f"{digits(name)[:16]}-{digits('eth0:', container)[:16]}, net: {name}, if: eth0, id: {container}"[:128]
        self.node.nft(f"add rule inet cni_plugins_masquerade masq_checks {family} saddr == {address} "
                      f'{family} daddr != {subnet} masquerade comment "{comment}"')

    def lead(self, address, container, name=NETWORK):
        family, to = ("ip6", f"[{address}]:80") if ":" in address else ("ip", f"{address}:80")
        self.node.nft(f'add rule {family} cni_hostport hostports tcp dport 8080 dnat to {to} comment "{container}"\n'
                      f"add rule {family} cni_hostport masquerading {family} saddr {address} {family} daddr {address} "
                      f'masquerade comment "{container}"')

    def rules(self):
        return self.node.run("nft", "list", "ruleset").stdout


@pytest.fixture(params=["nft", "legacy", "nftables"])
def reference(request, healthy):
    return ByNftables(healthy) if request.param == "nftables" else ByIptables(healthy, request.param)


def reserve(node, address, container, name=NETWORK):
    directory = node.store / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / address).write_bytes(f"{container}\r\neth0".encode())


def removed(node):
    for finding in findings(node, "reference"):
        node.run("sh", "-c", finding["command"])
    assert findings(node, "reference") == []


@pytest.mark.parametrize("address", [GONE, GONE6])
def test_what_masquerades_a_pod_that_is_gone_is_told_and_removed(healthy, reference, address):
    staying = "10.1.2.88" if address == GONE else "fd00:1:2::88"
    reserve(healthy, staying, "lives")
    reference.masquerade(staying, "lives")
    before = reference.rules()
    reference.masquerade(address, "gone")
    reference.masquerade(address[:-1] + "8", "gone too")
    finding = one(healthy, "reference", "warning", "2 rules of the reference plugins", "masquerade", address)
    assert finding["network"] == NETWORK and not finding["untilBoot"]
    removed(healthy)
    assert reference.rules() == before


@pytest.mark.parametrize("address", [GONE, GONE6])
def test_host_ports_of_a_pod_that_is_gone_are_told_and_removed(healthy, reference, address):
    staying = "10.1.2.88" if address == GONE else "fd00:1:2::88"
    reserve(healthy, staying, "lives")
    reference.lead(staying, "lives")
    before = reference.rules()
    reference.lead(address, "gone")
    found = [f for f in findings(healthy, "reference") if "host ports to" in f["message"]]
    assert [f["level"] for f in found] == ["warning"] and address in found[0]["message"]
    removed(healthy)
    assert reference.rules() == before


def test_a_host_port_that_leads_to_the_next_pod_is_a_problem(healthy, reference):
    address = addresses_of(healthy.add(healthy.pod("next"), ours("dual")))[0]
    reference.lead(address, "gone")
    [finding] = [f for f in findings(healthy, "reference") if "host ports to" in f["message"]]
    assert finding["level"] == "problem" and "pod next" in finding["message"]
    removed(healthy)


def test_rules_of_living_pods_are_no_finding(healthy, reference):
    """Theirs; ours in a chain with their portmap; and those of a network of another name."""
    reserve(healthy, "10.1.2.90", "theirs")
    reserve(healthy, "10.1.2.91", "elsewhere", name="other")
    pod = healthy.pod()
    address = addresses_of(healthy.add(pod, ours("dual")))[0]
    for make in (reference.masquerade, reference.lead):
        make("10.1.2.90", "theirs")
        make(address, pod.id)
        make("10.1.2.91", "elsewhere", name="other")
        make("10.55.0.3", "another subnet")
    assert findings(healthy, "reference") == []


@pytest.mark.parametrize("where", ["bridge", "route", "other bridge"])
def test_a_pod_whose_reservation_is_elsewhere_may_live(healthy, reference, where):
    """In another dataDir, or from another IPAM plugin. A port of the bridge that isn't ours, or a route that
    leads to the address past our bridge, tells of such pods."""
    pod = healthy.pod()
    address = addresses_of(healthy.add(pod, ours("dual")))[0]
    healthy.ip("link add veththeirs type veth peer name peer")
    healthy.ip("link set veththeirs up")
    if where == "bridge":
        healthy.ip("link set veththeirs master cni0")
    elif where == "route":
        healthy.ip(f"route add {GONE} dev veththeirs")
    else:
        healthy.ip("link add cni5 type bridge")
        healthy.ip("link set cni5 up")
        healthy.ip("route add 10.1.2.64/26 dev cni5")
    reference.masquerade(GONE, "theirs")
    reference.lead(GONE, "theirs")
    found = findings(healthy, "reference")
    assert len(found) >= 2
    for finding in found:
        assert finding["level"] == "warning" and "another dataDir" in finding["message"], finding
        assert GONE in finding["message"] and "command" not in finding and "leave the rules" in finding["advice"]
    # An address that a pod of ours has is nobody else's.
    reference.masquerade(address, "gone")
    [finding] = [f for f in findings(healthy, "reference") if "command" in f]
    assert address in finding["message"]
    healthy.ip("link del veththeirs")
    if where == "other bridge":
        healthy.ip("link del cni5")
    removed(healthy)


def test_a_command_removes_the_rules_that_were_told_and_no_others(healthy, reference):
    """Another program inserts a rule in front of them after doctor has run."""
    reference.masquerade(GONE, "gone")
    reference.lead(GONE, "gone")
    reference.masquerade(GONE6, "gone")
    found = findings(healthy, "reference")
    assert found
    if isinstance(reference, ByIptables):
        for chain in ("POSTROUTING", "CNI-HOSTPORT-DNAT"):
            reference.run(GONE, "-I", chain, "-s", "10.50.0.0/16", "-j", "RETURN")
    else:
        healthy.nft("insert rule inet cni_plugins_masquerade masq_checks ip saddr 10.50.0.0/16 return")

    def rules():
        found = reference.rules()
        return "".join(found).splitlines()

    foreign = [line for line in rules() if "10.50.0.0/16" in line]
    assert foreign
    for finding in found:
        healthy.run("sh", "-c", finding["command"])
    assert findings(healthy, "reference") == []
    assert [line for line in rules() if "10.50.0.0/16" in line] == foreign
    assert not any(GONE in line or GONE6 in line for line in rules())


@pytest.mark.parametrize("kind", ["nft", "legacy"])
def test_what_its_firewall_drops_is_told_by_name(healthy, kind):
    """ingressPolicy "isolated" of a network that had the bridge."""
    if not healthy.call(os.path.exists, "/proc/sys/net/bridge"):
        raise distribution.Lacks("br_netfilter is not loaded")
    if not shutil.which(f"iptables-{kind}"):
        distribution.lacks(f"there is no iptables-{kind}")
    healthy.run(f"iptables-{kind}-restore", input="""*filter
:CNI-ISOLATION-STAGE-1 -
:CNI-ISOLATION-STAGE-2 -
-I FORWARD -j CNI-ISOLATION-STAGE-1
-A CNI-ISOLATION-STAGE-1 -i cni0 -o cni0 -j DROP
-A CNI-ISOLATION-STAGE-1 -i cni0 ! -o cni0 -j CNI-ISOLATION-STAGE-2
-A CNI-ISOLATION-STAGE-1 -j RETURN
-A CNI-ISOLATION-STAGE-2 -o cni0 -j DROP
-A CNI-ISOLATION-STAGE-2 -j RETURN
COMMIT
""")
    told_and_mended(healthy, "firewall", "problem", "the reference plugins'", "send to each other",
                    "CNI-ISOLATION-STAGE-1")


def test_of_many_rules_each_command_removes_some(healthy, reference):
    for number in range(70):
        reference.masquerade(f"10.1.2.{100 + number}", f"gone{number}")
    one(healthy, "reference", "warning", "70 rules")
    for _ in range(2):
        healthy.run("sh", "-c", findings(healthy, "reference")[0]["command"])
    one(healthy, "reference", "warning", "6 rules")
    removed(healthy)
