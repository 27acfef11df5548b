# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of other programs of the node: network managers, and the node agent."""
import contextlib
import os
import subprocess

import pytest

from harness.doctor import findings, mended, one, ours, told_and_mended, write
from harness.shown import CONTROL

pytestmark = pytest.mark.must_run


@pytest.fixture
def etc(healthy):
    """An /etc of the node's own, and no other files of network managers."""
    for directory in ("/etc", "/usr/lib/systemd", "/usr/lib/NetworkManager"):
        if healthy.call(os.path.isdir, directory):
            healthy.run("mount", "-t", "tmpfs", "none", directory)
    return healthy


def test_network_manager(etc):
    assert findings(etc, "managers") == []
    (etc.run_dir / "NetworkManager").mkdir()
    told_and_mended(etc, "managers", "warning", "NetworkManager", "cni0")


def test_systemd_networkd(etc):
    (etc.run_dir / "systemd/netif").mkdir(parents=True)
    assert findings(etc, "managers") == []
    etc.run("mkdir", "-p", "/etc/systemd/network")
    etc.run("sh", "-c", "printf '[Match]\\nName=en* veth*\\n' >/etc/systemd/network/50-dhcp.network")
    told_and_mended(etc, "managers", "warning", "systemd-networkd")


NETWORKD = "/etc/systemd/network"
OURS = "[Match]\nName=cni0 veth*\n[Link]\nUnmanaged=yes\n"


def files(node, **named):
    """Files of systemd-networkd: 50_dhcp is 50-dhcp.network."""
    (node.run_dir / "systemd/netif").mkdir(parents=True, exist_ok=True)
    node.run("sh", "-c", f"rm -rf {NETWORKD} && mkdir -p {NETWORKD}")
    for name, text in named.items():
        file_put(node, f"{NETWORKD}/{name.strip('f').replace('_', '-')}.network", text)


def file_put(node, path, text):
    node.run("mkdir", "-p", os.path.dirname(path))
    node.run("tee", path, input=text.encode())


@pytest.mark.parametrize("match, interface", [
    ("Type=ether", "veth*"), ("Type=bridge", "cni0"), ("Name=*", "cni0"), ("Name=!en*", "cni0"),
    ("Kind=veth", "veth*"), ("Driver=bridge", "cni0"), ("Name = cni? ", "cni0"),
    ("Name=en*\nName=cni0", "cni0"), ("Name=en*\n#Unmanaged=yes\nName=veth*\n[Link]\nMTUBytes=9000", "veth*")])
def test_a_file_that_takes_an_interface(etc, match, interface):
    files(etc, f50_lan=f"[Match]\n{match}\n[Network]\nDHCP=yes\n")
    told_and_mended(etc, "managers", "warning", f"{NETWORKD}/50-lan.network", f"for {interface}")


@pytest.mark.parametrize("match", [
    "Name=en* eth*", "Name=!cni* veth*", "Name=!cni*\nName=!veth*", "Type=ether\nKind=!veth", "Type=wlan", "Name=*\nPath=pci-*",
    "Type=ether\nMACAddress=02:00:00:00:00:07", "Name=cni0\nType=ether", "Name=cni0\nName=",
    "Name=*\n[Link]\nUnmanaged=1", "Name=*\n[Link]\nUnmanaged = true", ""])
def test_a_file_that_takes_none(etc, match):
    files(etc, f50_lan=f"[Match]\n{match}\n[Network]\nDHCP=yes\n")
    assert findings(etc, "managers") == []


def test_the_first_file_in_order_decides(etc):
    every = "[Match]\nName=*\n"
    files(etc, f05_ours=OURS, f10_all=every)
    assert findings(etc, "managers") == []
    files(etc, f10_all=every, f99_ours=OURS)
    one(etc, "managers", "warning", "10-all.network")
    # A file of /etc hides the distribution's of its name, also where it is empty.
    files(etc, f10_all=OURS)
    file_put(etc, "/usr/lib/systemd/network/10-all.network", every)
    assert findings(etc, "managers") == []
    file_put(etc, "/usr/lib/systemd/network/20-all.network", every)
    files(etc)
    one(etc, "managers", "warning", "/usr/lib/systemd/network/10-all.network")
    files(etc, f10_all="")
    etc.run("ln", "-s", "/dev/null", f"{NETWORKD}/20-all.network")
    assert findings(etc, "managers") == []


def test_what_is_added_to_a_file_counts(etc):
    files(etc, f10_all="[Match]\nName=*\n")
    file_put(etc, f"{NETWORKD}/10-all.network.d/link.conf", "[Link]\nUnmanaged=yes\n")
    assert findings(etc, "managers") == []


@pytest.mark.parametrize("manager", ["systemd/netif", "NetworkManager"])
def test_one_file_leaves_all_bridges_alone(etc, manager):
    write(etc, ours("v4", name="other", bridge="br7", vlan=5, ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}),
          "20-other.conflist")
    files(etc, f50_all="[Match]\nName=*\n")
    etc.run("rm", "-r", "/run/systemd/netif")
    (etc.run_dir / manager).mkdir(parents=True)
    finding = one(etc, "managers", "warning")
    assert all(name in finding["command"] for name in ("cni0", "br7", "br7.5", "veth*"))
    mended(etc, finding)


def test_what_network_manager_is_told(etc):
    (etc.run_dir / "NetworkManager").mkdir()
    conf = "/etc/NetworkManager/conf.d/a.conf"
    for devices in ("*", "interface-name:cni*;interface-name:veth*", "type:bridge,type:veth"):
        file_put(etc, conf, f"[keyfile]\nunmanaged-devices = {devices}\n")
        assert findings(etc, "managers") == [], devices
    for devices in ("*;except:type:bridge", "interface-name:cni0", "*,except:interface-name:veth*"):
        file_put(etc, conf, f"[keyfile]\nunmanaged-devices={devices}\n")
        one(etc, "managers", "warning", "NetworkManager")


def test_the_agent_that_is_waited_for(healthy):
    write(healthy, ours("dual", waitForAgent=True))
    one(healthy, "agent", "problem", "waitForAgent")
    (healthy.run_dir / "bridge-cni").mkdir(exist_ok=True)
    (healthy.run_dir / "bridge-cni/ready").write_text("")
    assert findings(healthy, "agent") == []


AGENT = """
import http.server, sys
class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = self.path == "/readyz"
        self.send_response(503 if ready and "waiting" in sys.argv[1] else 200)
        self.end_headers()
        self.wfile.write((sys.argv[1] + "\\n" if ready else
            'bridge_cni_agent_info{version="0.2.0"} 1\\n' + sys.argv[2]).encode())
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer.allow_reuse_address = True
server = http.server.ThreadingHTTPServer(("127.0.0.1", 9810), Pages)
print("up", flush=True)
server.serve_forever()
"""


@contextlib.contextmanager
def agent(node, says, **metrics):
    lines = "".join(f"bridge_cni_{name} {value}\n" for name, value in metrics.items())
    process = node.popen(["python3", "-c", AGENT, says, lines], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        node._processes.remove(process)


def test_what_the_agent_complains_of(healthy):
    with agent(healthy, "waiting for: routes\x1b[2J"):
        finding = one(healthy, "agent", "problem", "waiting for: routes")
        assert not CONTROL.search(finding["message"])
    with agent(healthy, "ok\nthe template is not used: x\nrepairs fail, 2 in a row"):
        told = findings(healthy, "agent")
        assert [(f["level"], f["message"]) for f in told] == [
            ("warning", "the node agent is ready, but: the template is not used: x"),
            ("warning", "the node agent is ready, but: repairs fail, 2 in a row")]
    with agent(healthy, "ok", tunnel_peers_silent=2):
        finding = one(healthy, "agent", "warning", "2 nodes have never answered")
        assert "8472" in finding["advice"]
    with agent(healthy, "ok", wireguard_peers=3, wireguard_sessions=0):
        finding = one(healthy, "agent", "warning", "none of 3 nodes has answered by WireGuard")
        assert "51820" in finding["advice"]
    with agent(healthy, "ok", tunnel_peers_silent=0, wireguard_peers=3, wireguard_sessions=1):
        assert findings(healthy, "agent") == []


def test_a_firewall_that_drops_what_the_agent_is_asked(healthy):
    healthy.up("lo")
    healthy.nft("add table inet other; add chain inet other in { type filter hook input "
                'priority 0; }; add rule inet other in iif "lo" drop')
    finding = one(healthy, "agent", "warning", "9810", "timed out", "firewall")
    assert "lo" in finding["advice"]
    healthy.nft("delete table inet other")
    assert findings(healthy, "agent") == []
