# SPDX-License-Identifier: GPL-2.0-or-later
"""What an agent keeps closed for WireGuard, also where the kernel has none: nothing is sent in the
clear, and nobody sees its keys."""
import os

import pytest

from harness import plugin
from harness.waiting import wait_for, within
from harness.wireguard import DEVICE, IN_THE_CLEAR, KEYS, capture, kernel_has_it


@pytest.mark.skipif(kernel_has_it(), reason="this kernel has WireGuard")
def test_a_kernel_without_it_is_named_and_nothing_is_sent_in_the_clear(cluster):
    one, two = cluster.ready(2)
    pod = one.attach()
    two.stop_agent()  # which would remove what the next line says of its node
    cluster.api.annotate(two.name, {KEYS: f"51820:{'A' * 42}E="})
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard")
    wait_for(lambda: "modprobe wireguard" in one.page("/readyz")[1])
    assert "making the WireGuard device bcni-wg: Operation not supported" in one.log()
    assert DEVICE not in one.links()
    wait_for(lambda: one.metrics()['bridge_cni_nodes_unrouted{reason="no-tunnel"}'] == 2)
    assert not one.own_routes()
    assert one.sealed() == {"10.244.1.0/24", "10.244.2.0/24", "fd00:244:0:1::/64",
                            "fd00:244:0:2::/64"}
    with capture(one, IN_THE_CLEAR) as clear:
        for address in "10.244.2.9", "fd00:244:0:2::9":
            assert not pod.ping(address, wait=1) and not one.ping(address, wait=1)
    closed = one.sealed()
    with capture(one, IN_THE_CLEAR) as clear_then:
        # Its pods may run on.
        cluster.api.remove(two.name)
        wait_for(lambda: not one.metrics().get('bridge_cni_nodes_unrouted{reason="no-tunnel"}'))
        assert not pod.ping("10.244.2.9", wait=1)
        assert one.sealed() == closed
        cluster.join(two)
        wait_for(lambda: one.metrics().get('bridge_cni_nodes_unrouted{reason="no-tunnel"}') or
                         one.metrics().get('bridge_cni_nodes_unrouted{reason="no-wireguard-key"}'))
        assert one.sealed() == closed
    assert not clear and not clear_then
    one.stop_agent()
    one.start_agent()
    wait_for(lambda: set(two.cidrs) <= {*one.own_routes()} and not one.sealed())


def test_what_somebody_opens_is_closed_again(cluster):
    one, two = cluster.ready(2)
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard", "--resync-seconds", "3600")
    wait_for(lambda: one.sealed() >= {*one.cidrs, *two.cidrs})
    closed = one.sealed()
    for cidr in two.cidrs:
        one.ip("-6" if ":" in cidr else "-4", "route del unreachable", cidr, "metric 4000000000")
        within(one, 5, lambda: one.sealed() == closed)


def test_the_file_that_pods_wait_for_goes_with_the_mode(cluster):
    """Another agent with WireGuard finds the default route open, and no file that says otherwise."""
    one = cluster.node()
    one.start_agent("--tunnel", "wireguard")
    wait_for(lambda: (one.run_dir / "bridge-cni/ready").exists())
    assert one.sealed() and one.conf()["waitForAgent"]
    one.stop_agent()
    one.start_agent()
    wait_for(one.ready)
    assert not one.sealed() and "waitForAgent" not in one.conf()
    assert not (one.run_dir / "bridge-cni/ready").exists()
    one.detach(one.attach())


def test_after_a_boot_no_pod_starts_before_the_default_route_is_closed(cluster):
    """The configuration is there before the agent, and would let pods send in the clear."""
    one, two = cluster.ready(2)
    assert "waitForAgent" not in one.conf()
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard")
    wait_for(lambda: one.sealed() >= {*two.cidrs} and (one.run_dir / "bridge-cni/ready").exists())
    former = one.attach()
    one.stop_agent()
    for family in "-4", "-6":
        one.ip(f"{family} route flush proto 98")
    (one.run_dir / "bridge-cni/ready").unlink()
    with plugin.refusal(plugin.UNAVAILABLE, "waitForAgent"):
        one.attach()
    one.detach(former)
    cluster.api.stop()
    one.start_agent("--tunnel", "wireguard")
    with pytest.raises(AssertionError):
        wait_for(lambda: one.sealed() or (one.run_dir / "bridge-cni/ready").exists(), 3)
    with plugin.refusal(plugin.UNAVAILABLE, "waitForAgent"):
        one.attach()
    cluster.api.start()
    wait_for((one.run_dir / "bridge-cni/ready").exists)
    assert one.sealed() >= {*two.cidrs}
    with capture(one, IN_THE_CLEAR) as clear:
        assert not one.attach().ping("10.244.2.9", wait=1)
    assert not clear
    one.stop_agent()
    one.start_agent()
    wait_for(lambda: "waitForAgent" not in one.conf())


def test_with_cluster_cidr_what_no_Node_has_yet_is_closed_too(cluster):
    """A Node that is new is known a moment later than its pods, or not before the API server answers.
    An InternalIP among the pods' addresses is reached as before."""
    one = cluster.ready(1)[0]
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard", "--cluster-cidr", "10.244.0.0/16,fd00:244::/32")
    wait_for(lambda: one.sealed() == {"10.244.0.0/16", "fd00:244::/32", *one.cidrs})
    pod = one.attach()
    with capture(one, IN_THE_CLEAR) as clear:
        for address in "10.244.77.9", "fd00:244:0:77::9":
            assert not pod.ping(address, wait=1) and not one.ping(address, wait=1)
    assert not clear
    cluster.api.put("inside", [], ["10.244.200.1"])
    wait_for(lambda: one.sealed() == {"fd00:244::/32", *one.cidrs})
    cluster.api.remove("inside")
    wait_for(lambda: one.sealed() == {"10.244.0.0/16", "fd00:244::/32", *one.cidrs})
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard")
    wait_for(lambda: one.sealed() == {*one.cidrs})
    one.stop_agent()
    one.start_agent("--tunnel", "wireguard", "--cluster-cidr", "10.244.0.0/16,fd00:244::/32")
    wait_for(lambda: "10.244.0.0/16" in one.sealed())
    one.stop_agent()
    one.start_agent()
    wait_for(lambda: not one.sealed())


def group_of_memory(node, *options):
    """Whose /proc files that show it are, of an agent with the group 1."""
    node.agent = node.popen(["setpriv", "--regid", "1", "--clear-groups",
                             *node.agent_argv(*options)], stderr=open(node.log_path, "ab"))
    wait_for(lambda: node.page("/healthz")[0] == 200)
    group = os.stat(f"/proc/{node.agent.pid}/environ").st_gid
    node.stop_agent()
    return group


@pytest.mark.any_kernel
def test_an_agent_that_has_private_keys_shows_its_memory_to_nobody(cluster):
    """The kernel gives such files to root when it writes no core dump (prctl(2),
    PR_SET_DUMPABLE)."""
    node = cluster.node()
    assert group_of_memory(node, "--tunnel", "none") == 1
    assert group_of_memory(node, "--tunnel", "wireguard") == 0
    assert group_of_memory(node, "--tunnel-receive", "wireguard") == 0
