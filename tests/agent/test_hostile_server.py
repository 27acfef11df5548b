# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent and a server that isn't the cluster's, or that has gone mad: the token is not
sent to the former, and the latter neither stops the agent nor fills its memory."""
import json
import os
import ssl
import sys
import time

import pytest

from harness.apiserver import node_object
from harness.asking import slowest
from harness.certificates import SERVER_NAME, make_certificates, openssl
from harness.waiting import wait_for

MEMORY_KB = 400000 if "san" in os.environ.get("BUILD_DIR", "") else 20000


@pytest.fixture
def node(cluster):
    return cluster.node()


def follows(cluster, node, number=1):
    cluster.api.put("newcomer", [f"10.246.{number}.0/24"], ["192.0.2.77"])
    wait_for(lambda: f"10.246.{number}.0/24" in node.own_routes())


# -- who the server is


def serve(cluster, more="", address=None, tls=None):
    api = cluster.api
    api.stop()
    make_certificates(api.directory, address or api.address, more)
    api.tls = tls
    api.start()


def old_tls(version):
    def change(context):
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version

    return change


SERVER = "extendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n"


def old_certificate(cluster):
    """openssl x509 can't make one that has expired; openssl ca can."""
    directory = cluster.api.directory
    (directory / "index.txt").write_text("")
    (directory / "serial").write_text("77\n")
    (directory / "ca.conf").write_text(f"""\
[ca]
default_ca = d
[d]
dir = {directory}
database = {directory}/index.txt
new_certs_dir = {directory}
serial = {directory}/serial
default_md = sha256
policy = p
[p]
commonName = supplied
""")
    openssl(directory, "ca", "-batch", "-config", "ca.conf", "-in", "server.csr", "-cert",
            "ca.crt", "-keyfile", "ca.key", "-startdate", "20200101000000Z", "-enddate",
            "20200201000000Z", "-extfile", "extensions", "-out", "server.crt", "-notext")


@pytest.mark.parametrize("more, says", [
    ("extendedKeyUsage=clientAuth\n", "not for servers"),
    ("extendedKeyUsage=clientAuth\nkeyUsage=digitalSignature\n", "not for servers"),
    ("extendedKeyUsage=codeSigning\n", "not for servers"),
])
def test_a_clients_certificate_makes_no_server(cluster, node, more, says):
    """Each kubelet has one, signed by the cluster's CA."""
    serve(cluster, more)
    node.start_agent()
    wait_for(lambda: says in node.log())
    assert not cluster.api.requests and not node.ready()
    serve(cluster, "extendedKeyUsage=clientAuth,serverAuth\n")
    follows(cluster, node)


@pytest.mark.parametrize("more", ["", SERVER, "extendedKeyUsage=serverAuth,clientAuth\n",
                                  "extendedKeyUsage=anyExtendedKeyUsage\n"])
def test_a_servers_certificate_makes_one(cluster, node, more):
    serve(cluster, more)
    node.start_agent()
    follows(cluster, node)
    # Connections that are used again are looked at again.
    cluster.api.drop_connections()
    follows(cluster, node, 2)


def test_a_certificate_for_another_name_is_not_believed(cluster, node):
    serve(cluster, SERVER, address="192.0.2.200")
    node.start_agent()
    wait_for(lambda: "listing Nodes has failed" in node.log())
    assert not cluster.api.requests


def test_a_certificate_that_has_expired_is_not_believed(cluster, node):
    cluster.api.stop()
    old_certificate(cluster)
    cluster.api.start()
    node.start_agent()
    wait_for(lambda: "listing Nodes has failed" in node.log())
    assert not cluster.api.requests


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_tls_of_before_1_2_is_not_spoken(cluster, node, version):
    serve(cluster, tls=old_tls(version))
    node.start_agent()
    wait_for(lambda: "listing Nodes has failed" in node.log())
    assert not cluster.api.requests


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_of_today_is_spoken(cluster, node, version):
    serve(cluster, tls=old_tls(version))
    node.start_agent()
    follows(cluster, node)


# -- files that are none


def a_fifo(path):
    os.mkfifo(path)


def a_directory(path):
    path.mkdir()


def a_device(path):
    os.symlink("/dev/zero", path)


def a_huge_file(path):
    with open(path, "wb") as file:
        file.truncate(8 << 30)


@pytest.mark.parametrize("which", ["token", "ca"])
@pytest.mark.parametrize("make", [a_fifo, a_directory, a_device, a_huge_file])
def test_a_file_that_is_none_is_named_and_waited_for_by_nobody(cluster, node, which, make):
    right = node.token_file if which == "token" else cluster.api.ca_file
    wrong = node.directory / "wrong"
    make(wrong)
    link = node.directory / "link"
    link.symlink_to(wrong)
    option = "--token-file" if which == "token" else "--ca-file"
    node.start_agent(option, link)
    wait_for(lambda: "listing Nodes has failed" in node.log() and str(link) in node.log())
    assert slowest(node, 0, "/healthz") < 1
    assert not cluster.api.requests and node.memory_kb() < MEMORY_KB
    os.symlink(right, node.directory / "aside")
    os.rename(node.directory / "aside", link)
    follows(cluster, node)


# -- a name that nobody tells the address of

MUTE = """
import signal, socket
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
for i, sock in enumerate(sockets):
    sock.bind((f"127.0.0.{53 + i}", 53))
signal.pause()
"""


def test_name_servers_that_do_not_answer_do_not_silence_the_agent(cluster, node):
    node.popen([sys.executable, "-c", MUTE])
    resolv = node.directory / "resolv.conf"
    resolv.write_text("".join(f"nameserver 127.0.0.{53 + i}\n" for i in range(3)))
    node.start_agent("--api-server", f"https://{SERVER_NAME}:{cluster.api.port}",
                     more=f"mount --bind {resolv} /etc/resolv.conf")
    wait_for(lambda: node.page("/healthz")[0] == 200)
    assert slowest(node, 13, "/healthz") < 1  # connecting may take 10 seconds
    wait_for(lambda: "listing Nodes has failed" in node.log())


# -- answers without an end


def head(handler, *lines):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" +
                        b"".join(line + b"\r\n" for line in lines) + b"\r\n")


LIST = b'{"kind":"NodeList","metadata":{"resourceVersion":"1"},"items":['


def endless_nodes(handler):
    """Nodes, each with another name, as fast as they go."""
    head(handler, b"Connection: close")
    handler.wfile.write(LIST)
    for i in range(1 << 30):
        text = json.dumps(node_object(f"n{i}", [f"10.{100 + i // 65536 % 100}."
                                                f"{i // 256 % 256}.{i % 256}/32"],
                                      ["192.0.2.9"]))
        handler.wfile.write(text.encode() + b",")


def endless_junk(handler):
    head(handler, b"Connection: close")
    handler.wfile.write(LIST + b'{"metadata":{"name":"')
    while True:
        handler.wfile.write(b"x" * 65536)


def one_huge_chunk(handler):
    head(handler, b"Transfer-Encoding: chunked")
    handler.wfile.write(b"%x\r\n" % (10 << 30) + LIST + b'{"a":"')
    while True:
        handler.wfile.write(b"x" * 65536)


def a_byte_a_second(handler):
    head(handler, b"Connection: close")
    for byte in LIST + b" " * 1000:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.5)


def endless_head(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for i in range(1 << 30):
        handler.wfile.write(b"X-%d: %s\r\n" % (i, b"x" * 1000))


def endless_pages(handler):
    body = LIST.replace(b'"1"', b'"1","continue":"again"') + b"]}"
    head(handler, b"Connection: close")
    handler.wfile.write(body)


@pytest.mark.parametrize("answer", [endless_nodes, endless_junk, one_huge_chunk,
                                    a_byte_a_second, endless_head, endless_pages])
def test_an_answer_without_an_end_neither_silences_the_agent_nor_fills_it(cluster, node,
                                                                         answer):
    cluster.api.raw = answer
    node.start_agent("--max-nodes", "1000")
    wait_for(lambda: cluster.api.requests)
    assert slowest(node, 2.5, "/healthz", "/metrics") < 1
    assert node.memory_kb() < MEMORY_KB
    assert len(node.log()) < 40000
    cluster.api.raw = None
    cluster.api.drop_connections()
    follows(cluster, node)


@pytest.mark.parametrize("answer", [a_byte_a_second, endless_pages])
def test_a_list_that_takes_too_long_is_begun_anew(cluster, node, answer):
    """Its limit is that of a watch, and 30 seconds."""
    cluster.api.raw = answer
    node.start_agent("--watch-seconds", "1")
    wait_for(lambda: "listing Nodes has failed" in node.log(), 45)
    cluster.api.raw = None
    follows(cluster, node)


# -- lists that lack this node


def others(cluster, n, first=100):
    for i in range(first, first + n):
        cluster.api.put(f"other{i}", [f"10.245.{i}.0/24"], [f"192.0.2.{i}"])


def lose(cluster, names):
    """A server that has lost these Nodes, and was never told that they are gone."""
    with cluster.api.lock:
        for name in names:
            del cluster.api.nodes[name], cluster.api.texts[name]
    cluster.api.compact()
    cluster.api.drop_connections()


@pytest.mark.parametrize("empty", [True, False])
def test_a_list_that_lacks_this_node_is_not_believed_at_once(cluster, node, empty):
    others(cluster, 3)
    node.start_agent()
    wait_for(lambda: len(node.own_routes()) == 3)
    wait_for(node.ready)
    saved = dict(cluster.api.nodes), dict(cluster.api.texts)
    lose(cluster, [*cluster.api.nodes] if empty else [node.name, "other100"])
    wait_for(lambda: "lacks this node" in node.log())
    lists = len(cluster.api.lists())
    wait_for(lambda: len(cluster.api.lists()) > lists)
    assert len(node.own_routes()) == 3 and node.conflist() and node.ready()
    with cluster.api.lock:
        cluster.api.nodes, cluster.api.texts = saved
    cluster.api.remove("other101")
    wait_for(lambda: len(node.own_routes()) == 2)
    assert "it is believed" not in node.log()
    assert node.log().count("lacks this node") == 1


def test_it_is_believed_when_the_server_goes_on_to_say_so(cluster, node):
    others(cluster, 3)
    node.start_agent()
    wait_for(lambda: len(node.own_routes()) == 3)
    lose(cluster, [node.name, "other100"])
    wait_for(lambda: len(node.own_routes()) == 2)
    assert node.told_at("it is believed") - node.told_at("it is asked for again") > 8


def test_a_first_list_that_lacks_this_node_removes_no_route(cluster):
    node = cluster.node(join=False)
    node.ip("route add 10.245.100.0/24 via 192.0.2.100 proto 98")
    node.start_agent()
    wait_for(lambda: "lacks this node" in node.log())
    lists = len(cluster.api.lists())
    wait_for(lambda: len(cluster.api.lists()) > lists)
    assert node.own_routes() == {"10.245.100.0/24": "192.0.2.100"}
    cluster.join(node)
    others(cluster, 1)
    wait_for(node.ready)
    assert [*node.own_routes()] == ["10.245.100.0/24"]


# -- more Nodes than there is room for


def test_more_nodes_than_max_nodes_are_named_and_not_kept(cluster, node):
    others(cluster, 8)  # their names sort behind this node's
    cluster.api.put("aaa", ["10.245.1.0/24"], ["192.0.2.99"])
    node.start_agent("--max-nodes", "5")
    wait_for(node.ready)
    metrics = node.metrics()
    assert metrics["bridge_cni_nodes"] == 5 and metrics["bridge_cni_nodes_left_out"] == 5
    assert node.conflist() and len(node.own_routes()) == 4
    for i in range(103, 108):
        assert f"node=other{i}" in node.log()
    # Heartbeats of those that were left out are no news.
    for _ in range(10):
        cluster.api.change("other107", lambda n: n["status"].update(beat=time.monotonic()))
    events = metrics["bridge_cni_api_events_total"] + 10
    wait_for(lambda: node.metrics()["bridge_cni_api_events_total"] == events)
    assert node.metrics()["bridge_cni_nodes_left_out"] == 5
    assert node.log().count("node=other107") == 1
    # A Node that goes makes room.
    cluster.api.remove("aaa")
    wait_for(lambda: node.metrics()["bridge_cni_nodes"] == 4)
    cluster.api.put("other107", ["10.245.107.0/24"], ["192.0.2.107"])
    wait_for(lambda: "10.245.107.0/24" in node.own_routes())


def test_one_more_than_max_nodes_that_comes_later_is_told_too(cluster, node):
    others(cluster, 4)
    node.start_agent("--max-nodes", "5")
    wait_for(node.ready)
    assert node.metrics()["bridge_cni_nodes_left_out"] == 0
    others(cluster, 1, 110)
    wait_for(lambda: node.metrics()["bridge_cni_nodes_left_out"] == 1)
    assert "10.245.110.0/24" not in node.own_routes()


def test_nodes_that_go_make_room_in_the_next_list(cluster, node):
    others(cluster, 8)
    node.start_agent("--max-nodes", "5")
    wait_for(node.ready)
    lose(cluster, [f"other{i}" for i in range(100, 104)])
    wait_for(lambda: {*node.own_routes()} == {f"10.245.{i}.0/24" for i in range(104, 108)})
    assert node.metrics()["bridge_cni_nodes_left_out"] == 0


def test_log_lines_of_one_list_are_bounded(cluster, node):
    for i in range(100):
        cluster.api.put(f"odd{i}", ["nonsense"], ["192.0.2.99"])
    node.start_agent()
    wait_for(node.ready)
    assert node.metrics()["bridge_cni_api_skipped_total"] == 100
    assert node.log().count("can't be understood") == 20
