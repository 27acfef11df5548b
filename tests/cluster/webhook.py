# SPDX-License-Identifier: GPL-2.0-or-later
"""A validating webhook that a pod serves by TLS: it allows ConfigMaps whose data says so, and keeps
from which addresses it was asked."""
import base64
import contextlib
import http.server
import json
import ssl
import threading

PORT, NAME = 8443, "hook"
LABELS = {"tested": "yes"}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.asked.append(self.client_address[0])
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        allowed = request["object"]["data"]["allowed"] == "yes"
        body = json.dumps({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": {"uid": request["uid"], "allowed": allowed,
                         "status": {"message": "the pod says no"}}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def objects(authority, label):
    """The Service in front of the pod that has this label, and the webhook's configuration."""
    return ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
             "spec": {"selector": label, "ports": [{"port": 443, "targetPort": PORT}]}},
            {"apiVersion": "admissionregistration.k8s.io/v1",
             "kind": "ValidatingWebhookConfiguration", "metadata": {"name": NAME},
             "webhooks": [{
                 "name": "hook.bridge-cni.test", "sideEffects": "None", "failurePolicy": "Fail",
                 "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
                 "objectSelector": {"matchLabels": LABELS},
                 "clientConfig": {
                     "service": {"namespace": "default", "name": NAME, "port": 443},
                     "caBundle": base64.b64encode(authority.ca.read_bytes()).decode()},
                 "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                            "resources": ["configmaps"]}]}]})


def config_map(name, allowed):
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": {"allowed": allowed},
            "metadata": {"name": name, "labels": LABELS}}


@contextlib.contextmanager
def answering(pod, authority):
    """Gives the list of the addresses that ask."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("hook", NAME, addresses=(f"{NAME}.default.svc",)))
    server = pod.call(lambda: http.server.ThreadingHTTPServer((pod.address4, PORT), Handler))
    server.asked = []
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.asked
    finally:
        server.shutdown()
        server.server_close()
