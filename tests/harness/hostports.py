# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ports: configurations, servers in pods, who reaches them, what nft holds."""
import contextlib
import json
import socket
import struct
import threading
import time

from .node import network


def ports(*mappings, families="dual", **changes):
    """A configuration with host ports: (host port, the pod's port[, more keys])."""
    entries = []
    for host, pod, *rest in mappings:
        entries.append({"hostPort": host, "containerPort": pod, **(rest[0] if rest else {})})
    return network(families, capabilities={"portMappings": True},
                   **{"runtimeConfig": {"portMappings": entries}, **changes})


def settled(node, bridge="cni0"):
    """A bridge that was just made asks no neighbours before its link-local address is
    through duplicate address detection."""
    while node.ip(f"-6 addr show dev {bridge} tentative"):
        time.sleep(0.05)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@contextlib.contextmanager
def served(pod, port, address=None, word=b"pod"):
    """A TCP server in a pod that says its word and whom it sees."""
    family = family_of(address or "::")
    with pod.socket(family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address or "::", port))
        server.listen(64)
        server.settimeout(0.05)
        going = True

        def serve():
            while going:
                with contextlib.suppress(TimeoutError):
                    connection, peer = server.accept()
                    with connection:
                        seen = peer[0].removeprefix("::ffff:")
                        connection.sendall(word + b" " + seen.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            going = False
            thread.join()


def ask(client, address, port, timeout=2):
    """(word, address that was seen), or None where nothing answers."""
    with client.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect((address, port))
            return tuple(sock.recv(100).decode().split())
        except OSError:
            return None


def ask_udp(client, address, port, sock=None, timeout=1):
    with contextlib.ExitStack() as stack:
        if sock is None:
            sock = stack.enter_context(client.socket(family_of(address), socket.SOCK_DGRAM))
        sock.settimeout(timeout)
        try:
            sock.sendto(b"?", (address, port))
            return sock.recvfrom(100)[0].decode()
        except OSError:
            return None


@contextlib.contextmanager
def served_udp(pod, port, word=b"pod"):
    with pod.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.bind(("::", port))
        server.settimeout(0.05)
        going = True

        def serve():
            while going:
                with contextlib.suppress(TimeoutError):
                    _, peer = server.recvfrom(100)
                    server.sendto(word, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            going = False
            thread.join()


def table(node, kind):
    out = node.run("nft", "-j", "list", "table", "inet", "bridge_cni", check=False).stdout
    return [e[kind] for e in json.loads(out or '{"nftables": []}')["nftables"] if kind in e]


def elements(node):
    """Set -> its elements, without sentinels."""
    found = {}
    for entry in table(node, "map") + table(node, "set"):
        for element in entry.get("elem", []):
            text = json.dumps(element)
            if '["255' not in text and "[255" not in text and "ffff::" not in text:
                found.setdefault(entry["name"].split("_")[0], []).append(text)
    return found


def portmap_rules(node):
    return [r for r in table(node, "rule") if " portmap/" in r.get("comment", "")]


GETGEN = struct.pack("=IHHIIBBH", 20, 0x0A10, 1, 1, 0, 0, 0, 0)


def generation(node):
    """Of the node's ruleset: each transaction is one more."""
    with node.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as nl:
        nl.send(GETGEN)
        return struct.unpack_from(">I", nl.recv(4096), 24)[0]
