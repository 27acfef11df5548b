# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ports: configurations, servers in pods, who reaches them, what nft holds."""
import contextlib
import json
import select
import socket
import struct
import threading

from .node import network
from .waiting import ANSWER, SLOWNESS, answered, wait_for


def ports(*mappings, families="dual", **changes):
    """A configuration with host ports: (host port, the pod's port[, more keys])."""
    entries = []
    for host, pod, *rest in mappings:
        entries.append({"hostPort": host, "containerPort": pod, **(rest[0] if rest else {})})
    return network(families, capabilities={"portMappings": True},
                   **{"runtimeConfig": {"portMappings": entries}, **changes})


def settled(node, bridge="cni0"):
    """A bridge that was just made asks no neighbours before it has its link-local address, and that is
    through duplicate address detection."""
    def found():
        shown = node.ip(f"-6 addr show dev {bridge}")
        return "scope link" in shown and "tentative" not in shown

    wait_for(found)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@contextlib.contextmanager
def answering(server, answer):
    """Calls answer() whenever something has come to the socket, as long as the block runs."""
    end, ended = socket.socketpair()

    def serve():
        while ended not in select.select([server, ended], [], [])[0]:
            with contextlib.suppress(OSError):  # the other side has gone
                answer()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        end.close()
        thread.join()
        ended.close()


@contextlib.contextmanager
def served(pod, port, address="::", word=b"pod"):
    """A TCP server in a pod that says its word and whom it sees."""
    with pod.socket(family_of(address), socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(64)

        def answer():
            connection, peer = server.accept()
            with connection:
                connection.sendall(word + b" " + peer[0].removeprefix("::ffff:").encode())

        with answering(server, answer):
            yield


@contextlib.contextmanager
def served_udp(pod, port, address="::", word=b"pod"):
    with pod.socket(family_of(address), socket.SOCK_DGRAM) as server:
        server.bind((address, port))
        with answering(server, lambda: server.sendto(word, server.recvfrom(100)[1])):
            yield


def ask(client, address, port, timeout=None):
    """(word, address that was seen), or None where nothing answers. With a timeout, in seconds, it is
    asked once, for where no answer is to come. Without it see answered()."""
    if timeout is None:
        return answered(lambda: ask(client, address, port, ANSWER / SLOWNESS))
    with client.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout * SLOWNESS)
        try:
            sock.connect((address, port))
            return tuple(sock.recv(100).decode().split())
        except OSError:
            return None


def ask_udp(client, address, port, sock=None, timeout=None):
    """The word, or None; `timeout` as for ask()."""
    if timeout is None:
        return answered(lambda: ask_udp(client, address, port, sock, ANSWER / SLOWNESS))
    with contextlib.ExitStack() as stack:
        if sock is None:
            sock = stack.enter_context(client.socket(family_of(address), socket.SOCK_DGRAM))
        sock.settimeout(timeout * SLOWNESS)
        try:
            sock.sendto(b"?", (address, port))
            return sock.recvfrom(100)[0].decode()
        except OSError:
            return None


def udp_answers(client, address, port):
    """As resolvers ask: only an answer from that very address counts."""
    with client.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        sock.connect((address, port))
        return ask_udp(client, address, port, sock) is not None


def table(node, *kinds):
    """What the table has of these kinds, sorted by kind. Without a kind that has elements none are listed."""
    terse = [] if {"map", "set"} & set(kinds) else ["-t"]
    out = node.run("nft", "-j", *terse, "list", "table", "inet", "bridge_cni", check=False).stdout
    listed = json.loads(out)["nftables"] if out else []
    return [entry[kind] for kind in kinds for entry in listed if kind in entry]


def elements(node):
    """Set -> its elements, without sentinels."""
    found = {}
    for entry in table(node, "map", "set"):
        for element in entry.get("elem", []):
            text = json.dumps(element)
            if '["255' not in text and "[255" not in text and "ffff::" not in text:
                found.setdefault(entry["name"].split("_")[0], []).append(text)
    return found


def portmap_rules(node):
    return [r for r in table(node, "rule") if " portmap/" in r.get("comment", "")]


GETGEN = struct.pack("=IHHIIBBH", 20, 0x0A10, 1, 1, 0, 0, 0, 0)


def generation(node):
    """The generation of the node's ruleset, which each transaction raises by one."""
    with node.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as nl:
        nl.send(GETGEN)
        return struct.unpack_from(">I", nl.recv(4096), 24)[0]
