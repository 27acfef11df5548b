# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames that the guards drop are counted in metrics, and their pods are named in the log."""
import pytest

from harness.waiting import wait_for

KUBERNETES = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-7d"
METRIC = 'bridge_cni_dropped_frames_total{{kind="{}"}}'


@pytest.fixture
def node(cluster):
    """Its pods have no guards, so that the test makes the table in which they count."""
    node = cluster.node()
    node.start_agent("--spoof-check", "false", "--resync-seconds", "1")
    wait_for(node.ready)
    return node


def make_table(node, *, ports=(), **packets):
    counters = "".join(f"counter {name} {{ packets {n} bytes 1; }}\n"
                       for name, n in packets.items())
    elements = f"elements = {{ {', '.join(ports)} }}" if ports else ""
    node.nft(f"""
        table bridge bridge_cni {{}}
        delete table bridge bridge_cni
        table bridge bridge_cni {{
            {counters}
            set dropped_ports {{
                type ifname; size 1024; flags dynamic,timeout; timeout 10m; {elements}
            }}
        }}""")


def attach(node, args=KUBERNETES):
    pod = node.pod()
    result = node.add(pod, node.conf(), args=args,
                      executable=str(node.bin_dir / "bridge-cni"))
    pod.port = result["interfaces"][1]["name"]
    return pod


def dropped(node):
    return {key: value for key, value in node.metrics().items() if "dropped_frames" in key}


def lines(node):
    return [line for line in node.log().splitlines() if "were dropped" in line]


def quoted(port):
    return f'"{port}"'


def test_each_kind_is_counted(node):
    assert dropped(node) == {}
    make_table(node, spoof_ra=3, spoof_ip4=0, other=7)
    assert dropped(node) == {METRIC.format("ra"): 3, METRIC.format("ip4"): 0}
    # A table that somebody flushed counts anew.
    make_table(node, spoof_ra=2**40)
    assert dropped(node) == {METRIC.format("ra"): 2**40}
    node.nft("delete table bridge bridge_cni")
    assert dropped(node) == {}


def test_a_pod_whose_frames_are_dropped_is_named_once(node):
    pod, other = attach(node), attach(node)
    make_table(node, ports=[quoted(pod.port)], spoof_ra=3, spoof_ip4=1, spoof_mac=0)
    line, = wait_for(lambda: lines(node))
    assert "level=warn" in line and "pod=shop/cart-7d" in line
    assert f"interface={pod.port}" in line and 'kinds="' in line
    assert set(line.split('kinds="')[1].rstrip('"').split()) == {"ra", "ip4"}
    # More of the same is told by metrics alone; another pod is told.
    make_table(node, ports=map(quoted, (pod.port, other.port)), spoof_ra=4, spoof_ip4=1)
    wait_for(lambda: len(lines(node)) == 2)
    assert f"interface={other.port}" in lines(node)[1]
    assert lines(node)[1].endswith("kinds=ra")


def test_without_a_name_of_kubernetes_the_container_is_named(node):
    pod = attach(node, args=None)
    make_table(node, ports=[quoted(pod.port)], spoof_ra=1)
    line, = wait_for(lambda: lines(node))
    assert f"pod={pod.id} " in line


def test_a_port_that_is_gone_or_somebody_elses_is_told_by_its_name(node):
    node.ip("link add tap0 type bridge")
    make_table(node, ports=['"tap0"', '"gone0"', '"/"'], spoof_dhcp=1)
    wait_for(lambda: len(lines(node)) == 2)
    assert {line.split(" pod=")[1].split()[0] for line in lines(node)} == {"tap0", "gone"}


def test_counters_that_do_not_grow_are_no_news(node):
    pod = attach(node)
    make_table(node, spoof_ra=5)
    assert dropped(node) == {METRIC.format("ra"): 5}  # this looks at the counters
    node.nft(f'add element bridge bridge_cni dropped_ports {{ "{pod.port}" }}')
    node.wait_for_resyncs()
    assert not lines(node)


def test_of_very_many_ports_not_all_are_named_at_once(node):
    make_table(node, ports=[quoted(f"port{i}") for i in range(200)], spoof_ra=1)
    wait_for(lambda: lines(node))
    assert node.metrics()[METRIC.format("ra")] == 1 and len(lines(node)) == 32


def test_the_guards_of_a_pod_count_and_tell(cluster):
    node = cluster.node()
    node.start_agent("--resync-seconds", "1")
    wait_for(node.ready)
    pod, other = attach(node), attach(node)
    kinds = dropped(node)
    assert {METRIC.format(kind) for kind in (
        "mac", "ethertype", "ip4", "arp", "ip6", "nd", "ra", "dhcp", "query",
        "bpdu")} <= set(kinds)
    assert kinds[METRIC.format("ip4")] == 0 and not lines(node)
    # The neighbour is known, so that nothing but the datagrams is sent.
    wait_for(lambda: pod.ping("10.244.1.1"))
    pod.ip("addr add 10.244.1.200/32 dev eth0")
    assert not pod.ping("10.244.1.1", wait=0.1, source="10.244.1.200")
    wait_for(lambda: dropped(node)[METRIC.format("ip4")] == 1)
    line, = wait_for(lambda: lines(node))
    assert "pod=shop/cart-7d" in line and f"interface={pod.port}" in line
    assert line.endswith("kinds=ip4")
    assert f"interface={other.port}" not in node.log()
