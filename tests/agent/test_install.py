# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent puts files on the node whole or not at all, and they stay as it put them."""
import os
import shutil
import signal
import threading
import time

import pytest

from harness.waiting import wait_for


def installed(node):
    return node.bin_dir / "bridge-cni"


def test_the_bundle_is_there_before_the_configuration(cluster):
    node = cluster.node()
    seen = []
    done = threading.Event()

    def look():
        conflist = node.conf_dir / "10-bridge-cni.conflist"
        seen.append((conflist.exists(), installed(node).exists()))

    def look_on():
        while not done.is_set():
            look()

    thread = threading.Thread(target=look_on)
    thread.start()
    node.start_agent()
    wait_for(node.ready)
    done.set()
    thread.join()
    look()  # A busy machine may have let the thread look no more once the node was ready.
    # Looked at in this order: the executable was there a moment later at the latest.
    assert (True, False) not in seen and (True, True) in seen


def test_what_somebody_changes_is_put_right(cluster):
    node, = cluster.ready(1)
    conflist = node.conf_dir / "10-bridge-cni.conflist"
    text = conflist.read_bytes()
    size = installed(node).stat().st_size

    conflist.write_text("{}")
    wait_for(lambda: conflist.read_bytes() == text)
    conflist.unlink()
    wait_for(lambda: conflist.exists() and conflist.read_bytes() == text)

    # Nobody writes into an executable that runs, and a repair may.
    target = installed(node).resolve()
    with node.asleep():
        os.truncate(target, 10)
    wait_for(lambda: installed(node).stat().st_size == size)
    installed(node).unlink()
    wait_for(lambda: installed(node).exists())
    with node.asleep():
        shutil.rmtree(target.parent)
    wait_for(lambda: installed(node).exists() and installed(node).stat().st_size == size)
    with node.asleep():
        installed(node).unlink()
        installed(node).write_text("somebody's own")
    wait_for(lambda: installed(node).stat().st_size == size)
    node.attach()


def test_an_executable_that_runs_is_replaced_undisturbed(cluster):
    """Never 'text file busy': another version is put beside it, the link is renamed."""
    node, = cluster.ready(1)
    former = installed(node).resolve()
    old = node.popen([str(installed(node))], stdin=-1, stdout=-1, stderr=-1,
                     env={"CNI_COMMAND": "VERSION"})  # waits for its standard input
    wait_for(lambda: os.readlink(f"/proc/{old.pid}/exe") == str(former))
    node.stop_agent()
    newer = node.directory / "newer"
    shutil.copytree(cluster.bundle, newer)
    with open(newer / "bridge-cni", "ab") as file:
        file.write(b"\0")
    node.start_agent("--bundle", str(newer))
    wait_for(lambda: installed(node).resolve() != former)
    assert former.exists()
    out, _ = old.communicate(b'{"cniVersion": "1.0.0"}', 10)
    assert old.returncode == 0 and b"supportedVersions" in out
    node._processes.remove(old)
    wait_for(node.ready)
    assert node.attach().ping(node.address4)

    # Nothing is kept of the versions before that one.
    node.stop_agent()
    with open(newer / "bridge-cni", "ab") as file:
        file.write(b"\0")
    node.start_agent("--bundle", str(newer))
    wait_for(lambda: not former.parent.exists())
    assert len(list((node.bin_dir / ".bridge-cni").iterdir())) == 2


def test_a_bundle_that_is_upgraded_under_the_agent_is_installed(cluster):
    """By a package, file by file: what is installed is a bundle's content at one time."""
    node = cluster.node()
    bundle = node.directory / "bundle"
    shutil.copytree(cluster.bundle, bundle)
    node.start_agent("--bundle", str(bundle))
    wait_for(node.ready)
    former = installed(node).resolve()
    aside = bundle / "bridge-cni.dpkg-new"
    shutil.copy(bundle / "bridge-cni", aside)
    with open(aside, "ab") as file:
        file.write(b"\0")
    os.rename(aside, bundle / "bridge-cni")
    size = (bundle / "bridge-cni").stat().st_size
    wait_for(lambda: installed(node).stat().st_size == size)
    assert installed(node).resolve().parent != former.parent
    assert former.exists()  # its ADDs may still run
    node.attach()
    # The directory's name is that of its content, whatever becomes of the files in it.
    now = installed(node).resolve()
    with node.asleep():  # a repair may run it
        os.truncate(now, 10)
    wait_for(lambda: installed(node).stat().st_size == size)
    assert installed(node).resolve() == now


def test_no_reader_ever_sees_half_a_file(cluster):
    node, = cluster.ready(1)
    conflist = node.conf_dir / "10-bridge-cni.conflist"
    sizes, broken = {installed(node).stat().st_size}, []
    done = threading.Event()

    def look():
        while not done.is_set():
            try:
                text = conflist.read_text()
                if not text.endswith("}\n"):
                    broken.append(text)
                sizes.add(os.stat(installed(node)).st_size)
            except FileNotFoundError:
                pass

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(5):
        node.stop_agent(signal.SIGKILL)
        node.start_agent("--mtu", str(1400 + number))
        wait_for(lambda: node.conf().get("mtu") == 1400 + number)
    done.set()
    thread.join()
    assert not broken and len(sizes) == 1


def test_leftovers_of_a_killed_agent_are_no_obstacle(cluster):
    node = cluster.node()
    (node.conf_dir / ".10-bridge-cni.conflist.new").write_text("half")
    (node.bin_dir / ".bridge-cni/.new/bridge-cni.lib").mkdir(parents=True)
    (node.bin_dir / ".bridge-cni/.new/bridge-cni").write_text("half")
    os.symlink("nowhere", node.bin_dir / ".bridge-cni.new")
    node.start_agent()
    wait_for(node.ready)
    assert [p.name for p in node.conf_dir.iterdir()] == ["10-bridge-cni.conflist"]
    assert not (node.bin_dir / ".bridge-cni/.new").exists()
    node.attach()


def test_pods_do_not_get_the_nodes_own_ports_by_its_configuration(cluster):
    node = cluster.node()
    node.start_agent()
    wait_for(node.ready)
    plugin = node.conf()
    assert plugin["capabilities"]["portMappings"]
    assert plugin["hostPortOverListener"] == "refuse"


def test_a_file_of_somebody_else_that_runtimes_take_instead_is_named_once(cluster):
    node = cluster.node()
    (node.conf_dir / "05-dir.conflist").mkdir()
    for name in ("10-bridge-cni.conf~", "10-bridge-cni.conflist.orig", "1-readme",
                 "10-flannel.conflist"):
        (node.conf_dir / name).write_text("{}")
    node.start_agent("--resync-seconds", "1")
    wait_for(node.ready)
    assert node.metrics()["bridge_cni_conflist_shadowed"] == 0
    for count, name in enumerate(("10-A.json", "05-other.conf", ".hidden.conflist"), 1):
        (node.conf_dir / name).write_text("{}")
        wait_for(lambda: node.metrics()["bridge_cni_conflist_shadowed"] == count)
        assert node.metrics()[f'bridge_cni_conflist_shadowed_by{{file="{name}"}}'] == 1
        status, text = node.page("/readyz")
        assert status == 200 and text.startswith("ok\n") and f": {name}\n" in text
        node.wait_for_resyncs()
        line, = (line for line in node.log().splitlines() if f" file={name} " in line)
        assert "level=warn" in line and "sorts before" in line
    for name in ("10-A.json", "05-other.conf", ".hidden.conflist"):
        (node.conf_dir / name).unlink()
    wait_for(lambda: node.page("/readyz") == (200, "ok\n"))
    assert node.metrics()["bridge_cni_conflist_shadowed"] == 0


def test_options_end_up_in_the_configuration(cluster):
    node = cluster.node()
    cluster.node()
    node.start_agent("--network", "mine", "--bridge", "br-mine", "--mtu", "1400",
                     "--host-ports", "false", "--cluster-cidr",
                     "10.0.0.0/8,fd00:244::/48", "--cni-version", "1.1.0",
                     "--conflist", "05-mine.conflist")
    wait_for(node.ready)
    import json
    conflist = json.loads((node.conf_dir / "05-mine.conflist").read_text())
    plugin, = conflist["plugins"]
    assert (conflist["name"], conflist["cniVersion"]) == ("mine", "1.1.0")
    assert (plugin["bridge"], plugin["mtu"]) == ("br-mine", 1400)
    assert plugin["capabilities"] == {"bandwidth": True}
    assert "hostPortOverListener" not in plugin
    assert plugin["nonMasqueradeCIDRs"] == ["10.0.0.0/8", "fd00:244::/48"]
    assert [r[0]["subnet"] for r in plugin["ipam"]["ranges"]] == node.cidrs


def test_a_pods_first_address_is_of_the_nodes_first_pod_cidr(cluster):
    node = cluster.node(join=False)
    node.cidrs.reverse()
    cluster.join(node)
    node.start_agent()
    wait_for(node.ready)
    assert [r[0]["subnet"] for r in node.conf()["ipam"]["ranges"]] == node.cidrs
    addresses = [ip["address"] for ip in node.attach().result["ips"]]
    assert ":" in addresses[0] and ":" not in addresses[1]
    node.cidrs.reverse()
    cluster.join(node)
    wait_for(lambda: [r[0]["subnet"] for r in node.conf()["ipam"]["ranges"]] == node.cidrs)


def test_pod_cidrs_are_listed_as_few_prefixes(cluster):
    node = cluster.node()  # 10.244.1.0/24
    for i in (0, 2, 3, 4, 8):
        cluster.api.put(f"other{i}", [f"10.244.{i}.0/24"], [f"192.0.2.{100 + i}"])
    node.start_agent()
    wait_for(node.ready)
    assert node.conf()["nonMasqueradeCIDRs"] == [
        "10.244.0.0/22", "10.244.4.0/24", "10.244.8.0/24", node.cidrs[1]]


def test_a_wrong_option_is_named(cluster):
    node = cluster.node()
    for option, value, says in (("--mtu", "big", "a number from 0"),
                                ("--bridge", "a/b", "interface"),
                                ("--cluster-cidr", "10.0.0.1/8", "without host bits"),
                                ("--cluster-cidr", "::ffff:10.0.0.0/104", "10.244.0.0/16"),
                                ("--cluster-cidr", "010.0.0.0/8", "10.244.0.0/16"),
                                ("--log-level", "loud", "debug, info"),
                                ("--nonsense", "1", "unknown option"),
                                ("--bridg", "cni0", "is --bridge VALUE meant"),
                                ("--mtu=1400", "1", "is --mtu VALUE meant"),
                                ("mtu", "1400", "is --mtu VALUE meant"),
                                ("--clean-up", "1", "is --cleanup meant")):
        done = node.run(*node.agent_argv(option, value), check=False)
        assert done.returncode == 1 and option in done.stderr and says in done.stderr


def test_a_configuration_that_bridge_cni_would_refuse_reaches_no_runtime(cluster):
    node = cluster.node("v6")
    node.start_agent("--mtu", "1000")  # too small for IPv6
    wait_for(lambda: "mtu" in node.log() and "isn't right" in node.log())
    time.sleep(1)
    assert node.conflist() is None and not node.ready()


VICTIM = "somebody else's"


def tree(directory):
    """What is in a directory, with what files hold."""
    return {str(path.relative_to(directory)): path.read_text() if path.is_file() else None
            for path in directory.rglob("*")}


@pytest.fixture
def victim(tmp_path):
    """A directory that a link leads to: it must be as it is now when the agent is done."""
    directory = tmp_path / "victim"
    for name in ("file", "bridge-cni", ".new/file", "0.0.1-0123456789abcdef/bridge-cni",
                 "make-0.0.1-abcdef/bridge-cni"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(VICTIM)
    before = tree(directory)
    yield directory
    assert tree(directory) == before


def test_a_link_in_place_of_the_versions_is_refused(cluster, victim):
    node = cluster.node()
    versions = node.bin_dir / ".bridge-cni"
    versions.symlink_to(victim)
    node.start_agent()
    wait_for(lambda: ".bridge-cni is no directory, or a link to one: remove it" in node.log())
    assert not node.ready()
    versions.unlink()
    wait_for(node.ready)


def test_a_link_in_place_of_the_versions_of_an_upgrade_is_refused(cluster, victim):
    """It comes under an agent that runs, and leads to what looks like versions."""
    node = cluster.node()
    bundle = node.directory / "bundle"
    shutil.copytree(cluster.bundle, bundle)
    node.start_agent("--bundle", str(bundle))
    wait_for(node.ready)
    versions = node.bin_dir / ".bridge-cni"
    with node.asleep():
        shutil.rmtree(versions)
        versions.symlink_to(victim)
    # The agent may be running the one that is there.
    aside = bundle / "bridge-cni.new"
    aside.write_bytes((bundle / "bridge-cni").read_bytes() + b"\0")
    aside.chmod(0o755)
    os.rename(aside, bundle / "bridge-cni")
    wait_for(lambda: ".bridge-cni is no directory, or a link to one" in node.log())


def test_links_in_place_of_versions_and_files_are_not_followed(cluster, victim):
    node = cluster.node()
    node.start_agent()
    wait_for(node.ready)
    version = installed(node).resolve().parent
    node.stop_agent()
    versions = node.bin_dir / ".bridge-cni"
    shutil.rmtree(version)
    older = versions / "0.0.2-0123456789abcdef"
    for path in (version, versions / ".new", older):
        path.symlink_to(victim)
    for path in (node.bin_dir / "bridge-cni", node.conf_dir / "10-bridge-cni.conflist",
                 node.conf_dir / ".10-bridge-cni.conflist.new",
                 node.bin_dir / ".bridge-cni.new"):
        path.unlink(missing_ok=True)
        path.symlink_to(victim / "file")
    node.start_agent()
    wait_for(node.ready)
    assert not version.is_symlink() and not older.is_symlink()
    assert not (node.conf_dir / "10-bridge-cni.conflist").is_symlink()
    node.attach()


def test_hard_links_are_replaced_not_written_through(cluster, victim):
    node = cluster.node()
    (node.bin_dir / ".bridge-cni/.new").mkdir(parents=True)
    for path in (node.bin_dir / "bridge-cni", node.bin_dir / ".bridge-cni.new",
                 node.bin_dir / ".bridge-cni/.new/bridge-cni",
                 node.conf_dir / "10-bridge-cni.conflist",
                 node.conf_dir / ".10-bridge-cni.conflist.new"):
        os.link(victim / "file", path)
    node.start_agent()
    wait_for(node.ready)
    assert (victim / "file").stat().st_nlink == 1


def test_fifos_in_place_of_files_hold_nobody_up(cluster):
    node = cluster.node()
    node.start_agent()
    wait_for(node.ready)
    program = installed(node).resolve()
    node.stop_agent()
    for path in (program, node.conf_dir / "10-bridge-cni.conflist",
                 node.conf_dir / ".10-bridge-cni.conflist.new",
                 node.bin_dir / ".bridge-cni.new", program.parent.parent / ".new"):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    node.start_agent()
    wait_for(node.ready)
    assert program.is_file()
    node.attach()


@pytest.mark.parametrize("where", [".bridge-cni.new", "bridge-cni", ".bridge-cni", "conflist"])
def test_what_stands_in_place_of_a_file_stays_and_is_named(cluster, where):
    """A directory where a file belongs, a file where a directory does."""
    node = cluster.node()
    path = (node.conf_dir / "10-bridge-cni.conflist" if where == "conflist"
            else node.bin_dir / where)
    stray = path if where == ".bridge-cni" else path / "file"
    stray.parent.mkdir(exist_ok=True)
    stray.write_text(VICTIM)
    node.start_agent()
    wait_for(lambda: str(path) in node.log() and "has failed" in node.log())
    assert stray.read_text() == VICTIM and not node.ready()


def test_only_versions_are_removed_from_their_directory(cluster):
    node = cluster.node()
    versions = node.bin_dir / ".bridge-cni"
    strays = [versions / name / "file" for name in
              ("notes", "0.0.1", "0.0.1-", "-0123456789abcdef", "0.0.1-0123456789ABCDEF")]
    older = [versions / name / "lib/file" for name in
             ("0.0.1-0123456789abcdef", "make-0.0.1-abcdef")]
    for path in strays + older:
        path.parent.mkdir(parents=True)
        path.write_text(VICTIM)
    node.start_agent()
    wait_for(node.ready)
    assert all(path.read_text() == VICTIM for path in strays)
    assert not any(path.parent.parent.exists() for path in older)


def test_a_link_in_place_of_the_agents_lock_is_not_followed(cluster, victim):
    node = cluster.node()
    (node.run_dir / "bridge-cni").mkdir(mode=0o700)
    (node.run_dir / "bridge-cni/agent.lock").symlink_to(victim / "file")
    node.start_agent()
    wait_for(lambda: "/run/bridge-cni/agent.lock" in node.log())
    assert not node.ready()


def test_cleanup_removes_a_link_and_not_what_it_leads_to(cluster, victim):
    node = cluster.node()
    conflist = node.conf_dir / "10-bridge-cni.conflist"
    conflist.symlink_to(victim / "file")
    assert node.run(*node.agent_argv("--cleanup"), check=False).returncode == 0
    assert not conflist.is_symlink()


def test_a_plugin_that_a_package_installed_stays_where_it_is(cluster):
    """--bundle and --bin-dir are one directory, which has other plugins, too."""
    node = cluster.node()
    shutil.copytree(cluster.bundle, node.bin_dir, dirs_exist_ok=True)
    (node.bin_dir / "loopback").write_text("somebody else's")
    before = {path: (path.lstat().st_ino, path.read_bytes()) for path in node.bin_dir.rglob("*")
              if path.is_file()}
    node.start_agent("--bundle", str(node.bin_dir))
    wait_for(node.ready)
    node.attach()
    node.stop_agent()
    installed(node).unlink()
    node.start_agent("--bundle", str(node.bin_dir))
    wait_for(lambda: f"{installed(node)}: No such file" in node.log())
    assert node.page("/readyz")[0] == 503
    shutil.copy2(cluster.bundle / "bridge-cni", node.bin_dir)
    wait_for(node.ready)
    after = {path: path.read_bytes() for path in node.bin_dir.rglob("*") if path.is_file()}
    assert after == {path: content for path, (_, content) in before.items()}
    assert not any(path.is_symlink() for path in node.bin_dir.iterdir())
