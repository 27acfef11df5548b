# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's dhcp IPAM: its daemon on the node, a DHCP server on the bridge."""
import shutil

import pytest

from harness import netns, plugin
from harness.delegates import DEBIAN, debian
from harness.node import addresses_of
from harness.waiting import wait_for

pytestmark = [pytest.mark.must_run,
              pytest.mark.skipif(not (DEBIAN / "dhcp").exists() or
                                 not shutil.which("dnsmasq"),
                                 reason="dhcp's daemon and dnsmasq are wanted")]
SOCKET = "/run/dhcp-test.sock"
SERVER = "10.88.0.1"


class Dhcp:
    """The server is a namespace of its own with a port of the bridge."""

    def __init__(self, node):
        self.node = node
        self.conf, self.env = debian(node, {"type": "dhcp", "daemonSocketPath": SOCKET},
                                     isGateway=False, isDefaultGateway=False)
        self.leases = node.directory / "leases"
        node.ip_batch("link add cni0 type bridge\nlink set cni0 up\n")
        self.server = netns.Namespace(netns.new_namespace(node.mnt_fd, "/run/netns/server"),
                                      node.mnt_fd, "server")
        node.ip_batch("link add srv0 type veth peer name eth0 netns server\n"
                      "link set srv0 master cni0 up\n")
        self.server.ip_batch(f"addr add {SERVER}/24 dev eth0\nlink set eth0 up\n")
        self.dnsmasq = self.server.popen(
            ["dnsmasq", "-k", "-p0", "--conf-file=/dev/null", "-i", "eth0",
             "--bind-interfaces", "--dhcp-range=10.88.0.50,10.88.0.60,255.255.255.0,1h",
             "--dhcp-option=option:router," + SERVER, f"--dhcp-leasefile={self.leases}",
             "--pid-file=", "--user=root", "--log-facility=/dev/null"])
        self.daemon = node.popen([DEBIAN / "dhcp", "daemon", "-socketpath", SOCKET,
                                  "-timeout", "1s", "-resendmax", "1s"], stderr=-3)
        # The socket is there before the daemon listens to it.
        wait_for(lambda: node.run("ss", "-Hlx", f"src {SOCKET}").stdout)
        wait_for(lambda: self.server.run("ss", "-Hlun", "sport = :67").stdout)
        wait_for(lambda: node.links()["srv0"]["linkinfo"]["info_slave_data"]["state"] == "forwarding")

    def leased(self):
        lines = self.leases.read_text().split("\n") if self.leases.exists() else []
        return [line.split()[2] for line in lines if line]


@pytest.fixture
def dhcp(node):
    setup = Dhcp(node)
    yield setup
    setup.server.close()


def others(node):
    return [name for name in node.host_veths() if name != "srv0"]


def test_a_lease_is_taken_kept_and_given_back(dhcp):
    node, pods = dhcp.node, [dhcp.node.pod(), dhcp.node.pod()]
    results = [node.add(pod, dhcp.conf, env=dhcp.env) for pod in pods]
    addresses = [addresses_of(result)[0] for result in results]
    assert sorted(dhcp.leased()) == sorted(addresses) and len(set(addresses)) == 2
    for pod, result, address in zip(pods, results, addresses):
        assert address.startswith("10.88.0.")
        assert pod.addresses("eth0") == [f"{address}/24"]
        assert result["ips"][0]["gateway"] == SERVER
        assert pod.ping(SERVER)
        node.check(pod, dhcp.conf, result, env=dhcp.env)
    assert pods[0].ping(addresses[1])
    for pod, result in zip(pods, results):
        node.delete(pod, dhcp.conf, result, env=dhcp.env)
        node.delete(pod, dhcp.conf, env=dhcp.env)
    assert others(node) == []
    wait_for(lambda: not dhcp.leased())


def test_without_a_server_its_error_is_handed_on(dhcp):
    dhcp.dnsmasq.kill()
    dhcp.dnsmasq.wait()
    pod = dhcp.node.pod()
    with pytest.raises(plugin.CniError) as error:
        dhcp.node.add(pod, dhcp.conf, env=dhcp.env)
    error.value.says("dhcp", "ADD")
    assert others(dhcp.node) == [] and "eth0" not in pod.links()


def test_a_DHCP_server_that_is_slow_is_waited_for_as_long_as_told(dhcp):
    dhcp.dnsmasq.kill()
    dhcp.dnsmasq.wait()
    pod = dhcp.node.pod()
    with pytest.raises(plugin.CniError) as error:
        dhcp.node.add(pod, {**dhcp.conf, "ipamTimeoutSeconds": 1}, env=dhcp.env)
    error.value.says("dhcp", "ADD", "1 seconds")
    assert others(dhcp.node) == [] and "eth0" not in pod.links()


def test_a_pod_on_a_macvlan_gets_a_lease_from_the_masters_link(dhcp):
    node, pod = dhcp.node, dhcp.node.pod()
    conf = {key: value for key, value in dhcp.conf.items()
            if key not in ("bridge", "isGateway", "isDefaultGateway", "ipMasq")}
    conf.update(type="macvlan", master="cni0")
    result = node.add(pod, conf, env=dhcp.env)
    assert addresses_of(result) == dhcp.leased()
    assert pod.links()["eth0"]["linkinfo"]["info_kind"] == "macvlan"
    assert pod.ping(SERVER)
    node.check(pod, conf, result, env=dhcp.env)
    node.delete(pod, conf, result, env=dhcp.env)
    wait_for(lambda: dhcp.leased() == [])
    assert list(pod.links()) == ["lo"]
