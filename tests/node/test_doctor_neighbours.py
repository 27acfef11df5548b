# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of other programs of the node: network managers, and the node agent."""
import contextlib
import os
import subprocess

import pytest

from harness.doctor import findings, one, ours, told_and_mended, write
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
