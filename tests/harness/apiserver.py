# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for the Kubernetes API server: Nodes, by list and watch over TLS, and the merge
patch of a Node's annotations (RFC 7386).

It keeps to the protocol (Kubernetes documentation, "API concepts"): pages by limit and
continue, resource versions, bookmarks, 410 Gone for what is too old, a bearer token. It
fails in the ways in which API servers fail when a test says so.
"""
import base64
import contextlib
import http.server
import json
import pathlib
import socket
import ssl
import threading
import time
import urllib.parse

from . import merge_patch
from .certificates import cluster_certificates

TOKEN = "test-token-1"
FILLER = "long"  # an annotation that each Node has
FORBIDDEN = (403, "Forbidden", 'nodes is forbidden: User "system:serviceaccount:kube-system:'
             'bridge-cni" cannot patch resource "nodes" in API group "" at the cluster scope')


def node_object(name, cidrs, addresses, padding=0):
    """A Node as a kubelet and the controller manager leave it; padding: bytes more."""
    images = [{"names": [f"registry.example/image-{i}@sha256:{'0' * 64}"],
               "sizeBytes": 12345678 + i} for i in range(padding // 140)]
    spec = {"podCIDR": cidrs[0], "podCIDRs": list(cidrs)} if cidrs else {}
    return {
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": name, "uid": f"uid-{name}",
                     "labels": {"kubernetes.io/hostname": name, "quote": "a\"b\\"},
                     "annotations": {FILLER: "x" * 5000 if padding else "short"},
                     "managedFields": [{"fieldsV1": {"f:spec": {"f:podCIDR": {}}}}]},
        "spec": spec,
        "status": {"addresses": [*({"type": "InternalIP", "address": a} for a in addresses),
                                 {"type": "Hostname", "address": name}],
                   "images": images,
                   "conditions": [{"type": "Ready", "status": "True"}]},
    }


class ApiServer:
    """Serves in the network namespace `ns` at `address`, and at `address6` who has no IPv4;
    certificates in `directory`."""

    def __init__(self, ns, address, directory, port=6443, address6=None):
        self.ns, self.address, self.port = ns, address, port
        self.address6 = address6
        self.directory = pathlib.Path(directory)
        cluster_certificates(directory, address, address6)
        self.ca_file = self.directory / "ca.crt"
        self.token = TOKEN  # None: none is asked for
        self.lock = threading.Condition()  # its lock may be taken again by who holds it
        self.version = 1000
        self.oldest = 1000  # what is before has been compacted away
        self.nodes = {}  # name -> object
        self.texts = {}  # name -> the object as JSON
        self.events = []  # (version, type, the object as JSON)
        self.requests = []  # (time, path, query) of each GET
        self.patches = []  # (time, the Node's name, the merge patch) of each, refused ones too
        self.page_limit = 500  # what the server gives at most
        self.bookmark_seconds = 60.0
        self.refuse = None  # (status, body, headers) for every request
        self.refuse_watch = None  # the status with which watches are refused
        self.refuse_patch = None  # (status, reason, message) for patches, such as FORBIDDEN
        self.watch_error = None  # what the next watch ends with, as its ERROR event
        self.expire_continue = 0  # so many continue tokens are refused with 410
        self.cut_lists = 0  # so many lists break off in the middle
        self.raw = None  # function(handler) that answers every request
        self.tls = None  # function(context) before the server listens
        self.server = None
        self.servers = []  # one for each address
        self.connections = set()

    # -- what a cluster does

    def _changed(self, kind, node):
        self.version += 1
        node["metadata"]["resourceVersion"] = str(self.version)
        text = json.dumps(node).encode()
        self.texts[node["metadata"]["name"]] = text
        self.events.append((self.version, kind, text))
        self.lock.notify_all()

    def put(self, name, cidrs, addresses, padding=0, annotations=None):
        """A Node that is there already keeps the annotations that it was given; others may be
        given, {} for none."""
        with self.lock:
            kind = "MODIFIED" if name in self.nodes else "ADDED"
            if annotations is None:
                annotations = self.annotations(name) if name in self.nodes else {}
            self.nodes[name] = node_object(name, cidrs, addresses, padding)
            self.nodes[name]["metadata"]["annotations"].update(annotations)
            self._changed(kind, self.nodes[name])

    def annotations(self, name):
        """Those that a Node was given."""
        with self.lock:
            found = self.nodes[name]["metadata"]["annotations"]
            return {key: text for key, text in found.items() if key != FILLER}

    def annotate(self, name, changes):
        """What `kubectl annotate` does: texts are set, None removes. Where that changes nothing
        there is neither a new version nor an event. Gives the Node as JSON."""
        with self.lock:
            metadata = self.nodes[name]["metadata"]
            annotations = merge_patch.merged(metadata["annotations"], changes)
            if annotations != metadata["annotations"]:
                metadata["annotations"] = annotations
                self._changed("MODIFIED", self.nodes[name])
            return self.texts[name]

    def change(self, name, function):
        """function(node) changes the object in place."""
        with self.lock:
            function(self.nodes[name])
            self._changed("MODIFIED", self.nodes[name])

    def remove(self, name):
        with self.lock:
            self._changed("DELETED", self.nodes.pop(name))

    def fail_watch(self, error):
        """The watch that is open ends with this object in an ERROR event."""
        with self.lock:
            self.watch_error = error
            self.lock.notify_all()

    def compact(self):
        """Resource versions of before now are gone."""
        with self.lock:
            self.version += 1
            self.oldest = self.version
            self.events.clear()
            self.lock.notify_all()

    def lists(self):
        return [q for _, _, q in self.requests if "watch" not in q and "continue" not in q]

    def watches(self):
        return [q for _, _, q in self.requests if "watch" in q]

    # -- the server

    def internal_ips(self):
        """Of all Nodes."""
        with self.lock:
            return [a["address"] for node in self.nodes.values()
                    for a in node["status"]["addresses"] if a["type"] == "InternalIP"]

    def url(self, by_ipv6=False):
        address = self.address6 if by_ipv6 else self.address
        host = f"[{address}]" if ":" in address else address
        return f"https://{host}:{self.port}"

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.crt",
                                self.directory / "server.key")
        if self.tls:
            self.tls(context)
        api = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # connections break: that is what is tested

            def accept_all(self):
                """Until the socket is shut down, without a look at the clock meanwhile."""
                while self in api.servers:
                    with contextlib.suppress(OSError):
                        self.process_request(*self.get_request())

            def process_request_thread(self, request, client_address):
                with api.lock:
                    if self not in api.servers:  # it was stopped meanwhile
                        return request.close()
                    api.connections.add(request)
                try:
                    request.settimeout(30)
                    request.do_handshake()
                    super().process_request_thread(request, client_address)
                except OSError:
                    request.close()
                finally:
                    with api.lock:
                        api.connections.discard(request)

        class Handler(_Handler):
            server_api = api

        def make(address):
            Server.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            return Server((address, self.port), Handler)

        for address in dict.fromkeys(a for a in (self.address, self.address6) if a):
            server = self.ns.call(make, address)
            server.socket = context.wrap_socket(server.socket, server_side=True,
                                                do_handshake_on_connect=False)
            self.servers.append(server)
        self.server = self.servers[0]
        for server in self.servers:
            threading.Thread(target=server.accept_all, daemon=True).start()

    def drop_connections(self):
        with self.lock:
            for connection in list(self.connections):
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def stop(self):
        """Away: nothing listens, and what was connected is not any more."""
        servers, self.servers, self.server = self.servers, [], None
        for server in servers:
            with contextlib.suppress(OSError):
                server.socket.shutdown(socket.SHUT_RDWR)
            server.server_close()
        self.drop_connections()
        with self.lock:
            self.lock.notify_all()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_api = None

    def log_message(self, *args):
        pass

    def answer(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def status_answer(self, code, reason, message):
        self.answer(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                           "message": message, "reason": reason, "code": code})

    def turned_away(self):
        """Was the request answered without a look at what it asks for?"""
        api = self.server_api
        with api.lock:
            refuse, raw = api.refuse, api.raw
        if raw:
            self.close_connection = True
            raw(self)
        elif refuse:
            self.answer(*refuse)
        elif api.token and self.headers.get("Authorization") != f"Bearer {api.token}":
            self.status_answer(401, "Unauthorized", "Unauthorized")
        else:
            return False
        return True

    def do_PATCH(self):
        api = self.server_api
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, name = urllib.parse.urlsplit(self.path).path.rpartition("/")
        name = urllib.parse.unquote(name)
        try:
            patch = json.loads(body)
        except ValueError:
            return self.status_answer(400, "BadRequest", "the body is no JSON")
        with api.lock:
            api.patches.append((time.monotonic(), name, patch))
            refuse_patch = api.refuse_patch
        if self.turned_away():
            return None
        if path != "/api/v1/nodes":
            return self.status_answer(404, "NotFound", "no such resource")
        if refuse_patch:
            return self.status_answer(*refuse_patch)
        if self.headers.get("Content-Type") != merge_patch.CONTENT_TYPE:
            return self.status_answer(415, "UnsupportedMediaType",
                                      f"{merge_patch.CONTENT_TYPE} is wanted")
        try:
            return self.answer(200, api.annotate(name, merge_patch.annotations_of(patch)))
        except KeyError:
            return self.status_answer(404, "NotFound", f'nodes "{name}" not found')
        except ValueError as error:
            return self.status_answer(422, "Invalid", str(error))

    def do_GET(self):
        api = self.server_api
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        with api.lock:
            api.requests.append((time.monotonic(), url.path, query))
        if self.turned_away():
            return None
        if url.path != "/api/v1/nodes":
            return self.status_answer(404, "NotFound", "no such resource")
        if query.get("watch") == "true" and api.refuse_watch:
            return self.status_answer(api.refuse_watch, "BadRequest", "resource version")
        if query.get("watch") == "true":
            return self.watch(query)
        return self.list(query)

    def list(self, query):
        api = self.server_api
        with api.lock:
            version, start = api.version, ""
            if "continue" in query:
                token = json.loads(base64.b64decode(query["continue"]))
                version, start = token["rv"], token["start"]
                if api.expire_continue or version < api.oldest:
                    api.expire_continue = max(0, api.expire_continue - 1)
                    return self.status_answer(410, "Expired", "The provided continue "
                                              "parameter is too old")
            limit = min(int(query.get("limit", api.page_limit)), api.page_limit)
            names = [n for n in sorted(api.nodes) if n >= start]
            metadata = {"resourceVersion": str(version)}
            if len(names) > limit:
                following = {"rv": version, "start": names[limit]}
                metadata["continue"] = base64.b64encode(
                    json.dumps(following).encode()).decode()
                metadata["remainingItemCount"] = len(names) - limit
            head = json.dumps({"kind": "NodeList", "apiVersion": "v1",
                               "metadata": metadata}).encode()
            body = b'%s,"items":[%s]}\n' % (head[:-1], b",".join(
                api.texts[n] for n in names[:limit]))
            cut, api.cut_lists = api.cut_lists > 0, max(0, api.cut_lists - 1)
        if not cut:
            return self.answer(200, body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.close_connection = True

    def chunk(self, kind, text):
        data = b'{"type":"%s","object":%s}\n' % (kind.encode(), text)
        # Cut where it hurts: the network owes nobody whole lines.
        middle = len(data) // 2
        for part in (data[:middle], data[middle:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()

    def watch(self, query):
        api = self.server_api
        at = int(query["resourceVersion"])
        end = time.monotonic() + float(query.get("timeoutSeconds", 300))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        wants_bookmarks = query.get("allowWatchBookmarks") == "true"
        next_bookmark = time.monotonic() + api.bookmark_seconds if wants_bookmarks else end
        while True:
            with api.lock:
                if at < api.oldest and at != api.version:
                    gone = {"kind": "Status", "apiVersion": "v1", "metadata": {},
                            "status": "Failure", "reason": "Expired", "code": 410,
                            "message": f"too old resource version: {at} ({api.oldest})"}
                    self.chunk("ERROR", json.dumps(gone).encode())
                    break
                if api.watch_error:
                    self.chunk("ERROR", json.dumps({"kind": "Status",
                                                    **api.watch_error}).encode())
                    api.watch_error = None
                    break
                fresh = [e for e in api.events if e[0] > at]
                if not fresh:
                    api.lock.wait(max(0.0, min(end, next_bookmark) - time.monotonic()))
                    fresh = [e for e in api.events if e[0] > at]
                version = api.version
            for number, kind, node in fresh:
                self.chunk(kind, node)
                at = number
            now = time.monotonic()
            if wants_bookmarks and now >= next_bookmark:
                next_bookmark = now + api.bookmark_seconds
                at = max(at, version)
                self.chunk("BOOKMARK", json.dumps({
                    "kind": "Node", "apiVersion": "v1",
                    "metadata": {"resourceVersion": str(at), "creationTimestamp": None},
                    "spec": {}, "status": {"daemonEndpoints": {}, "nodeInfo": {}}}).encode())
            if now >= end or api.server is None:
                break
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
