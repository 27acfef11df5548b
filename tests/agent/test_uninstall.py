# SPDX-License-Identifier: GPL-2.0-or-later
"""--uninstall: the network leaves a node, and every pod that was on it can be deleted."""
import re
import shutil
import signal
import time

import pytest

from harness import plugin
from harness.cluster import INTERNET4
from harness.runtime import NotInitialized, Runtime
from harness.waiting import wait_for

QUICK = "--uninstall-linger-seconds", "2"
PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]


def restarted(node, mode, options=QUICK, **more):
    """As the DaemonSet does it, after a change of the ConfigMap."""
    node.stop_agent()
    node.start_agent(*options, BRIDGE_CNI_UNINSTALL=mode, **more)


def is_uninstalled(node):
    status, text = node.page("/readyz")
    return status == 200 and text.startswith("ok\nuninstalled")


def waits_for(node):
    """The pods that /readyz names."""
    status, text = node.page("/readyz")
    before, _, names = text.partition("waits for these pods: ")
    return set(names.split()) if status == 503 and before == "uninstalling: " else None


def lines(node, words):
    return [line for line in node.log().splitlines() if words in line]


def test_drain_serves_the_pods_that_are_left_and_then_removes_everything(cluster):
    one, two = cluster.ready(2, *QUICK)
    runtime, other = Runtime(one), two.attach()
    pods = [runtime.run("cart-1", PORTS), runtime.run("cart-2")]
    restarted(one, "drain", ("--uninstall-linger-seconds", "10"))
    wait_for(lambda: one.draining())
    with plugin.refusal(plugin.UNAVAILABLE, "draining"):
        runtime.run("cart-3")
    wait_for(lambda: waits_for(one) == {"shop/cart-1", "shop/cart-2"})
    assert one.metrics()["bridge_cni_uninstall_pods_left"] == 2
    line, = lines(one, "drain this node")
    assert "shop/cart-1" in line and "shop/cart-2" in line
    # Whatever the pods need is put back.
    one.nft("flush ruleset")
    one.ip("route flush proto 98")
    (one.conf_dir / "10-bridge-cni.conflist").unlink()
    wait_for(lambda: one.draining() and len(one.own_routes()) == 2)
    wait_for(lambda: pods[0].ping(INTERNET4, wait=1) and pods[1].ping(other.address4, wait=1))
    runtime.delete("cart-1")
    runtime.stop("cart-2")
    stopped = time.time()
    # The second DEL of a pod may be the last thing of all.
    wait_for(lambda: re.fullmatch("uninstalling: no pod is left; all else is removed in ([1-9]|10) s\n",
                                  one.page("/readyz")[1]))
    with one.asleep():
        runtime.remove("cart-2")
    wait_for(lambda: is_uninstalled(one))
    assert one.left() == []
    assert len(lines(one, "configuration removed")) == 1
    assert one.told_at("configuration removed") - stopped > 9.9
    # It stays so, and nothing is written.
    for mode in ("drain", "now"):
        restarted(one, mode)
        wait_for(lambda: is_uninstalled(one))
        assert one.left() == [] and len(lines(one, "msg=installed")) == 1
    restarted(one, "")
    wait_for(one.ready)
    wait_for(lambda: not one.draining())
    runtime.run("cart-4")


def test_now_disconnects_all_pods_and_their_runtime_can_delete_them_later(cluster):
    one, two = cluster.ready(2, *QUICK)
    runtime, other = Runtime(one), two.attach()
    pods = [runtime.run("cart-1", PORTS), runtime.run("cart-2")]
    restarted(one, "now")
    wait_for(lambda: "delete them" in one.log())
    assert waits_for(one) == {"shop/cart-1", "shop/cart-2"}
    line, = lines(one, "pods are disconnected")
    assert "shop/cart-1" in line and "shop/cart-2" in line
    assert one.host_veths() == [] and "cni0" not in one.links()
    assert "bridge_cni" not in one.run("nft", "list", "ruleset").stdout
    assert one.reservations("pods") == {} and not pods[0].ping(other.address4, wait=1)
    with plugin.refusal(plugin.UNAVAILABLE, "draining"):
        runtime.run("cart-3")
    # An agent that starts again knows whom it has disconnected, also after a way back.
    restarted(one, "")
    wait_for(one.ready)
    restarted(one, "drain")
    wait_for(lambda: waits_for(one) == {"shop/cart-1", "shop/cart-2"})
    runtime.stop("cart-1")
    wait_for(lambda: waits_for(one) == {"shop/cart-2"})
    runtime.remove("cart-1")
    runtime.delete("cart-2")
    wait_for(lambda: is_uninstalled(one))
    assert one.left() == []


@pytest.mark.parametrize("mode", ["drain", "now"])
def test_an_agent_that_is_killed_goes_on_from_where_it_was(cluster, mode):
    node, = cluster.ready(1, *QUICK)
    runtime = Runtime(node)
    for name in ("cart-1", "cart-2", "cart-3"):
        runtime.run(name, PORTS if name == "cart-1" else None)
    node.stop_agent()
    for step in range(9):
        node.start_agent(*QUICK, BRIDGE_CNI_UNINSTALL=mode)
        time.sleep(0.05 * (step + 1))
        node.stop_agent(signal.SIGKILL)
        # Whenever a pod is deleted, its DELs succeed.
        if step % 3 == 2:
            runtime.delete(min(runtime.sandboxes))
    node.start_agent(*QUICK, BRIDGE_CNI_UNINSTALL=mode)
    wait_for(lambda: is_uninstalled(node))
    assert node.left() == []


def test_what_was_begun_to_be_removed_is_removed_by_the_next_agent(cluster):
    """The former one was killed behind the configuration."""
    one, _ = cluster.ready(2, *QUICK)
    one.stop_agent(signal.SIGKILL)
    assert len(one.own_routes()) == 2
    (one.conf_dir / "10-bridge-cni.conflist").unlink()
    cluster.api.stop()  # The agent needs nobody's help to remove things.
    one.start_agent(*QUICK, BRIDGE_CNI_UNINSTALL="drain")
    wait_for(lambda: is_uninstalled(one))
    assert one.left() == []


def test_no_new_pods_come_also_where_the_API_server_does_not_answer(cluster):
    node, = cluster.ready(1, *QUICK)
    runtime = Runtime(node)
    runtime.run("cart-1")
    cluster.api.stop()
    restarted(node, "drain")
    wait_for(lambda: node.draining())
    assert node.conf()["ipMasq"] is True
    runtime.delete("cart-1")
    wait_for(lambda: is_uninstalled(node))
    assert node.left() == []


def test_pods_whose_configuration_is_gone_can_be_deleted_again(cluster):
    """As a former version's --cleanup left them; and while the API server is away."""
    node, = cluster.ready(1, *QUICK)
    runtime = Runtime(node)
    runtime.run("cart-1", PORTS)
    runtime.run("cart-2")
    node.stop_agent()
    (node.conf_dir / "10-bridge-cni.conflist").unlink()
    with pytest.raises(NotInitialized):
        runtime.delete("cart-1")
    cluster.api.stop()
    node.start_agent(*QUICK, BRIDGE_CNI_UNINSTALL="drain")
    wait_for(lambda: node.draining())
    runtime.delete("cart-1")
    # What stood there for their DEL does not say how the network is to be.
    cluster.api.start()
    restarted(node, "")
    wait_for(lambda: node.ready() and not node.draining())
    assert node.conf()["spoofCheck"] is True and "understood" not in node.log()
    restarted(node, "drain")
    runtime.delete("cart-2")
    wait_for(lambda: is_uninstalled(node))
    assert node.left() == []


@pytest.mark.parametrize("store", ["damaged", "deleted"])
def test_pods_without_a_record_are_waited_for(cluster, store):
    """Deleted: as whoever resets a node by hand empties the directories of CNI."""
    node, = cluster.ready(1, *QUICK)
    runtime = Runtime(node)
    pod = runtime.run("cart-1", PORTS)
    node.stop_agent()
    if store == "deleted":
        shutil.rmtree(node.store / "pods")
        shutil.rmtree(node.store / ".bridge-cni")
        (node.conf_dir / "10-bridge-cni.conflist").unlink()
    for record in node.store.glob(".bridge-cni/pods/p-*"):
        record.write_bytes(b"")
    node.start_agent(*QUICK, BRIDGE_CNI_UNINSTALL="drain")
    wait_for(lambda: waits_for(node) == {pod.id} and node.draining())
    runtime.delete("cart-1")
    wait_for(lambda: is_uninstalled(node))
    assert node.left() == []


def test_cleanup_changes_nothing_where_the_store_cannot_be_read(cluster):
    node, = cluster.ready(1)
    Runtime(node).run("cart-1")
    node.stop_agent()
    (node.store / ".bridge-cni").rename(node.store / "was")
    (node.store / ".bridge-cni").touch()
    done = node.run("timeout", "20", *node.agent_argv("--cleanup"), check=False)
    assert done.returncode == 1 and ".bridge-cni" in done.stderr
    assert not node.draining() and len(node.host_veths()) == 1


def test_the_executable_stays_for_the_pods_of_other_networks(cluster):
    """Of this one's store, and of another."""
    node, = cluster.ready(1, *QUICK)
    pod, conf = node.pod(), {**node.conf(), "name": "storage", "bridge": "br-storage"}
    other, apart = node.pod(), {**conf, "name": "apart", "bridge": "br-apart", "ipam": {
        "type": "host-local", "dataDir": "/run/cni/apart", "subnet": "10.9.0.0/24"}}
    node.add(other, apart, executable=str(node.bin_dir / "bridge-cni"))
    executable = str(node.bin_dir / "bridge-cni")
    result = node.add(pod, conf, executable=executable)
    restarted(node, "drain")
    wait_for(lambda: waits_for(node) == {pod.id, other.id})
    node.delete(pod, conf, result, executable=executable)
    pod.remove()
    wait_for(lambda: waits_for(node) == {other.id})
    node.delete(other, apart, executable=executable)
    other.remove()
    wait_for(lambda: is_uninstalled(node))
    assert not list(node.bin_dir.iterdir()) and "cni0" not in node.links()


def test_what_others_have_put_beside_it_stays(cluster):
    node, = cluster.ready(1, *QUICK)
    others = [node.bin_dir / "loopback", node.bin_dir / ".bridge-cni/make-0.1.0-abcdef",
              node.conf_dir / "99-loopback.conf"]
    with node.asleep():
        others[0].unlink()  # the agent's link
        for path in others:
            path.touch()
    restarted(node, "drain")
    wait_for(lambda: is_uninstalled(node))
    assert all(path.exists() for path in others)
    assert sorted(path.name for path in node.bin_dir.rglob("*")) == \
        [".bridge-cni", "loopback", "make-0.1.0-abcdef"]


def test_what_holds_it_up_is_told_and_then_it_goes_on(cluster):
    """An address of somebody who has neither a record nor an interface."""
    node, = cluster.ready(1, *QUICK)
    runtime = Runtime(node)
    runtime.run("cart-1")
    reservation = node.store / "pods" / node.cidrs[0].replace(".0/24", ".77")
    reservation.write_bytes(b"somebody\r\neth0")
    runtime.delete("cart-1")
    restarted(node, "drain")
    wait_for(lambda: "the log says why" in node.page("/readyz")[1])
    line, = lines(node, "bridge-cni cleanup has failed")
    assert "container somebody eth0" in line and node.conflist()
    reservation.unlink()
    wait_for(lambda: is_uninstalled(node))
    assert node.left() == []


def test_another_word_is_refused(cluster):
    node = cluster.node()
    done = node.run(*node.agent_argv("--uninstall", "later"), check=False)
    assert done.returncode == 1
    assert "later" in done.stderr and "expected drain or now" in done.stderr
