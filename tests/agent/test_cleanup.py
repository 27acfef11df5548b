# SPDX-License-Identifier: GPL-2.0-or-later
"""bridge-cni-agent --cleanup."""
import subprocess
import time

from harness.cluster import INTERNET4
from harness.netns import TIMEOUT
from harness.runtime import Runtime
from harness.waiting import wait_for

QUICK = "--uninstall-linger-seconds", "5"  # for the second DEL of a pod


def clean_up(node, *options, **kw):
    return node.run(*node.agent_argv("--cleanup", *options), **kw)


def begun(node, *options):
    """A cleanup that is running."""
    return node.popen(node.agent_argv("--cleanup", *QUICK, *options), stderr=subprocess.PIPE,
                      text=True)


def ended(process):
    """Waits until the cleanup has succeeded, and gives what it wrote."""
    _, text = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, text
    return text


def test_pods_that_are_left_are_named_and_nothing_is_changed(cluster):
    one, two = cluster.ready(2, *QUICK)
    runtime = Runtime(one)
    pod, conf, routes = runtime.run("cart-1"), one.conf(), one.own_routes()
    done = clean_up(one, check=False)
    assert done.returncode == 1
    for word in ("shop/cart-1", "nothing was changed", "--uninstall drain", "--uninstall now"):
        assert word in done.stderr
    assert (one.conf(), one.own_routes()) == (conf, routes)
    assert pod.ping(INTERNET4) and one.ready() and "standing by" not in one.log()
    runtime.run("cart-2")


def test_nothing_is_changed_where_it_cannot_tell_which_pods_are_left(cluster):
    node, = cluster.ready(1)
    conf, records = node.conf(), node.store / ".bridge-cni"
    node.store.mkdir(parents=True, exist_ok=True)
    records.touch()  # a file in place of the directory of records
    done = clean_up(node, check=False)
    assert done.returncode == 1 and "networks/.bridge-cni" in done.stderr
    assert "can't be told" in done.stderr
    assert node.conf() == conf and node.ready() and "standing by" not in node.log()
    records.unlink()
    clean_up(node)
    assert node.left() == []


def test_it_waits_for_pods_with_drain(cluster):
    node, = cluster.ready(1)
    runtime = Runtime(node)
    pod = runtime.run("cart-1")
    node.ip("route add 10.9.0.0/16 via 192.0.2.1 proto static")
    cleanup = begun(node, "--uninstall", "drain")
    wait_for(lambda: node.draining())
    assert pod.ping(INTERNET4)
    runtime.delete("cart-1")
    assert "shop/cart-1" in ended(cleanup)
    assert node.left() == [] and "10.9.0.0/16" in node.ip("route")


def test_it_goes_on_with_now(cluster):
    node, = cluster.ready(1)
    runtime = Runtime(node)
    runtime.run("cart-1")
    cleanup = begun(node, "--uninstall", "now")
    wait_for(lambda: "cni0" not in node.links())
    runtime.delete("cart-1")
    assert "shop/cart-1" in ended(cleanup)
    assert node.left() == []


def test_it_gives_pods_a_configuration_to_be_deleted_by(cluster):
    """Somebody has removed the agent's before."""
    node, = cluster.ready(1)
    runtime = Runtime(node)
    runtime.run("cart-1", [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])
    node.stop_agent()
    (node.conf_dir / "10-bridge-cni.conflist").unlink()
    cleanup = begun(node, "--uninstall", "drain")
    wait_for(lambda: node.draining())
    runtime.delete("cart-1")
    ended(cleanup)
    assert node.left() == []


def test_a_running_agent_puts_nothing_back_behind_it(cluster):
    node, = cluster.ready(1)
    clean_up(node)
    wait_for(lambda: node.page("/readyz")[0] == 503)
    assert "standing by" in node.log()
    cluster.api.put("later", ["10.244.90.0/24"], ["192.0.2.90"])
    time.sleep(2.5)
    assert node.left() == []
    assert node.page("/healthz")[0] == 200
    assert node.stop_agent() == 0


def test_it_can_be_repeated_and_be_the_first(cluster):
    node = cluster.node()
    clean_up(node)
    node.start_agent()
    wait_for(node.ready)
    node.stop_agent()
    clean_up(node)
    clean_up(node)
    assert node.conflist() is None
    node.start_agent()
    wait_for(node.ready)
    node.attach()


def test_a_cleanup_that_fails_has_removed_the_annotation_before_the_device(cluster):
    """Of the WireGuard key. The next try would not know of it, as the device is gone. A link of
    that name stands for the device, which this kernel may not have."""
    key = "bridge-cni/wireguard-keys"
    node, = cluster.ready(1)
    node.stop_agent()
    node.ip("link add bcni-wg type bridge")
    cluster.api.annotate(node.name, {key: f"51820:{'A' * 42}E="})
    owner = node.popen(["nft", "-i"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    owner.stdin.write("add table inet bridge_cni_tunnel { flags owner; }\n")
    owner.stdin.flush()
    wait_for(lambda: "bridge_cni_tunnel" in node.run("nft", "list", "tables").stdout)
    cleanup = begun(node)
    while "uninstalling has failed" not in cleanup.stderr.readline():
        pass
    cleanup.kill()
    cleanup.communicate()
    assert key not in cluster.api.annotations(node.name)
    owner.stdin.close()
    owner.wait()
    node.ip("link del bcni-wg")
    clean_up(node)
    assert node.left() == []
