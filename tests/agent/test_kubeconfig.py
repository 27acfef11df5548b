# SPDX-License-Identifier: GPL-2.0-or-later
"""--kubeconfig: the API server and credentials out of kubectl's kind of file."""
import base64
import json
import ssl

import pytest

from harness import certificates
from harness.netns import TIMEOUT
from harness.waiting import wait_for

yaml = pytest.importorskip("yaml")


@pytest.fixture
def node(cluster):
    """A node whose agent isn't told of the API server by other options."""
    node = cluster.node()
    whole = node.agent_argv

    def argv(*options, more=""):
        words = whole(*options, more=more)
        for name in ("--api-server", "--token-file", "--ca-file"):
            at = words.index(name)
            del words[at:at + 2]
        return words

    node.agent_argv = argv
    return node


def data(path):
    return base64.b64encode(path.read_bytes()).decode()


def document(cluster, node, user):
    return {"apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": "one@kubernetes",
            "clusters": [{"name": "kubernetes", "cluster": {
                "server": cluster.api.url(not node.address4),
                "certificate-authority-data": data(cluster.api.ca_file)}}],
            "contexts": [{"name": "one@kubernetes", "context": {"cluster": "kubernetes", "user": "one"}}],
            "users": [{"name": "one", "user": user}]}


def write(node, text):
    path = node.directory / "kubeconfig"
    path.write_text(text)
    return path


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_token_leads_to_the_API_server(cluster, node, form):
    made = document(cluster, node, {"token": cluster.api.token})
    text = json.dumps(made) if form == "json" else yaml.safe_dump(made, width=1e9)
    node.start_agent("--kubeconfig", str(write(node, text)))
    wait_for(node.ready)
    node.attach()


def test_a_client_s_certificate_does_so_without_a_token(cluster, node):
    api, directory = cluster.api, cluster.api.directory
    certificates.openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                         "-nodes", "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=one")
    certificates.openssl(directory, "x509", "-req", "-in", "client.csr", "-CA", "ca.crt", "-CAkey",
                         "ca.key", "-CAcreateserial", "-days", "2", "-out", "client.crt")

    def ask_for_certificates(context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(api.ca_file)

    api.stop()
    api.tls, api.token = ask_for_certificates, None
    api.start()
    made = document(cluster, node, {"client-certificate-data": data(directory / "client.crt"),
                                    "client-key": str(directory / "client.key")})
    node.start_agent("--kubeconfig", str(write(node, yaml.safe_dump(made, width=1e9))))
    wait_for(node.ready)


@pytest.mark.parametrize("text, words", [
    ("a: &x b\n", "kubeconfig: line 1: it has more of YAML"),
    ("users: []\n", "current-context"),
    (None, "No such file")])
def test_what_cannot_be_read_ends_the_agent_with_the_reason(node, text, words):
    path = write(node, text) if text else node.directory / "absent"
    node.start_agent("--kubeconfig", str(path))
    assert node.agent.wait(TIMEOUT) == 1 and words in node.log()


def test_an_API_server_is_not_said_twice(node):
    node.start_agent("--kubeconfig", str(write(node, "")), "--api-server", "https://192.0.2.1")
    assert node.agent.wait(TIMEOUT) == 1 and "can't be together with --api-server" in node.log()
