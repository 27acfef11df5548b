# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni cleanup` of networks whose configuration is gone: the store tells of them."""
import fcntl
import json
import os
import shutil

import pytest

from harness import snapshot
from harness.command import command, conflist, lines_of, refused, repair, written
from harness.delegates import Delegate
from harness.node import INTERNET4, network
from harness.plugin import BRIDGE_CNI, TRACED
from harness.portmap import ports
from harness.reboot import reboot

LAYER2 = {"ipam": {"ranges": None, "type": ""}, "isDefaultGateway": None, "ipMasq": None}
OTHER = {"ranges": [[{"subnet": "10.9.0.0/24"}]]}


@pytest.fixture(autouse=True)
def no_configuration(node):
    """The node has none, whatever the machine has; forwarding, which stays, is on."""
    for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        node.sysctl(key, 1)


def cleanup(node, *arguments, net_d=None, **kw):
    """Without a FILE. @net_d: what stands for /etc/cni/net.d."""
    script = "mount -t tmpfs none /etc"
    if net_d:
        script += f" && mkdir -p /etc/cni/net.d && mount --bind {net_d} /etc/cni/net.d"
    return command(node, "cleanup", *arguments, **kw,
                   wrapper=["unshare", "-m", "sh", "-c", script + ' && exec "$@"', "sh"])


def own(node, name="testnet", store=None):
    return (store or node.store) / ".bridge-cni" / name


def notes(node, **kw):
    return sorted(own(node, **kw).glob(".network-*"))


def come_and_go(node, conf, **kw):
    pod = node.pod()
    node.add(pod, conf, **kw)
    node.delete(pod, conf, **kw)
    pod.remove()


def assert_as_before(node, before):
    """But for empty directories of the store."""
    after = node.state()
    for path in ("cni", "cni/networks"):
        after["disk"].pop(path, None)
    before["pods"] = after["pods"] = None
    snapshot.assert_same(before, after)


@pytest.mark.parametrize("conf", [
    ports((8080, 80), spoofCheck=True, portIsolation=True), network(**LAYER2),
    network(ipam={"dataDir": "/run/cni/networks"})],
    ids=["rules and addresses", "no rules, no addresses", "store in memory"])
def test_nothing_is_left_of_a_network_whose_configuration_is_gone(node, conf):
    before = node.state()
    come_and_go(node, conf)
    lines = lines_of(cleanup(node))
    assert "testnet: removed the bridge cni0" in lines, lines
    assert_as_before(node, before)
    assert not (node.run_dir / "cni/networks/testnet").exists()
    assert not any("removed" in line for line in lines_of(cleanup(node)))


def test_pods_that_are_left_are_named_and_go_with_force(node):
    before, conf = node.state(), ports((8080, 80), spoofCheck=True)
    pods = [node.pod(), node.pod()]
    names = None, "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-7d"
    for number, (pod, args) in enumerate(zip(pods, names)):
        node.add(pod, ports((8080 + number, 80), spoofCheck=True), args=args)
    with_pods = node.state()["node"]
    refused(cleanup(node), "/var/lib/cni/networks/testnet", "2 attachments are left",
            f"container {pods[0].id} eth0", "pod shop/cart-7d eth0", "--force")
    assert snapshot.difference(with_pods, node.state()["node"]) == []
    assert pods[0].ping(INTERNET4)
    done = cleanup(node, "--force")
    assert (done.returncode, done.stderr) == (0, ""), done
    for pod in pods:
        node.assert_nothing_left(pod)
        node.delete(pod, conf)  # the runtime's, which comes later, succeeds
        pod.remove()
    assert_as_before(node, before)


@pytest.mark.parametrize("noted", [True, False])
def test_after_a_reboot_the_files_go(node, noted):
    node.add(node.pod(), network("dual"))
    if not noted:
        notes(node)[0].unlink()
    reboot(node)
    done = cleanup(node)
    assert done.returncode == 0 and "testnet: removed its files" in done.stdout, done
    assert not (node.store / ".bridge-cni").exists() and not (node.store / "testnet").exists()


@pytest.mark.parametrize("when", [1, 2])
def test_a_cleanup_that_was_killed_while_it_removed_files_is_finished_by_the_next(node, when):
    """At the directory of reservations, and at that of the records with the notes."""
    before = node.state()
    come_and_go(node, network("dual"))
    done = command(node, "cleanup", env=TRACED, wrapper=[
        "strace", "-qq", "-o", node.directory / "trace", "-e", "trace=rmdir",
        "-e", f"inject=rmdir:signal=KILL:when={when}"])
    assert done.returncode < 0, done
    lines_of(cleanup(node))
    left = [path for path in node.store.rglob("*") if not path.is_dir()]
    assert not left, left
    if when == 1:  # else an empty directory is left, which says nothing of a network
        assert_as_before(node, before)


@pytest.mark.parametrize("left", ["a pod", "rules", "a gateway", "a gateway of a VLAN",
                                  "rules without a bridge"])
def test_what_an_earlier_version_left_is_found_without_a_note(node, left):
    """By a record, by an owner's number in rules, or by the gateway addresses."""
    conf, pod = network(**({"bridge": "br7"} if left == "a pod" else {})), node.pod()
    node.add(pod, conf)
    if left != "a pod":
        node.delete(pod, conf)
    [note] = notes(node)
    note.unlink()
    gateways = own(node) / "gateways"
    if left.startswith("rules"):
        gateways.unlink()
    if left == "rules without a bridge":
        node.ip("link del cni0")
    if left.startswith("a gateway"):
        node.nft("flush ruleset")
    if left == "a gateway of a VLAN":
        gateways.write_text(gateways.read_text().replace("cni0 ", "cni0.7 "))
    done = cleanup(node, *["--force"] * (left == "a pod"))
    assert (done.returncode, done.stderr) == (0, ""), done
    assert {"br7", "cni0"}.isdisjoint(node.links()) and node.host_veths() == []
    assert "bridge_cni" not in node.run("nft", "list", "tables").stdout
    assert not (node.store / ".bridge-cni").exists() and not (node.store / "testnet").exists()


@pytest.mark.parametrize("pods_are_left", [False, True])
def test_where_the_store_was_deleted_as_well_rules_tell(node, pods_are_left):
    """As people do who reset a node: rm -r /etc/cni /var/lib/cni."""
    conf, pod = network(bridge="br7"), node.pod()
    node.add(pod, conf)
    if not pods_are_left:
        node.delete(pod, conf)
    shutil.rmtree(node.store)
    if pods_are_left:
        refused(cleanup(node), "interface " + node.host_veths()[0], "--force")
    done = cleanup(node, *["--force"] * pods_are_left)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "br7" not in node.links() and node.host_veths() == []
    assert "bridge_cni" not in node.run("nft", "list", "tables").stdout


def test_repair_writes_the_note_that_an_earlier_version_did_not(node):
    conf = network(**LAYER2)
    node.add(node.pod(), conf)
    [note] = notes(node)
    text = note.read_text()
    note.unlink()
    repair(node, conf)
    assert note.read_text() == text
    assert json.loads(text) == {key: conf[key] for key in json.loads(text)}
    assert note.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("change", [
    lambda text: text[:20], lambda text: "{}",
    lambda text: text.replace("testnet", "other"), lambda text: text.replace("br7", "cni5"),
    lambda text: text.replace("/run/cni/", "/run/else/"),
    lambda text: text.replace('"1.1.0"', '"9.0.0"')],
    ids=["torn", "nothing", "another network's", "another bridge's", "another store's",
         "a newer version's"])
def test_a_note_that_is_not_this_owners_counts_by_its_name(node, change):
    """A power cut tore it, or somebody copied or moved it there."""
    conf = network(bridge="br7", ipam={"dataDir": "/run/cni/networks"})
    come_and_go(node, conf)
    [note] = notes(node, store=node.run_dir / "cni/networks")
    changed = change(note.read_text())
    assert changed != note.read_text()
    note.write_text(changed)
    lines = lines_of(cleanup(node))
    for what in ("the rules of pods on br7", "the bridge br7", "its files below"):
        assert any(line.startswith(f"testnet: removed {what}") for line in lines), lines
    assert "br7" not in node.links() and not (node.run_dir / "cni/networks/.bridge-cni").exists()


def test_a_store_that_has_two_paths_is_found_by_either(node):
    (node.var_lib / "cni").mkdir()
    (node.run_dir / "stores").mkdir()
    node.store.symlink_to("/run/stores")
    come_and_go(node, network(ipam={"dataDir": "/run/stores"}))
    lines = lines_of(cleanup(node))
    assert "testnet: removed the rules of pods on cni0, dataDir /run/stores" in lines, lines
    assert "cni0" not in node.links() and list((node.run_dir / "stores").iterdir()) == []


def test_a_second_ADD_writes_no_note(node):
    conf = network()
    node.add(node.pod(), conf)
    [note] = notes(node)
    note.unlink()
    node.add(node.pod(), conf)
    assert notes(node) == []


def test_other_programs_networks_in_the_store_are_not_touched(node):
    """Those of the reference's host-local, and of this executable under that name."""
    come_and_go(node, network())
    reference = node.store / "lab"
    reference.mkdir()
    for name, text in {"10.7.0.2": "abc\r\neth0", "last_reserved_ip.0": "10.7.0.2",
                       "lock": ""}.items():
        (reference / name).write_text(text)
    link = node.directory / "bin/host-local"
    link.parent.mkdir()
    link.symlink_to(BRIDGE_CNI)
    pod = node.pod()
    macvlan = {**network(name="mac", ipam=OTHER), "type": "macvlan"}
    node.add(pod, macvlan, executable=str(link))
    before = {path: text for path, text in snapshot.files(node.store).items()
              if "testnet" not in path}
    for arguments in ([], ["--force"]):
        done = cleanup(node, *arguments)
        assert (done.returncode, done.stderr) == (0, ""), done
    assert snapshot.files(node.store) == before
    assert "cni0" not in node.links()


def test_addresses_without_a_record_are_another_programs_even_with_force(node):
    """A configuration of the same name may be the reference's by now."""
    conf = network()
    come_and_go(node, conf)
    (node.store / "testnet/10.1.2.9").write_text("abc\r\neth0")
    before = node.state()["node"]
    for arguments in ([], ["--force"]):
        refused(cleanup(node, *arguments), "container abc eth0", "another program",
                "name a FILE")
    assert snapshot.difference(before, node.state()["node"]) == []
    assert (node.store / "testnet/10.1.2.9").exists() and "cni0" in node.links()
    assert lines_of(command(node, "cleanup", "--force", *written(node, conf)))
    assert "cni0" not in node.links()


def test_a_store_elsewhere_is_named_by_data_dir(node):
    come_and_go(node, network(ipam={"dataDir": "/var/lib/other"}))
    *_, line = lines_of(cleanup(node))
    assert "/var/lib/cni/networks and /run/cni/networks" in line and "--data-dir" in line
    assert "cni0" in node.links()
    assert "testnet: removed the bridge cni0" in lines_of(
        cleanup(node, "--data-dir", "/var/lib/other"))
    [line] = lines_of(cleanup(node, "--data-dir", "/var/lib/other"))
    assert line == "no network of bridge-cni is in the store /var/lib/other"


def test_with_data_dir_no_other_network_loses_its_pods(node):
    live, gone = network(name="live"), network(bridge="br7", ipam={
        "ranges": OTHER["ranges"], "dataDir": "/var/lib/other"})
    pod = node.pod()
    node.add(pod, live)
    come_and_go(node, gone)
    net_d = node.directory / "net.d"
    net_d.mkdir()
    (net_d / "10-pods.conflist").write_text(json.dumps(conflist(live)))
    lines = lines_of(cleanup(node, "--force", "--data-dir", "/var/lib/other", net_d=net_d))
    assert "testnet: removed the bridge br7" in lines
    assert not any(line.startswith("live") for line in lines)
    assert pod.ping(INTERNET4)


@pytest.mark.parametrize("arguments", [["--data-dir"], ["--data-dir", "here"],
                                       ["--data-dir", "/a", "--data-dir", "/b"],
                                       ["--data-dir", "/a", "/etc/cni/net.d"]], ids=str)
def test_a_data_dir_is_one_absolute_path_and_no_FILE_stands_beside_it(node, arguments):
    done = command(node, "cleanup", *arguments)
    assert done.returncode == 2 and "absolute path" in done.stderr.splitlines()[0]


def test_another_IPAM_plugin_gets_its_DEL_with_what_the_configuration_said(node):
    fake, pod = Delegate(node), node.pod()
    conf = fake.conf(ipam={"secret": 7}, bridge="br7")
    fake.add(pod, conf)
    done = cleanup(node, "--force", env=fake.env)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert fake.verbs() == ["ADD", "DEL"]
    assert json.loads(fake.calls()[1]["stdin"])["ipam"] == conf["ipam"]
    node.assert_nothing_left(pod)
    assert "br7" not in node.links()
    assert not (node.store / ".bridge-cni").exists()


def test_addresses_of_an_IPAM_plugin_that_nothing_names_are_not_lost(node):
    """An earlier version wrote no note."""
    fake, pod = Delegate(node), node.pod()
    fake.add(pod)
    [note] = notes(node)
    note.unlink()
    refused(cleanup(node, "--force", env=fake.env), pod.id, "another IPAM plugin",
            "name a FILE")
    assert fake.verbs() == ["ADD"] and len(node.host_veths()) == 1
    done = command(node, "cleanup", "--force", *written(node, fake.conf()), env=fake.env)
    assert (done.returncode, fake.verbs()) == (0, ["ADD", "DEL"])
    assert not (node.store / ".bridge-cni").exists()


def test_a_configured_network_is_worked_on_once_and_others_as_well(node):
    """The configuration is what counts where there is one."""
    confs = [network(), network(name="second", bridge="cni1", ipam=OTHER)]
    pods = [node.pod(), node.pod()]
    for pod, conf in zip(pods, confs):
        node.add(pod, conf)
    node.delete(pods[1], confs[1])
    net_d = node.directory / "net.d"
    net_d.mkdir()
    (net_d / "10-pods.conflist").write_text(json.dumps(conflist(confs[0])))
    done = cleanup(node, net_d=net_d)
    assert done.returncode == 1
    assert done.stderr.count(pods[0].id) == 1 and "10-pods.conflist" in done.stderr
    assert "second: removed the bridge cni1" in done.stdout
    assert "cni0" in node.links() and pods[0].ping(INTERNET4)


def test_of_a_network_that_changed_its_bridge_both_go(node):
    """The store stays as long as it tells of the other one."""
    first, second = network(), network(bridge="br7", ipam=OTHER)
    come_and_go(node, first)
    come_and_go(node, second)
    assert [note.name for note in notes(node)] == [".network-br7", ".network-cni0"]
    lines = lines_of(command(node, "cleanup", *written(node, second)))
    assert any("left its files" in line and "cni0" in line for line in lines), lines
    assert "br7" not in node.links() and "cni0" in node.links()
    come_and_go(node, second)
    lines = lines_of(cleanup(node))
    for bridge in ("br7", "cni0"):
        assert f"testnet: removed the bridge {bridge}" in lines
    assert not any("without a FILE" in line for line in lines), lines
    assert not (node.store / ".bridge-cni").exists() and not (node.store / "testnet").exists()


def test_a_network_whose_lock_is_not_free_keeps_no_other_from_being_cleaned_up(node):
    """The lock is host-local's, too: it may be another program's network."""
    come_and_go(node, network())
    come_and_go(node, network(name="second", bridge="cni1", ipam=OTHER))
    with open(node.store / "second/lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = cleanup(node)
    assert done.returncode == 1 and "networks/second: the store's lock" in done.stderr, done
    assert "testnet: removed the bridge cni0" in done.stdout and "cni0" not in node.links()
    assert "second: removed the bridge cni1" in lines_of(cleanup(node))


def test_a_networks_directory_that_is_a_link_is_emptied_and_stays(node):
    """As host-local has it: reservations elsewhere."""
    target = node.var_lib / "elsewhere"
    target.mkdir()
    node.store.mkdir(parents=True)
    (node.store / "testnet").symlink_to("/var/lib/elsewhere")
    come_and_go(node, network())
    assert list(target.iterdir())
    assert "testnet: removed its files below /var/lib/cni/networks" in lines_of(cleanup(node))
    assert list(target.iterdir()) == [] and (node.store / "testnet").is_symlink()
    assert not (node.store / ".bridge-cni").exists()


def test_a_store_that_is_a_link_is_not_followed(node):
    come_and_go(node, network())
    target = node.directory / "elsewhere"
    shutil.move(node.store / ".bridge-cni", target)
    os.symlink(target, node.store / ".bridge-cni")
    refused(cleanup(node), ".bridge-cni", "a symbolic link stands")
    assert (target / "testnet").is_dir()
