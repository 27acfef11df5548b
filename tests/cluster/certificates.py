# SPDX-License-Identifier: GPL-2.0-or-later
"""The cluster's certificates and kubeconfig files, made by openssl in a directory."""
import json
import subprocess

CONFIG = """\
[req]
distinguished_name = name
[name]
"""


class Authority:
    """The cluster's CA, and whom it vouches for. All files are in `directory`."""

    def __init__(self, directory, server):
        """server: the URL of the API server."""
        self.directory, self.server = directory, server
        directory.mkdir()
        (directory / "openssl.cnf").write_text(CONFIG)
        self.ca = directory / "ca.crt"
        self._make("ca", "/CN=cluster", "basicConstraints=critical,CA:TRUE",
                   "keyUsage=critical,keyCertSign,cRLSign")
        # The tokens of service accounts are signed with this.
        self._openssl("genpkey", "-algorithm", "RSA", "-out", "accounts.key")
        self._openssl("pkey", "-in", "accounts.key", "-pubout", "-out", "accounts.pub")

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.directory, check=True,
                       capture_output=True)

    def _make(self, name, subject, *extensions, signed=()):
        self._openssl("req", "-x509", "-config", "openssl.cnf", "-days", "2", "-newkey", "ec",
                      "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject,
                      "-keyout", f"{name}.key", "-out", f"{name}.crt", *signed,
                      *(word for e in extensions for word in ("-addext", e)))

    def issue(self, name, user, group="", addresses=()):
        """NAME.crt and NAME.key of somebody who has these addresses and is this user."""
        alternatives = ",".join(("DNS:" if a[0].isalpha() else "IP:") + a for a in addresses)
        self._make(name, f"/O={group}/CN={user}" if group else f"/CN={user}",
                   "basicConstraints=CA:FALSE", "extendedKeyUsage=clientAuth,serverAuth",
                   *([f"subjectAltName={alternatives}"] if alternatives else []),
                   signed=("-CA", "ca.crt", "-CAkey", "ca.key"))
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"

    def kubeconfig(self, name, user, group=""):
        """A file by which programs speak to the API server as this user."""
        certificate, key = self.issue(name, user, group)
        path = self.directory / f"{name}.kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "cluster",
            "clusters": [{"name": "cluster", "cluster": {
                "server": self.server, "certificate-authority": str(self.ca)}}],
            "users": [{"name": user, "user": {"client-certificate": str(certificate),
                                              "client-key": str(key)}}],
            "contexts": [{"name": "cluster", "context": {"cluster": "cluster",
                                                         "user": user}}]}))
        return path
