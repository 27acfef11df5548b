# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ports: whose one is, how it comes and goes, what puts it back."""
import json
import re

import pytest

from harness import plugin
from harness.command import command, written
from harness.delegates import Delegate
from harness.portmap import (ask, ask_udp, elements, portmap_rules, ports, served,
                               served_udp, settled, table)
from harness.node import INTERNET4, INTERNET6, NODE4, NODE6, network
from harness.reboot import crash

K8S = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-7d"


def other_network(*mappings, **changes):
    return ports(*mappings, name="second", bridge="cni1",
                 **{"ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}]]}, **changes})


# -- a port that somebody has

WILD, ONE, HERE = {}, {"hostIP": NODE4}, {"hostIP": "127.0.0.1"}


@pytest.mark.parametrize("second", ["the same network", "another network"])
@pytest.mark.parametrize("had, wanted", [(WILD, WILD), (ONE, ONE), (WILD, ONE), (ONE, WILD),
                                         (WILD, HERE), ({"hostIP": "0.0.0.0"}, ONE)])
def test_a_taken_port_is_refused_naming_pod_and_port(node, had, wanted, second):
    first, pod = node.pod(), node.pod()
    conf = ports((8080, 80, had))
    node.add(first, conf, args=K8S)
    before = elements(node), len(portmap_rules(node))
    make = ports if second == "the same network" else other_network
    error = node.refused(pod, make((9090, 90), (8080, 80, wanted)), plugin.EXISTS)
    error.says("runtimeConfig.portMappings[1].hostPort", "tcp port 8080", "shop/cart-7d",
               first.id, "testnet")
    node.assert_nothing_left(pod, others=1)
    if second == "the same network":
        assert (elements(node), len(portmap_rules(node))) == before
    node.delete(first, conf)
    node.add(pod, make((9090, 90), (8080, 80, wanted)))


@pytest.mark.parametrize("had, wanted", [
    ((8080, 80, ONE), (8080, 80, HERE)), ((8080, 80), (8081, 80)),
    ((8080, 80), (8080, 80, {"protocol": "udp"})),
    ((8080, 80, {"hostIP": "0.0.0.0"}), (8080, 80, {"hostIP": "::"})),
    ((8080, 80, ONE), (8080, 80, {"hostIP": NODE6}))])
def test_what_does_not_overlap_is_given(node, had, wanted):
    first, second = node.pod(), node.pod()
    node.add(first, ports(had))
    node.add(second, ports(wanted))


def test_without_Kubernetes_the_container_is_named(node):
    first, second = node.pod(), node.pod()
    node.add(first, ports((8080, 80)))
    node.refused(second, ports((8080, 80)), plugin.EXISTS).says("container " + first.id, "8080")


def test_of_two_at_once_one_gets_the_port(node):
    pods = [node.pod() for _ in range(6)]
    conf = ports((8080, 80), families="v4")
    ends = [node.start("ADD", conf, pod) for pod in pods]
    done = [json.loads(end().stdout) for end in ends]
    assert sum("ips" in doc for doc in done) == 1
    assert [doc["code"] for doc in done if "code" in doc] == [plugin.EXISTS] * 5
    assert len(node.host_veths()) == 1 and len(elements(node)["hostports4"]) == 1


@pytest.mark.parametrize("make", [ports, other_network])
@pytest.mark.parametrize("rates", [{}, {"egressRate": 8000000, "egressBurst": 80000}],
                         ids=["", "with an ifb, which stays"])
def test_the_port_of_a_dead_pod_is_taken_over(node, rates, make):
    """Killed, and no DEL came: neither its interface nor its namespace is there."""
    dead, pod = node.pod(), node.pod()
    had = ports((8080, 80), families="v4")
    node.add(dead, {**had, "runtimeConfig": {**had["runtimeConfig"], "bandwidth": rates}})
    settled(node)
    crash(dead)
    conf = make((8080, 81), **({"families": "v4"} if make is ports else {}))
    done = node.invoke("ADD", conf, pod)
    assert done.returncode == 0, done.stdout
    assert len(elements(node)["hostports4"]) == 1
    with served(pod, 81):
        assert ask(node.outside, NODE4, 8080)[0] == "pod"
    if make is ports:
        assert dead.id in done.stderr  # its DEL ran
        assert list(node.reservations().values()) == [(pod.id, "eth0")]
    # The late DEL of the dead pod takes nothing from the port's new owner.
    node.invoke("DEL", ports((8080, 80), families="v4"), dead)
    assert len(elements(node)["hostports4"]) == 1


def test_a_port_taken_while_a_dead_pods_DEL_ran_stays_whose_it_is(node):
    """No lock is held while another IPAM plugin's DEL runs."""
    slow = Delegate(node, '''
        n = int(os.environ["CNI_CONTAINERID"].split("-")[0][3:])
        if verb == "ADD": answer(ips=[{"address": "10.77.0.%d/16" % (n + 5)}])
        if verb == "DEL" and n == 0: hold()''')
    conf = slow.conf(**{key: value for key, value in ports((8080, 80)).items()
                        if key in ("capabilities", "runtimeConfig")})
    dead, late, quick = node.pod(), node.pod(), node.pod()
    slow.add(dead, conf)
    crash(dead)
    call = node.start("ADD", conf, late, env=slow.env)
    with slow.held():
        slow.add(quick, conf)
        taken = elements(node)["hostports4"]
    with plugin.refusal(plugin.EXISTS, "tcp port 8080", quick.id):
        plugin.judge("ADD", call(), plugin.NEWEST)
    assert elements(node)["hostports4"] == taken
    node.assert_nothing_left(late, others=1)


# -- DEL, GC, rollback


def test_a_second_DEL_does_not_close_the_next_owners_port(node):
    first, second = node.pod(), node.pod()
    conf = ports((8080, 80), (8081, 81, ONE))
    prev = node.add(first, conf)
    node.delete(first, conf, prev)
    node.add(second, conf)
    before = elements(node)
    node.delete(first, conf)
    node.delete(first, conf, prev)
    assert elements(node) == before
    node.delete(second, network("dual"))  # whatever the configuration says by then
    assert elements(node) == {}


def test_a_late_DEL_takes_nothing_from_who_has_address_and_port_now(node):
    """A delegated IPAM gives an address again whose first owner is still recorded."""
    fake = Delegate(node)
    conf = fake.conf(ipMasq=False, **{key: ports((8080, 80))[key]
                                      for key in ("runtimeConfig", "capabilities")})
    first, second = node.pod(), node.pod()
    fake.add(first, conf)
    node.ip(f"link del {node.host_veths()[0]}")
    fake.add(second, conf)
    before = elements(node)
    assert len(before["hostports4"]) == 1
    fake.delete(first, conf)
    assert elements(node) == before
    fake.delete(second, conf)
    assert elements(node) == {}


def test_GC_takes_the_ports_of_who_is_not_on_the_list(node):
    kept, gone = node.pod(), node.pod()
    conf = ports((8080, 80), families="v4")
    node.add(kept, conf)
    node.add(gone, ports((8081, 80), families="v4"))
    node._judged("GC", {**conf, "cni.dev/valid-attachments": [
        {"containerID": kept.id, "ifname": "eth0"}]}, None)
    assert len(elements(node)["hostports4"]) == 1
    assert "8080" in elements(node)["hostports4"][0]


def test_an_ADD_that_fails_later_leaves_no_port(node):
    pod = node.pod()
    done = node.invoke("ADD", ports((8080, 80)), pod,
                       wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode != 0
    assert elements(node) == {}
    node.assert_nothing_left(pod)


def test_nothing_of_a_killed_ADD_stays_after_DEL(node):
    """Killed at each of its messages to the kernel."""
    conf = ports((8080, 80), (8081, 81, ONE))
    for nth in range(1, 100):
        pod, trace = node.pod(), node.directory / "trace"
        done = node.invoke("ADD", conf, pod, env=plugin.TRACED,
                           wrapper=[*plugin.strace(trace, "sendmsg,sendto"), "-e",
                                    f"inject=sendmsg,sendto:signal=KILL:when={nth}"])
        node.delete(pod, conf)
        assert elements(node) == {}
        node.assert_nothing_left(pod)
        if done.returncode == 0:
            break
    assert 10 < nth < 99, done.stdout + done.stderr


# -- put back

FLUSHED = {"flush ruleset": "flush ruleset", "delete table": "delete table inet bridge_cni",
           "flush table": "flush table inet bridge_cni",
           "flush map": "flush map inet bridge_cni {hostports4}",
           "flush set": "flush set inet bridge_cni {onlink6}"}


@pytest.mark.parametrize("harm", FLUSHED)
def test_the_next_ADD_puts_all_ports_back(node, harm):
    """Also one of a pod that has none."""
    pods, confs = [node.pod() for _ in range(4)], []
    for n, pod in enumerate(pods[:3]):
        confs.append(ports((8080 + n, 80), (9000 + n, 90, ONE)))
        node.add(pod, confs[n], args=K8S)
    node.delete(pods[1], confs[1])
    before = elements(node), len(portmap_rules(node))
    names = {m["name"].split("_")[0]: m["name"] for m in table(node, "map", "set")}
    node.nft(FLUSHED[harm].format(**names))
    node.add(pods[3], ports())
    assert ({k: sorted(v) for k, v in elements(node).items()},
            len(portmap_rules(node))) == \
        ({k: sorted(v) for k, v in before[0].items()}, before[1])
    with served(pods[0], 80), served(pods[2], 90):
        assert ask(node.outside, NODE4, 8080)[0] == "pod"
        assert ask(node.outside, NODE4, 9002)[0] == "pod"
    node.refused(pods[1], confs[0], plugin.EXISTS).says("shop/cart-7d")


@pytest.mark.parametrize("harm", ["flush ruleset", "delete table"])
@pytest.mark.parametrize("had, wanted", [(WILD, WILD), (ONE, WILD), (WILD, ONE)])
def test_a_port_of_another_network_is_taken_whatever_was_flushed(node, harm, had, wanted):
    pods = [node.pod() for _ in range(4)]
    conf = ports((8080, 80, had))
    node.add(pods[0], conf, args=K8S)
    node.add(pods[1], other_network((8081, 80)))
    node.nft(FLUSHED[harm])
    for pod in pods[2:]:
        node.refused(pod, other_network((8080, 80, wanted)), plugin.EXISTS,
                     "tcp port 8080", "shop/cart-7d")
    assert node.invoke("ADD", other_network((8082, 80)), pods[2]).stderr == ""
    # The pod's own next ADD, and its DEL, find the elements that were put back.
    node.add(pods[3], ports())
    with served(pods[0], 80):
        assert ask(node.outside, NODE4, 8080)[0] == "pod"
    node.delete(pods[0], conf)
    node.add(pods[0], other_network((8080, 80, wanted)))


def test_a_network_whose_store_is_damaged_holds_no_other_up(node):
    node.add(node.pod(), ports((8080, 80)))
    node.nft("flush ruleset")
    lock = node.store / "testnet/lock"
    lock.unlink()
    lock.mkdir()
    done = node.invoke("ADD", other_network((8081, 80)), node.pod())
    assert done.returncode == 0 and "host ports of network testnet" in done.stderr, done


def lose_port(node, port=8080):
    """One element, which no ADD notices."""
    name = next(m["name"] for m in table(node, "map") if "hostports4" in m["name"])
    node.nft(f"delete element inet bridge_cni {name} {{ tcp . {port} }}")
    return name


def test_repair_names_both_pods_of_two_networks_that_have_a_port(node):
    confs = [ports((8080, 80), families="v4"), other_network((8080, 80))]
    first = node.pod()
    node.add(first, confs[0], args=K8S)
    [before] = elements(node)["hostports4"]
    name = lose_port(node)
    node.add(node.pod(), confs[1], args=K8S.replace("cart", "till"))
    owner = re.search("veth[a-z0-9]+", before)[0]
    node.nft(f"add element inet bridge_cni {name} {{ tcp . 8080 comment "
             f'"{owner} shop/cart-7d" : 10.1.2.2 . 80 }}')
    done = command(node, "repair", *written(node, *confs))
    for line, other in zip(done.stderr.splitlines(), ("shop/till-7d", "shop/cart-7d")):
        assert "tcp port 8080" in line and other in line
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 2, done


def test_one_port_of_two_pods_doesnt_keep_rules_from_coming_back(node):
    conf, pods = ports((8080, 80), families="v4"), [node.pod() for _ in range(3)]
    node.add(pods[0], conf, args=K8S)
    lose_port(node)
    node.add(pods[1], conf, args=K8S.replace("cart", "till"))
    node.nft("flush ruleset")
    node.add(pods[2], ports((8081, 80), families="v4"))
    with served(pods[1], 80):
        assert ask(node.outside, NODE4, 8080)[0] == "pod"
    done = command(node, "repair", *written(node, conf))
    assert done.returncode == 1 and "till-7d" in done.stderr, done


REPAIRED = {**FLUSHED, "single element": "delete element inet bridge_cni {hostports4} "
            "{{ tcp . 8080 }}", "somebody else's": "delete element inet bridge_cni "
            "{hostports6} {{ tcp . 8080 }}\nadd element inet bridge_cni {hostports6} "
            "{{ tcp . 8080 : fd00::99 . 80 }}"}


@pytest.mark.parametrize("harm", REPAIRED)
def test_repair_puts_all_ports_back(node, harm):
    pods, conf = [node.pod() for _ in range(2)], ports()
    for n, pod in enumerate(pods):
        node.add(pod, ports((8080 + n, 80), (9000 + n, 90, ONE)), args=K8S)
    before = {k: sorted(v) for k, v in elements(node).items()}, len(portmap_rules(node))
    names = {m["name"].split("_")[0]: m["name"] for m in table(node, "map", "set")}
    node.nft(REPAIRED[harm].format(**names))
    node.sysctl("ipv4.conf.cni0.route_localnet", 0)
    path = node.directory / "net.conf"
    path.write_text(json.dumps(conf))
    for words in ("portmap", "nothing to mend"):
        done = node.run(plugin.BRIDGE_CNI, "repair", str(path))
        assert words in done.stdout and done.stderr == "", done
    assert ({k: sorted(v) for k, v in elements(node).items()},
            len(portmap_rules(node))) == before
    with served(pods[0], 80):
        for client, address in ((node.outside, NODE4), (node, "127.0.0.1"),
                                (pods[0], NODE4)):
            assert ask(client, address, 8080)[0] == "pod"


def test_rules_are_constant_and_ADD_loads_no_libnftables(node):
    pods = [node.pod() for _ in range(3)]
    node.add(pods[0], ports((8080, 80)))
    rules = portmap_rules(node)
    assert 0 < len(rules) <= 16
    for pod, port in zip(pods[1:], (8081, 8082)):
        trace = node.directory / "trace"
        done = node.invoke("ADD", ports((port, 80)), pod, env=plugin.TRACED,
                           wrapper=plugin.strace(trace, "openat"))
        assert done.returncode == 0, done.stdout
        assert "libnftables" not in trace.read_text()
    assert portmap_rules(node) == rules


def calls(node, conf, pod, verb="ADD"):
    trace = node.directory / "calls"
    done = node.invoke(verb, conf, pod, env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "all"))
    assert done.returncode == 0, done.stdout
    return len(trace.read_text().splitlines())


def test_an_ADD_and_a_DEL_cost_the_same_among_500_ports(node):
    # How often one looks for what the kernel does by and by is chance: in IPv6, and in a DEL
    # that waits for the announcement.
    pods, conf = [node.pod() for _ in range(4)], ports((8080, 80), families="v4",
                                                       delWaits=True)
    node.add(pods[0], ports((7000, 80), families="v4"))
    few = calls(node, conf, pods[1]), calls(node, conf, pods[1], "DEL")
    for n in (2, 3):
        node.add(pods[n], ports(*((10000 * n + i, 80) for i in range(250)),
                               families="v4"))
    many = calls(node, conf, pods[1]), calls(node, conf, pods[1], "DEL")
    assert len(elements(node)["hostports4"]) == 501
    assert all(b <= a + 3 for a, b in zip(few, many)), (few, many)


# -- CHECK

HARM = {"port": "delete element inet bridge_cni {hostports4} {{ tcp . 8080 }}",
        "IPv6": "delete element inet bridge_cni {hostports6} {{ tcp . 8080 }}",
        "address": f"delete element inet bridge_cni {{hostips4}} {{{{ tcp . {NODE4} . 8081 }}}}",
        "sources": "flush set inet bridge_cni {onlink4}",
        "somebody else's": "delete element inet bridge_cni {hostports4} {{ tcp . 8080 }}\n"
        "add element inet bridge_cni {hostports4} {{ tcp . 8080 : 10.1.2.9 . 80 }}",
        "the chain": "flush chain inet bridge_cni prerouting",
        "the table": "delete table inet bridge_cni"}


@pytest.mark.parametrize("harm", HARM)
def test_CHECK_names_what_is_missing(node, harm):
    pod, conf = node.pod(), ports((8080, 80), (8081, 81, ONE))
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    names = {m["name"].split("_")[0]: m["name"] for m in table(node, "map", "set")}
    node.nft(HARM[harm].format(**names))
    with plugin.refusal(plugin.CHECK, "bridge_cni"):
        node.check(pod, conf, result)


# -- what the kernel remembers of connections

@pytest.mark.parametrize("address, keys", [(NODE4, {}), (NODE6, {}), (NODE4, ONE),
                                           (NODE6, {"hostIP": NODE6})])
def test_who_goes_on_sending_UDP_reaches_the_next_owner(node, address, keys):
    first, second = node.pod(), node.pod()
    conf = ports((5353, 53, {"protocol": "udp", **keys}))
    node.add(node.pod(), network("dual"))
    settled(node)
    node.nft("add table inet t; add chain inet t c { type filter hook input priority 0; }\n"
             "add rule inet t c udp dport 5353 drop")  # a refusal would end the client
    with node.outside.udp("::" if ":" in address else "0.0.0.0", 4999) as sock:
        # Before anybody has the port: nobody answers, but conntrack remembers it.
        assert ask_udp(node.outside, address, 5353, sock, timeout=0.2) is None
        for pod, word in ((first, b"first"), (second, b"second")):
            node.add(pod, conf)
            with served_udp(pod, 53, word=word):
                assert ask_udp(node.outside, address, 5353, sock) == word.decode()
            node.delete(pod, conf)
            for family in ("ipv4", "ipv6"):
                assert "5353" not in node.run("conntrack", "-L", "-f", family).stdout
            ask_udp(node.outside, address, 5353, sock, timeout=0.2)


def test_connections_to_many_UDP_ports_are_forgotten_at_once(node):
    def sends(*mappings):
        trace = node.directory / "sends"
        conf = ports(*((port, 53, {"protocol": "udp"}) for port in mappings), families="v4")
        done = node.invoke("ADD", conf, node.pod(), env=plugin.TRACED,
                           wrapper=plugin.strace(trace, "sendto"))
        assert done.returncode == 0, done.stdout
        return len(trace.read_text().splitlines())

    node.add(node.pod(), ports((7000, 80), families="v4"))
    assert sends(5000) == sends(*range(5001, 5041))


@pytest.mark.parametrize("address", [INTERNET4, INTERNET6])
def test_what_pods_send_to_that_port_of_other_hosts_is_still_known(node, address):
    """Otherwise the masqueraded source would change, and answers on their way would be lost."""
    client, pod = node.pod(), node.pod()
    node.add(client, network("dual"))
    settled(node)
    ask_udp(client, address, 443, timeout=0.1)
    family = ["-f", "ipv6" if ":" in address else "ipv4"]
    flow = ["-p", "udp", "-d", address, "--dport", "443"]
    assert address in node.run("conntrack", "-L", *family, *flow).stdout
    node.add(pod, ports((443, 443, {"protocol": "udp"})))
    assert address in node.run("conntrack", "-L", *family, *flow).stdout


@pytest.mark.parametrize("waits, fault", [(False, None), (True, None),
                                          (False, "pipe2:error=EMFILE"),
                                          (False, "clone,fork,vfork:error=EAGAIN")])
def test_DEL_forgets_all_connections_of_the_pod(node, tmp_path, waits, fault):
    pod, stays = node.pod(), node.pod()
    conf = {**ports((8080, 80)), "delWaits": waits}
    wrapper = plugin.strace(tmp_path / "trace", fault.split(":")[0], "-e",
                            f"inject={fault}") if fault else []
    for each in (pod, stays):
        node.add(each, conf if each is pod else ports((8081, 80)))
    settled(node)
    for each, port in ((pod, 8080), (stays, 8081)):
        with served(each, 80):
            for address in (NODE4, NODE6):
                assert ask(node.outside, address, port)
        assert each.ping("192.0.2.1") and each.ping("2001:db8:aaaa::1")
    node.delete(pod, conf, wrapper=wrapper, env=plugin.TRACED)
    left = "".join(node.run("conntrack", "-L", "-f", f).stdout for f in ("ipv4", "ipv6"))
    assert "10.1.2.2" not in left and "fd00:1:2::2 " not in left and "8080" not in left
    assert "10.1.2.3" in left and "fd00:1:2::3" in left and "8081" in left
