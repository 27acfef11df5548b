# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster's CA and the certificate of its API server, made by openssl."""
import functools
import pathlib
import subprocess
import tempfile

SERVER_NAME = "api.cluster.example"


def openssl(directory, *args):
    subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)


def make_certificates(directory, address, more="", address6=None):
    """ca.crt, and server.crt with its key, valid for these addresses and for SERVER_NAME.
    more: lines of further extensions of the server's."""
    directory = pathlib.Path(directory)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(directory, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.crt",
            "-days", "2", "-subj", "/CN=cluster", "-addext",
            "basicConstraints=critical,CA:TRUE")
    openssl(directory, "req", *new, "-keyout", "server.key", "-out", "server.csr",
            "-subj", "/CN=api")
    names = ",".join([f"IP:{a}" for a in (address, address6) if a] + [f"DNS:{SERVER_NAME}"])
    (directory / "extensions").write_text(f"subjectAltName={names}\n{more}")
    openssl(directory, "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey",
            "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions", "-out",
            "server.crt")


@functools.cache
def _made(*addresses):
    """Name -> content of the files of make_certificates()."""
    with tempfile.TemporaryDirectory() as directory:
        make_certificates(directory, addresses[0], address6=addresses[1])
        return {path.name: path.read_bytes() for path in pathlib.Path(directory).iterdir()}


def cluster_certificates(directory, address, address6):
    """The same files in each cluster of this process that has these addresses: openssl takes longer
    for them than all else that a cluster of one node is made by."""
    for name, content in _made(address, address6).items():
        (pathlib.Path(directory) / name).write_bytes(content)
