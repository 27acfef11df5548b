# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni cleanup`: what pods share goes when none is left, and only that."""
import json

import pytest

from harness import snapshot
from harness.command import cleanup, command, conflist, refused, written
from harness.delegates import Delegate
from harness.portmap import ports
from harness.node import INTERNET4, INTERNET6, network

SECOND = network(name="second", ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
NOTHING = ["nothing to remove"]
FORWARDING = ("ipv4.ip_forward", "ipv6.conf.all.forwarding")


def fresh(node):
    """The node's state, as if forwarding had always been on: that stays."""
    for key in FORWARDING:
        node.sysctl(key, 1)
    return node.state()


def state(node):
    """Without the index, a cache that a look at the store may rewrite."""
    found = node.state()
    found["disk"] = {path: text for path, text in found["disk"].items()
                     if not path.endswith("/index")}
    return found


@pytest.mark.parametrize("changes", [
    {}, {"spoofCheck": True}, {"ipMasq": False}, {
        "ipam": {"ranges": None, "type": ""}, "isDefaultGateway": None, "ipMasq": None}],
    ids=["masquerade", "spoof checks", "no rules", "no addresses"])
def test_nothing_is_left_of_a_network(node, changes):
    before = fresh(node)
    conf = network("dual", **changes)
    pods = [node.pod(), node.pod()]
    before["pods"] = None
    for pod in pods:
        node.add(pod, conf)
    for pod in pods:
        node.delete(pod, conf)
        pod.remove()
    assert "cni0" in node.links()
    assert cleanup(node, conf)
    after = node.state()
    after["pods"] = None
    after["disk"].pop("cni", None), after["disk"].pop("cni/networks", None)
    snapshot.assert_same(before, after)
    assert cleanup(node, conf) == NOTHING


def test_it_can_begin_anew(node):
    conf = network("dual")
    for _ in range(2):
        pod = node.pod()
        node.add(pod, conf)
        assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
        node.delete(pod, conf)
        assert cleanup(node, conf)


def test_of_a_network_that_never_was_there_is_nothing_to_remove(node):
    before = node.state()
    assert cleanup(node, network()) == NOTHING
    snapshot.assert_same(before, node.state())


def test_attachments_that_are_left_are_named_and_nothing_is_touched(node):
    conf, pods = network("dual", spoofCheck=True), [node.pod() for _ in range(2)]
    for pod in pods:
        node.add(pod, conf)
    before = state(node)
    done = command(node, "cleanup", *written(node, conf))
    refused(done, "00.conflist", "testnet", "--force", *(pod.id for pod in pods), "eth0")
    snapshot.assert_same(before, state(node))
    assert pods[0].ping(INTERNET4) and pods[1].ping(INTERNET6)


def test_the_lines_tell_two_configurations_of_one_name_apart(node):
    """By bridge and dataDir, which make an owner."""
    first = network()
    second = network(bridge="cni1", ipam={"dataDir": "/var/lib/other",
                                          "ranges": [[{"subnet": "10.9.0.0/24"}]]})
    pods = [node.pod(), node.pod()]
    node.add(pods[0], first)
    node.add(pods[1], second)
    done = command(node, "cleanup", *written(node, first, second))
    assert "(bridge cni0, dataDir /var/lib/cni/networks)" in done.stderr
    assert "(bridge cni1, dataDir /var/lib/other)" in done.stderr
    node.delete(pods[0], first)
    node.delete(pods[1], second)
    lines = cleanup(node, first, second)
    assert len(set(lines)) == len(lines)
    assert all("cni0" in line or "cni1" in line or "/var/lib" in line for line in lines), lines


def test_of_many_attachments_the_first_are_named_and_all_counted(node):
    conf = network()
    for _ in range(12):
        node.add(node.pod(), conf)
    done = command(node, "cleanup", *written(node, conf))
    refused(done, "12 attachments", "and others")
    assert done.stderr.count("container ") == 10


def test_an_interface_without_a_record_is_an_attachment(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    for path in (node.store / ".bridge-cni/testnet").glob("p-*"):
        path.unlink()
    for address in node.reservations():
        (node.store / "testnet" / address).unlink()
    [veth] = node.host_veths()
    refused(command(node, "cleanup", *written(node, conf)), veth)
    assert pod.ping(INTERNET4)
    assert command(node, "cleanup", "--force", *written(node, conf)).returncode == 0
    assert node.host_veths() == [] and "cni0" not in node.links()


def test_with_force_the_attachments_go_first(node):
    before = fresh(node)
    conf, pods = network("dual", spoofCheck=True), [node.pod() for _ in range(3)]
    for pod in pods:
        node.add(pod, conf)
    done = command(node, "cleanup", "--force", *written(node, conf))
    assert (done.returncode, done.stderr) == (0, ""), done
    for pod in pods:
        assert pod.id in done.stdout
        node.assert_nothing_left(pod)
    assert snapshot.difference(before["node"], node.state()["node"]) == []
    assert not (node.store / "testnet").exists()


def test_with_force_a_delegated_IPAM_gets_its_DEL(node):
    fake, pod = Delegate(node), node.pod()
    fake.add(pod)
    done = command(node, "cleanup", "--force", *written(node, fake.conf()), env=fake.env)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert fake.verbs() == ["ADD", "DEL"]
    assert fake.calls()[1]["env"]["CNI_CONTAINERID"] == pod.id
    node.assert_nothing_left(pod)
    assert "cni0" not in node.links()


def test_dead_attachments_are_no_hindrance(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    [veth] = node.host_veths()
    node.ip(f"link del {veth}")
    pod.remove()
    done = command(node, "cleanup", *written(node, conf))
    assert done.returncode == 0 and pod.id in done.stderr, done
    assert "cni0" not in node.links() and not (node.store / "testnet").exists()


def test_another_networks_pods_keep_bridge_gateway_and_rules(node):
    first, second = network("dual", spoofCheck=True), dict(SECOND, spoofCheck=True,
                                                           bridge="cni1")
    third = network(name="third", isDefaultGateway=None)  # shares a bridge with the first
    pods = [node.pod() for _ in range(3)]
    for pod, conf in zip(pods, (first, second, third)):
        node.add(pod, conf)
    node.delete(pods[0], first)
    lines = cleanup(node, first)
    assert any("left the bridge cni0" in line for line in lines), lines
    assert not any("cni1" in line for line in lines), lines
    listing = node.run("nft", "list", "ruleset").stdout
    assert "testnet" not in listing and "second" in listing
    for pod, conf in ((pods[1], second), (pods[2], third)):
        assert pod.ping("10.9.0.1" if conf is second else "10.1.2.1")
    assert pods[1].ping(INTERNET4)
    assert not (node.store / "testnet").exists()
    node.delete(pods[1], second)
    node.delete(pods[2], third)
    assert cleanup(node, second, third)
    assert {"cni0", "cni1"}.isdisjoint(node.links())
    assert "bridge_cni" not in node.run("nft", "list", "ruleset").stdout
    assert not (node.store / ".bridge-cni").exists()


def test_a_bridge_that_was_there_stays_and_loses_the_gateway_addresses(node):
    node.ip_batch("link add cni0 type bridge\naddr add 172.31.0.1/16 dev cni0\n"
                  "addr add fd31::1/64 dev cni0 nodad")
    conf, pod = network("v6"), node.pod()
    node.add(pod, conf)
    assert "fd00:1:2::1/64" in node.addresses("cni0")
    node.delete(pod, conf)
    assert cleanup(node, conf)
    assert node.addresses("cni0") == ["172.31.0.1/16", "fd31::1/64"]


def test_a_bridge_with_somebody_elses_port_stays(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.ip("link add uplink1 type veth peer name peer1")
    node.ip("link set uplink1 master cni0")
    node.delete(pod, conf)
    assert cleanup(node, conf)
    assert node.links()["uplink1"]["master"] == "cni0"
    assert node.addresses("cni0") == []


@pytest.mark.parametrize("before", [0, 1])
def test_route_localnet_of_a_bridge_that_stays_is_as_it_was(node, before):
    """The rules that guard 127.0.0.0/8 are gone."""
    node.ip("link add cni0 type bridge")
    node.sysctl("ipv4.conf.cni0.route_localnet", before)
    conf, pods = ports((8080, 80)), [node.pod() for _ in range(2)]
    for pod in pods:
        node.add(pod, ports((8080 + pods.index(pod), 80)))
    def value():
        return node.run("cat", "/proc/sys/net/ipv4/conf/cni0/route_localnet").stdout.strip()

    assert value() == "1"
    for pod in pods:
        node.delete(pod, conf)
    assert value() == str(before)
    cleanup(node, conf)
    assert value() == str(before)
    assert "clsact" not in node.run("tc", "qdisc", "show", "dev", "cni0").stdout


def test_an_interface_of_that_name_that_is_no_bridge_is_not_touched(node):
    node.ip("link add cni0 type veth peer name peer1")
    assert cleanup(node, network()) == NOTHING
    assert "cni0" in node.links()


def test_other_programs_rules_and_a_persons_own_stay(node):
    conf, pod = network(), node.pod()
    node.nft("table inet firewall {\nchain c {\ncounter\n}\n}")
    node.add(pod, conf)
    node.nft('add rule inet bridge_cni forward ip saddr 192.0.2.77 drop')
    node.delete(pod, conf)
    assert cleanup(node, conf)
    listing = node.run("nft", "list", "ruleset").stdout
    assert "table inet firewall" in listing and "192.0.2.77" in listing
    assert "masquerade" not in listing


def test_files_that_are_nobodys_stay_and_are_named(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    stray = node.store / "testnet/notes"
    stray.write_text("mine")
    done = command(node, "cleanup", *written(node, conf))
    assert done.returncode == 1 and "/var/lib/cni/networks/testnet stays" in done.stderr
    assert stray.read_text() == "mine"
    stray.unlink()
    assert cleanup(node, conf)
    assert not stray.parent.exists()


def test_a_link_in_place_of_the_records_is_not_followed(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    own, victim = node.store / ".bridge-cni", node.directory / "victim"
    own.rename(victim)
    own.symlink_to(victim)
    files = [victim / "testnet" / name for name in ("index", "p-0123456789abcdef", "notes")]
    for path in files:
        path.write_text("mine")
    done = command(node, "cleanup", *written(node, conf))
    assert done.returncode == 1 and ".bridge-cni" in done.stderr
    assert "a symbolic link stands" in done.stderr
    assert all(path.exists() for path in files)
    assert files[-1].read_text() == "mine"


def test_files_beside_the_records_that_are_nobodys_stay(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    own = node.store / ".bridge-cni/testnet"
    stray = own / "notes"
    stray.write_text("mine")
    for spent in ("p-0123456789abcdef", ".record", ".reservation.0"):
        (own / spent).write_text("half")
    done = command(node, "cleanup", *written(node, conf))
    assert done.returncode == 1 and ".bridge-cni/testnet stays" in done.stderr
    assert [path.name for path in own.iterdir()] == ["notes"]
    assert stray.read_text() == "mine"
    stray.unlink()
    assert cleanup(node, conf)
    assert not own.parent.exists()


def test_one_network_that_is_refused_does_not_keep_another(node):
    confs = [network(), dict(SECOND, bridge="cni1")]
    pods = [node.pod(), node.pod()]
    for pod, conf in zip(pods, confs):
        node.add(pod, conf)
    node.delete(pods[1], confs[1])
    done = command(node, "cleanup", *written(node, *confs))
    assert done.returncode == 1 and pods[0].id in done.stderr
    assert "second: removed the bridge cni1" in done.stdout
    assert "cni0" in node.links() and pods[0].ping(INTERNET4)


def test_a_configuration_that_ADD_would_refuse_can_be_cleaned_up(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    assert cleanup(node, dict(conf, mtu="wrong", vlan=5000))
    assert "cni0" not in node.links()


@pytest.mark.parametrize("arguments", [["cleanup", "--forced"], ["cleanup", "-f"],
                                       ["cleanup", "--force", "--force"],
                                       ["cleanup", "/etc/cni/net.d", "--force"]])
def test_options_it_does_not_know_or_that_come_late_are_refused(node, arguments):
    done = command(node, *arguments)
    assert done.returncode == 2 and done.stderr.startswith(
        f'bridge-cni: unknown argument "{arguments[-1]}"') and "cleanup" in done.stderr


@pytest.mark.parametrize("verb", [["cleanup", "--force"], ["repair"]])
def test_who_may_not_do_it_is_told_who_may(node, verb):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    path = node.var_lib / "net.conflist"
    path.write_text(json.dumps(conflist(conf)))
    before = state(node)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = command(node, *verb, "/var/lib/net.conflist", wrapper=nobody)
    refused(done, "node lock", "Permission denied", "run it as root")
    snapshot.assert_same(before, state(node))


def test_with_force_what_the_kernel_does_not_let_it_delete_is_named(node):
    conf, pod = network(spoofCheck=True), node.pod()
    node.add(pod, conf)
    done = command(node, "cleanup", "--force", *written(node, conf), wrapper=[
        "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"])
    refused(done, "00.conflist", "deleting", pod.id, "eth0", "Operation not permitted")
    assert "gone" not in done.stderr and pod.ping(INTERNET4)


def test_an_ADD_at_the_same_time_finds_all_or_makes_it(node):
    """Either the ADD was first and the cleanup is refused, or it comes into a clean node."""
    conf = network("dual")
    [path] = written(node, conf)
    for _ in range(8):
        pod = node.pod()
        adding = node.start("ADD", conf, pod)
        done = command(node, "cleanup", path)
        assert adding().returncode == 0
        assert done.returncode == (1 if pod.id in done.stderr else 0), done
        assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
        node.delete(pod, conf)
