# SPDX-License-Identifier: GPL-2.0-or-later
"""A pod's rates: measured both ways, checked, put back, and gone with the pod."""
import contextlib
import json
import re

import pytest
from test_gc import gc
from test_repair import NOTHING, repair

from harness import plugin
from harness.former import redirect_as_before
from harness.node import INTERNET4, INTERNET6, NODE4, addresses_of, network
from harness.plugin import CHECK, CONFIG, EXISTS, UNSUPPORTED_FIELD
from harness.reboot import crash
from harness.waiting import wait_for

MBIT = 1000 * 1000
UINT32_MAX = 2 ** 32 - 1
BURST_MAX = 8 * UINT32_MAX - 1
RATES = {"ingressRate": 20 * MBIT, "ingressBurst": MBIT,
         "egressRate": 10 * MBIT, "egressBurst": MBIT}
# containerd makes this of a pod's annotations.
KUBERNETES = {"bandwidth": {"ingressRate": 20 * MBIT, "ingressBurst": UINT32_MAX,
                            "egressRate": 10 * MBIT, "egressBurst": UINT32_MAX}}
PORT = 5201


def limited(families="v4", **changes):
    return network(families, **{**RATES, **changes})


def qdiscs(ns, ifname):
    """Kind -> options, of an interface."""
    out = ns.run("tc", "-j", "qdisc", "show", "dev", ifname).stdout
    return {entry["kind"]: entry.get("options", {}) for entry in json.loads(out)}


def of_kind(node, kind):
    return sorted(name for name, link in node.links().items()
                  if link.get("linkinfo", {}).get("info_kind") == kind)


def ends(node):
    """The only pod's interfaces on the node: the veth's end, the ifb."""
    return node.host_veths()[0], "ifb" + node.host_veths()[0][len("veth"):]


def bit_rate(tbf):
    return 8 * tbf["rate"]


# -- measured


@contextlib.contextmanager
def iperf3_server(ns, port):
    server = ns.popen(["iperf3", "-s", "-p", str(port)], stdout=-3, stderr=-3)
    try:
        # Not by connecting: to iperf3 that is a client, and while it deals with one it turns
        # others away.
        wait_for(lambda: ns.run("ss", "-Hltn", f"sport = :{port}").stdout)
        yield
    finally:
        server.kill()
        server.wait()


def measured(pod, server, address, *directions):
    """Bits per second that arrive, for each of "sends" and "receives", all at once: those of the whole
    time, which are less where the machine is busy with something else, and those of the best half second."""
    with contextlib.ExitStack() as stack:
        for port, _ in enumerate(directions, PORT):
            stack.enter_context(iperf3_server(server, port))
        # The first second empties the bucket. Every kernel has reno; of several connections
        # one may lose a segment without all of the rate going unused for long.
        running = [pod.begin("iperf3", "-J", "-c", address, "-p", str(port), "-C", "reno",
                             "-P", "4", "-O", "1", "-t", "4", "-i", "0.5",
                             "-R" if direction == "receives" else "--get-server-output")
                   for port, direction in enumerate(directions, PORT)]
        ends = [finish() for finish in running]
    for end in ends:  # what went wrong it says in its JSON, or on stderr
        assert end.returncode == 0, f"iperf3: {end.stdout[-1000:]}{end.stderr}"
    found = []
    for end in map(json.loads, (end.stdout for end in ends)):
        parts = end.get("server_output_json", end)["intervals"]  # the receiver's
        found.append((end["end"]["sum_received"]["bits_per_second"],
                      max(part["sum"]["bits_per_second"] for part in parts if not part["sum"]["omitted"])))
    return found


def within_a_tenth(found, wanted):
    whole, best = found
    return whole <= 1.1 * wanted and best >= 0.9 * wanted


def test_what_the_pod_receives_is_limited_by_ingressRate(node):
    pod = node.pod()
    node.add(pod, limited(egressRate=0, egressBurst=0))
    received, = measured(pod, node.outside, INTERNET4, "receives")
    assert within_a_tenth(received, RATES["ingressRate"])
    assert of_kind(node, "ifb") == []


def test_what_the_pod_sends_is_limited_by_egressRate(node):
    pod = node.pod()
    node.add(pod, limited("v6", ingressRate=None, ingressBurst=None))
    sent, = measured(pod, node.outside, INTERNET6, "sends")
    assert within_a_tenth(sent, RATES["egressRate"])


def test_both_directions_at_once_with_what_Kubernetes_runtimes_pass(node):
    """Runtimes fill in half a gigabyte of burst, which would pass before any limit."""
    pod = node.pod()
    node.add(pod, network(runtimeConfig=KUBERNETES))
    sent, received = measured(pod, node.outside, INTERNET4, "sends", "receives")
    assert within_a_tenth(sent, RATES["egressRate"])
    assert within_a_tenth(received, RATES["ingressRate"])


def test_pods_on_the_same_bridge_are_limited_too(node):
    pod, other = node.pod(), node.pod()
    address = addresses_of(node.add(pod, limited()))[0]
    node.add(other, network())
    received, = measured(other, pod, address, "sends")
    assert within_a_tenth(received, RATES["ingressRate"])


def test_others_get_through_while_a_pod_sends_all_it_can(node):
    """The queue doesn't grow with the burst: an echo waits for no seconds."""
    pod = node.pod()
    node.add(pod, limited(egressBurst=BURST_MAX // 100))
    with iperf3_server(node.outside, PORT):
        sender = pod.popen(["iperf3", "-c", INTERNET4, "-p", str(PORT), "-C", "reno",
                            "-P", "4", "-t", "60"], stdout=-3)
        show = "tc", "-s", "-j", "qdisc", "show", "dev", ends(node)[1]
        wait_for(lambda: json.loads(node.run(*show).stdout)[0]["drops"])  # the bucket is empty
        # Some are dropped like all else; none waits for long.
        out = pod.run("ping", "-n", "-q", "-c20", "-i0.1", "-W1", INTERNET4).stdout
        slowest = float(re.search("rtt [^=]*= [^/]*/[^/]*/([0-9.]*)/", out)[1])
        assert slowest < 1000, out
        sender.kill()
        sender.wait()


# -- what is made


def test_token_buckets_on_the_veth_and_on_an_ifb_with_the_same_name(node):
    pod = node.pod()
    conf = limited("dual", mtu=1400)
    result = node.add(pod, conf)
    veth, ifb = ends(node)
    assert bit_rate(qdiscs(node, veth)["tbf"]) == RATES["ingressRate"]
    assert bit_rate(qdiscs(node, ifb)["tbf"]) == RATES["egressRate"]
    links = node.links()
    assert links[ifb]["mtu"] == 1400
    assert links[ifb]["ifalias"] == links[veth]["ifalias"]
    assert (links[ifb]["num_tx_queues"], links[ifb]["num_rx_queues"]) == (1, 1)
    assert result["interfaces"][-1] == {"name": ifb, "mac": links[ifb]["address"],
                                        "mtu": 1400}
    node.check(pod, conf, result)


@pytest.mark.parametrize("version", ["0.2.0", "0.4.0"])
def test_older_versions_of_the_result(node, version):
    pod = node.pod()
    result = node.add(pod, limited(cniVersion=version))
    assert pod.ping(NODE4)
    if version == "0.4.0":
        assert ends(node)[1] in [link["name"] for link in result["interfaces"]]


def test_no_rates_or_all_of_them_0_make_nothing(node):
    for conf in (network(), limited(**dict.fromkeys(RATES, 0))):
        pod = node.pod()
        result = node.add(pod, conf)
        assert set(qdiscs(node, node.host_veths()[0])) == {"noqueue"}
        assert of_kind(node, "ifb") == []
        node.check(pod, conf, result)
        node.delete(pod, conf)


def test_the_configurations_keys_win_over_the_runtimes(node):
    """All of them or none: a 0 of the configuration's is a value, too."""
    runtime = {"bandwidth": {"ingressRate": 8 * MBIT, "ingressBurst": MBIT,
                             "egressRate": 8 * MBIT, "egressBurst": MBIT}}
    pod = node.pod()
    conf = network(ingressRate=2 * MBIT, ingressBurst=MBIT, runtimeConfig=runtime)
    node.add(pod, conf)
    assert bit_rate(qdiscs(node, ends(node)[0])["tbf"]) == 2 * MBIT
    assert of_kind(node, "ifb") == []
    node.delete(pod, conf)
    conf = network(egressRate=0, runtimeConfig=runtime)
    node.add(pod, conf)
    assert set(qdiscs(node, ends(node)[0])) == {"noqueue"}
    node.delete(pod, conf)
    conf = network(runtimeConfig=runtime)
    node.add(pod, conf)
    for ifname in ends(node):
        assert bit_rate(qdiscs(node, ifname)["tbf"]) == 8 * MBIT


@pytest.mark.parametrize("rate", [8, 1000, 40 * 1000 * MBIT, 10 ** 15])
def test_rates_from_a_byte_per_second_to_beyond_32_bits(node, rate):
    conf = network(ingressRate=rate, ingressBurst=BURST_MAX, egressRate=rate,
                   egressBurst=8)
    pod = node.pod()
    result = node.add(pod, conf)
    for ifname in ends(node):
        assert bit_rate(qdiscs(node, ifname)["tbf"]) == rate
    node.check(pod, conf, result)


def test_a_burst_that_is_less_than_a_frame_lets_frames_through(node):
    pod = node.pod()
    node.add(pod, limited(ingressBurst=8, egressBurst=8))
    done = pod.run("ping", "-n", "-c1", "-W2", "-s", "1472", "-M", "do", NODE4, check=False)
    assert done.returncode == 0


# -- what is wrong


@pytest.mark.parametrize("changes, words", [
    ({"ingressRate": -1}, ["ingressRate", "-1"]),
    ({"ingressRate": 7}, ["ingressRate", "7"]),
    ({"ingressRate": 1.5}, ["ingressRate", "1.5"]),
    ({"ingressRate": 10 ** 15 + 8}, ["ingressRate"]),
    ({"egressRate": "10M"}, ["egressRate", "10M"]),
    ({"egressBurst": BURST_MAX + 1}, ["egressBurst", BURST_MAX + 1, BURST_MAX]),
    ({"ingressRate": 0}, ["ingressRate", "ingressBurst"]),
    ({"ingressBurst": None}, ["ingressRate", "ingressBurst"]),
    ({"egressBurst": 0}, ["egressRate", "egressBurst"]),
    ({"EgressRate": 8}, ["twice"]),
])
@pytest.mark.parametrize("where", ["configuration", "runtimeConfig"])
def test_a_wrong_value_is_refused_by_its_path(node, where, changes, words):
    keys = {k: v for k, v in {**RATES, **changes}.items() if v is not None}
    conf = network(**keys) if where == "configuration" else \
        network(runtimeConfig={"bandwidth": keys})
    with plugin.refusal(CONFIG, *words) as caught:
        node.add(node.pod(), conf)
    assert caught.value.msg.startswith("runtimeConfig.bandwidth.") == \
        (where == "runtimeConfig")
    assert "cni0" not in node.links() and node.reservations() == {}


@pytest.mark.parametrize("key", ["unshapedSubnets", "shapedSubnets"])
def test_subnets_are_not_supported_and_said_so(node, key):
    for conf, path in ((limited(**{key: ["10.0.0.0/8"]}), key),
                       (network(runtimeConfig={"bandwidth": {**RATES, key: ["fd00::/8"]}}),
                        f"runtimeConfig.bandwidth.{key}")):
        with plugin.refusal(UNSUPPORTED_FIELD) as caught:
            node.add(node.pod(), conf)
        assert caught.value.msg.startswith(path + ":")
    node.add(node.pod(), limited(**{key: []}))


def test_DEL_needs_no_right_rates(node):
    pod = node.pod()
    node.add(pod, limited())
    node.delete(pod, limited(ingressRate="much", egressRate=-1))
    node.assert_nothing_left(pod)
    assert of_kind(node, "ifb") == []


# -- CHECK, repair


BREAKS = {
    "rate": ("qdisc change dev {veth} root handle 1: tbf rate 5mbit burst 125000 limit 187500",
             ["ingressRate", "20000000", "5000000"]),
    "burst": ("qdisc change dev {veth} root handle 1: tbf rate 20mbit burst 9000 limit 187500",
              ["ingressRate", "125000", "9000"]),
    "queue": ("qdisc change dev {ifb} root handle 1: tbf rate 10mbit burst 125000 limit 9000",
              ["egressRate", "156250", "9000"]),
    "no tbf on the veth": ("qdisc del dev {veth} root", ["ingressRate", "{veth}", "none"]),
    "no tbf on the ifb": ("qdisc del dev {ifb} root", ["egressRate", "{ifb}", "none"]),
    "another qdisc": ("qdisc replace dev {veth} root pfifo", ["ingressRate", "none"]),
    "no filter": ("filter del dev {veth} ingress", ["egressRate", "{veth}", "filter"]),
    "no clsact qdisc": ("qdisc del dev {veth} clsact", ["egressRate", "{veth}", "filter"]),
    "ifb down": ("link set {ifb} down", ["egressRate", "{ifb}", "down"]),
    "no ifb": ("link del {ifb}", ["egressRate", "{veth}"]),
}


@pytest.mark.parametrize("how", BREAKS)
def test_CHECK_names_what_differs_and_repair_puts_it_back(node, how):
    pod = node.pod()
    conf = network(runtimeConfig={"bandwidth": RATES})
    result = node.add(pod, conf)
    before = [qdiscs(node, ifname) for ifname in ends(node)]
    veth, ifb = ends(node)
    command, words = BREAKS[how]
    command = command.format(veth=veth, ifb=ifb).split()
    node.run("ip" if command[0] == "link" else "tc", *command)
    with plugin.refusal(CHECK, *(word.format(veth=veth, ifb=ifb) for word in words)):
        node.check(pod, conf, result)
    # Only the pod's record knows the rates.
    assert any(veth in line for line in repair(node, network()))
    node.check(pod, conf, result)
    assert [qdiscs(node, ifname) for ifname in (veth, ifb)] == before
    assert repair(node, network()) == NOTHING
    assert pod.ping(INTERNET4)


def test_a_redirection_of_an_earlier_version_is_right_until_it_is_made_anew(node):
    pod = node.pod()
    conf = network(runtimeConfig={"bandwidth": RATES})
    result = node.add(pod, conf)
    veth, ifb = ends(node)
    redirect_as_before(node, veth)
    node.check(pod, conf, result)
    assert repair(node, conf) == NOTHING and set(qdiscs(node, veth)) == {"tbf", "ingress"}
    node.ip(f"link set {ifb} down")
    assert any(veth in line for line in repair(node, conf))
    assert set(qdiscs(node, veth)) == {"tbf", "clsact"} and pod.ping(INTERNET4)
    node.check(pod, conf, result)


def test_repair_leaves_others_shaping_alone(node):
    pod = node.pod()
    node.add(pod, network())
    veth, _ = ends(node)
    node.run("tc", *f"qdisc add dev {veth} root tbf rate 5mbit burst 9000 limit 9000".split())
    assert repair(node, network()) == NOTHING
    assert "tbf" in qdiscs(node, veth)


# -- gone with the pod


@pytest.mark.parametrize("netns", ["there", "gone"])
def test_DEL_takes_the_ifb_along_and_can_be_repeated(node, netns):
    pod = node.pod()
    node.add(pod, limited())
    if netns == "gone":  # and the veth with it; the ifb stays
        pod.remove()
    for _ in range(2):
        node.delete(pod, limited())
        node.assert_nothing_left(pod)
        assert of_kind(node, "ifb") == []


def test_DEL_deletes_veth_and_ifb_in_one_message(node, tmp_path):
    """Each message that deletes waits for the kernel anew."""
    pod = node.pod()
    node.add(pod, limited())
    trace = tmp_path / "trace"
    node.delete(pod, network(), wrapper=plugin.strace(trace, "sendto", "-v"),
                env=plugin.TRACED)
    assert len(re.findall("nlmsg_type=(?:RTM_DELLINK|0x11 )", trace.read_text())) == 1
    assert node.host_veths() == [] and of_kind(node, "ifb") == []


def test_other_pods_keep_their_rates(node):
    pods = [node.pod(), node.pod()]
    results = [node.add(pod, limited()) for pod in pods]
    node.delete(pods[0], limited())
    node.check(pods[1], limited(), results[1])
    assert len(of_kind(node, "ifb")) == 1


def test_GC_takes_the_ifbs_of_who_is_not_named(node):
    kept, gone = node.pod(), node.pod()
    result = node.add(kept, limited())
    node.add(gone, limited())
    gc(node, network(), [kept])
    node.assert_nothing_left(gone, others=1)
    assert of_kind(node, "ifb") == [ends(node)[1]]
    node.check(kept, limited(), result)


def test_GC_finds_ifbs_by_their_name(node):
    """An ADD that was killed, its record lost, its pod gone: nothing but the ifb is left."""
    other = network(name="othernet", bridge="cni1", ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    kept, lost, elsewhere = node.pod(), node.pod(), node.pod()
    node.add(kept, limited())
    node.add(elsewhere, {**other, **RATES})
    before = of_kind(node, "ifb")
    node.add(lost, limited())
    for path in (node.store / ".bridge-cni/testnet").iterdir():
        path.unlink()
    (node.store / "testnet/10.1.2.3").unlink()
    lost.remove()
    node.ip("link add ifbmine type ifb")
    gc(node, network(), [kept])
    assert of_kind(node, "ifb") == sorted([*before, "ifbmine"])


def test_a_dead_pods_ifb_goes_when_its_address_is_needed(node):
    small = {"ranges": [[{"subnet": "10.1.2.0/30"}]]}
    pod, following = node.pod(), node.pod()
    node.add(pod, limited(ipam=small))
    crash(pod)
    done = node.invoke("ADD", network(ipam=small), following)
    assert done.returncode == 0, done.stdout
    assert of_kind(node, "ifb") == []


def test_a_failed_ADD_takes_back_what_it_made(node):
    pod = node.pod()
    done = node.invoke("ADD", limited(), pod, wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode != 0
    node.assert_nothing_left(pod)
    assert of_kind(node, "ifb") == []


@pytest.mark.parametrize("record", ["there", "lost"])
def test_the_ifb_of_a_dead_pod_gives_way_to_one_of_the_same_names(node, record):
    pod = node.pod("again")
    node.add(pod, limited())
    crash(pod)
    if record == "lost":
        for path in [*(node.store / ".bridge-cni/testnet").iterdir(),
                     *(node.store / "testnet").glob("10.*")]:
            path.unlink()
    following = node.pod("again")
    following.id = pod.id
    done = node.invoke("ADD", limited(), following)
    assert done.returncode == 0, done.stdout
    assert len(of_kind(node, "ifb")) == 1
    assert following.ping(INTERNET4)


def test_an_interface_that_is_in_the_ifbs_place_is_refused_and_left(node):
    pod = node.pod()
    node.add(pod, limited())
    _, ifb = ends(node)
    node.delete(pod, limited())
    node.ip(f"link add {ifb} type bridge")
    with plugin.refusal(EXISTS, ifb):
        node.add(pod, limited())
    assert ifb in node.links() and node.host_veths() == []
    # Nor does another ADD of that pod undo what it didn't make.
    done = node.invoke("ADD", network(), pod, wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode != 0 and ifb in node.links()


@pytest.mark.parametrize("nth", range(1, 13))
def test_an_ADD_killed_at_any_message_leaves_nothing_that_DEL_does_not_find(node, nth, tmp_path):
    pod = node.pod()
    node.invoke("ADD", limited(), pod, env=plugin.TRACED,
                wrapper=[*plugin.strace(tmp_path / "trace", "sendto"), "-e",
                         f"inject=sendto:signal=KILL:when={nth}"])
    node.delete(pod, limited())
    node.assert_nothing_left(pod)
    assert of_kind(node, "ifb") == []
    node.add(pod, limited())
    assert pod.ping(NODE4)
