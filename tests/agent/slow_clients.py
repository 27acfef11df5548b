# SPDX-License-Identifier: GPL-2.0-or-later
"""Connects to the agent's port as somebody who means it ill: `slow_clients.py KIND NUMBER
[PORT]` keeps NUMBER connections of that kind, opens a new one for each that the agent ends, and
prints a line when all have been opened once."""
import select
import socket
import sys
import time

PORT = int(sys.argv[3]) if len(sys.argv) > 3 else 9810
STEP = 1.5  # seconds between two bytes

FIRST = {
    "half-open": b"",  # nothing, then a byte now and then
    "trickle": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",  # a header without an end
    "reader": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",  # reads a byte of the answer
    "pipeline": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
    "huge": b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000,
    "flood": b"",  # connects again and again, as quickly as it can
}


def connected(kind):
    sock = socket.socket()
    if kind == "reader":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sock.connect(("127.0.0.1", PORT))
    sock.setblocking(False)
    try:
        sock.send(FIRST[kind])
    except OSError:
        pass
    return sock


def step(kind, sock):
    """Does a byte's worth on @sock; returns it, or a new one where the agent has ended it."""
    try:
        if kind == "reader":
            if sock.recv(1):
                return sock
        else:
            ended = select.select([sock], [], [], 0)[0] and not sock.recv(65536)
            if not ended:
                sock.send(b"G")
                return sock
    except BlockingIOError:
        return sock
    except OSError:
        pass
    sock.close()
    return connected(kind)


def main():
    kind, number = sys.argv[1], int(sys.argv[2])
    socks = [connected(kind) for _ in range(number)]
    print("connected", flush=True)
    while kind == "flood":
        for i in range(number):
            socks[i].close()
            socks[i] = connected(kind)
    while True:
        time.sleep(STEP)
        socks = [step(kind, sock) for sock in socks]


main()
