# SPDX-License-Identifier: GPL-2.0-or-later
"""podman with its CNI backend: addresses, ports, networks, restarts, a whole chain."""
import http.client
import re
import socket
import subprocess

import pytest
from conftest import missing

from harness import distribution
from harness import host as hosts
from harness.node import INTERNET4, INTERNET6, NODE4, NODE6, network
from harness.waiting import ANSWER, wait_for

pytestmark = pytest.mark.must_run

# Without limits of its own podman asks for more than a container that runs this may give.
CONFIG = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
"""
STORAGE = """
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
"""
CAPABILITIES = {"portMappings": True, "ips": True, "mac": True}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
FIREWALL = {"type": "firewall"}
TUNING = {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}}
BANDWIDTH = {"type": "bandwidth", "ingressRate": 10 ** 8, "ingressBurst": 10 ** 6,
             "egressRate": 10 ** 8, "egressBurst": 10 ** 6}


class Podman:
    def __init__(self, host, image):
        self.host, self.node = host, host.node
        host.write("/etc/containers/containers.conf", CONFIG)
        host.write("/etc/containers/storage.conf", STORAGE)
        self("load", "-i", image)

    def __call__(self, *argv, **kw):
        return self.host.run("podman", *argv, **kw).stdout

    def start(self, name, *options, networks=("testnet",), command=("sleep", "600")):
        self("run", "-d", "--name", name, "--network", ",".join(networks), "--cap-add",
             "NET_RAW", "--cgroup-parent", f"/{self.host.cgroup}", *options, hosts.IMAGE,
             *command)

    def serve(self, name, *options):
        """A web server on its port 80."""
        self.start(name, *options, command=("httpd", "-f", "-h", "/www"))
        address = self.interface(name)[1][0].split("/")[0]
        wait_for(lambda: served(self.node, address, 80))

    def interface(self, name, ifname="eth0"):
        """(MAC address, addresses)"""
        out = self("exec", name, "ip", "address", "show", "dev", ifname)
        return (re.search(r"link/ether (\S+)", out)[1],
                re.findall(r"inet6? (\S+) .*scope global", out))

    def remove(self, *names):
        self("rm", "-f", "-t", "0", *names)
        self.host.assert_nothing_left()


def served(client, address, port):
    """Does the web server answer there?"""

    def fetch():
        connection = http.client.HTTPConnection(address, port, timeout=ANSWER)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read() == b"served\n"
        except OSError:
            return False
        finally:
            connection.close()

    return client.call(fetch)


@pytest.fixture(scope="module")
def running(host, image):
    lacks = missing("podman", "conmon", "runc")
    if lacks:
        pytest.skip(lacks)
    version = subprocess.run(["podman", "--version"], capture_output=True, text=True).stdout
    if int(re.search(r"version (\d+)", version)[1]) >= 5:
        distribution.lacks(f"{version.strip()} has no CNI backend")
    return Podman(host, image)


@pytest.fixture
def podman(running):
    yield running
    running("rm", "-f", "-a", "-t", "0")


def conf(*families, **changes):
    return network(*families, **{"cniVersion": "1.0.0", "hairpinMode": True,
                                 "capabilities": CAPABILITIES, **changes})


def test_an_address_and_a_MAC_address_of_ones_own_survive_a_restart(host, podman):
    host.configure(conf())
    podman.start("own", "--ip", "10.1.2.77", "--mac-address", "02:00:00:00:00:77")
    wanted = ("02:00:00:00:00:77", ["10.1.2.77/24"])
    assert podman.interface("own") == wanted
    podman("restart", "-t", "0", "own")
    assert podman.interface("own") == wanted
    assert host.verbs().count("ADD") == 2
    podman("exec", "own", "ping", "-c1", "-W5", INTERNET4)
    podman.remove("own")


def test_a_published_port_is_reached_from_everywhere(host, podman):
    host.configure(conf("dual"))
    podman.serve("server", "-p", "8080:80")
    podman.start("client")
    for client, address in ((host.node.outside, NODE4), (host.node.outside, NODE6),
                            (host.node, NODE4), (host.node, "127.0.0.1")):
        assert served(client, address, 8080), (client.name, address)
    for name in ("client", "server"):
        out = podman("exec", name, "wget", "-q", "-O-", f"http://{NODE4}:8080/")
        assert out == "served\n"
    podman.remove("server", "client")
    assert not served(host.node.outside, NODE4, 8080)


def test_two_networks(host, podman):
    host.configure(conf("dual"), conf(name="second", bridge="cni1", isDefaultGateway=False,
                                      ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}))
    podman.start("both", networks=("testnet", "second"))
    podman.start("first")
    podman.start("second", networks=("second",))
    addresses = [address for ifname in ("eth0", "eth1")
                 for address in podman.interface("both", ifname)[1]]
    assert sorted(a.rsplit(".", 1)[0] for a in addresses if "." in a) == ["10.1.2", "10.9.0"]
    neighbours = [podman.interface(name)[1][0].split("/")[0] for name in ("first", "second")]
    for address in (*neighbours, INTERNET4, INTERNET6):
        podman("exec", "both", "ping", "-c1", "-W5", address)
    podman.remove("both", "first", "second")


def test_network_reload_brings_back_what_a_firewall_flushed(host, podman):
    host.configure(conf())
    podman.serve("server", "-p", "8080:80")
    before = podman.interface("server")
    assert served(host.node.outside, NODE4, 8080)
    host.node.nft("flush ruleset")
    assert not served(host.node.outside, NODE4, 8080)
    podman("network", "reload", "server")
    assert podman.interface("server") == before
    assert served(host.node.outside, NODE4, 8080)
    podman("exec", "server", "ping", "-c1", "-W5", INTERNET4)
    podman.remove("server")


def test_the_ports_that_podman_keeps_for_a_container_are_no_listeners(host, podman):
    """podman binds them, newer versions before the network is made, and conmon holds them."""
    host.configure(conf("dual", hostPortOverListener="refuse"))
    podman.serve("server", "-p", "8080:80", "-p", "5353:53/udp", "-p", "127.0.0.1:8081:80")
    podman("restart", "-t", "0", "server")
    podman("network", "reload", "server")
    wait_for(lambda: served(host.node.outside, NODE4, 8080))
    podman.remove("server")
    assert "notice=" not in host.log.read_text()


def test_nor_are_they_at_a_second_network_of_the_container(host, podman):
    guarded = {"hostPortOverListener": "refuse"}
    host.configure(conf("dual", **guarded),
                   conf(name="second", bridge="cni1", isDefaultGateway=False, **guarded,
                        ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}))
    published = ("-p", "8080:80", "-p", "5353:53/udp", "-p", "127.0.0.1:8081:80")
    podman.start("later", *published, command=("httpd", "-f", "-h", "/www"))
    podman("network", "connect", "second", "later")
    wait_for(lambda: served(host.node, "127.0.0.1", 8081))
    podman("network", "disconnect", "second", "later")
    assert served(host.node, "127.0.0.1", 8081)
    podman.remove("later")
    podman.start("both", *published, networks=("testnet", "second"))
    podman("restart", "-t", "0", "both")
    podman.remove("both")
    assert "notice=" not in host.log.read_text()
    for bridge in ("cni0", "cni1"):
        path = f"/proc/sys/net/ipv4/conf/{bridge}/route_localnet"
        assert host.node.run("cat", path).stdout == "0\n"


def test_podman_is_refused_a_port_that_a_process_listens_on(host, podman):
    """Were it podman's own reservation that fails, it would say so before."""
    host.configure(conf(hostPortOverListener="refuse"))
    with host.node.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.53", 5300))
        done = host.run("podman", "run", "--rm", "--network", "testnet", "-p",
                        f"{NODE4}:5300:53/udp", hosts.IMAGE, "true", check=False)
        assert done.returncode == 0, done  # another address
        done = host.run("podman", "run", "--rm", "--network", "testnet", "-p",
                        "5300:53/udp", hosts.IMAGE, "true", check=False)
    assert done.returncode != 0
    assert "5300" in done.stderr and "127.0.0.53" in done.stderr, done
    host.assert_nothing_left()


def test_a_container_that_ends_by_itself_leaves_nothing(host, podman):
    host.configure(conf("dual"))
    podman.start("short", "--rm", command=("ping", "-c1", "-W5", INTERNET4))
    wait_for(lambda: "short" not in podman("ps", "-a", "--format", "{{.Names}}"))
    assert host.verbs()[-1] == "DEL"
    host.assert_nothing_left()


def test_before_portmap_bandwidth_tuning_and_firewall(host, podman):
    """The same conflist as people have it, with ours in the first place."""
    host.configure(conf("dual", capabilities={"ips": True, "mac": True}),
                   later=(PORTMAP, BANDWIDTH, TUNING, FIREWALL))
    podman.serve("server", "-p", "8080:80", "--ip", "10.1.2.9")
    assert podman.interface("server")[1][0] == "10.1.2.9/24"
    assert served(host.node.outside, NODE4, 8080)
    host.node.run("iptables", "-P", "FORWARD", "DROP")  # firewall lets out what this drops
    podman("exec", "server", "ping", "-c1", "-W5", INTERNET4)
    host.node.run("iptables", "-P", "FORWARD", "ACCEPT")
    assert podman("exec", "server", "cat", "/proc/sys/net/core/somaxconn") == "500\n"
    assert "rate 100Mbit" in host.node.run("tc", "qdisc").stdout
    podman.remove("server")
    rules = host.node.run("nft", "list", "ruleset").stdout
    assert "10.1.2.9" not in rules and "8080" not in rules
