# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent's pages, as a kubelet and Prometheus ask for them."""
import contextlib
import http.client
import socket

from .waiting import SLOWNESS

PORT = 9810
PATIENCE = 30  # seconds; how quickly an agent answers is asking.py's


def page(namespace, path, host="127.0.0.1", port=PORT):
    """(status, text) of a page that is asked for from a namespace; (0, "") where nobody answers."""
    with contextlib.closing(http.client.HTTPConnection(host, port)) as connection:
        try:
            connection.sock = namespace.call(socket.create_connection, (host, port),
                                              PATIENCE * SLOWNESS)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""


def metrics(namespace, host="127.0.0.1", port=PORT):
    """Name with labels -> value."""
    status, text = page(namespace, "/metrics", host, port)
    assert status == 200
    return {name: float(value) for name, value in
            (line.rsplit(" ", 1) for line in text.splitlines()
             if line and not line.startswith("#"))}
