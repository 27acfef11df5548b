#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which programs a cluster needs, and where they are: `tests/cluster/programs.py` says what is
missing of them, counts that as a skipped test, and ends with status 1; with --kubernetes it
looks at Kubernetes' own alone.

Kubernetes' own are in the directory KUBE_BIN. The others may be there, too, for example a
containerd that is newer than the distribution's, and are the machine's otherwise.
"""
import os
import pathlib
import shutil
import sys

KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet",
              "kube-proxy", "kubectl")
OTHERS = ("etcd", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "busybox", "openssl",
          "iptables", "ip6tables", "nft", "conntrack")
PLUGINS = pathlib.Path("/usr/lib/cni")  # what nodes have by the package kubernetes-cni


def directory():
    return os.environ.get("KUBE_BIN", "")


def path():
    """PATH, as the cluster's programs have it."""
    return f"{os.path.abspath(directory())}:/usr/sbin:/usr/bin:/sbin:/bin"


def missing_kubernetes():
    if not directory():
        return "KUBE_BIN=DIR is not given; tests/README.md says what DIR has"
    lacks = [name for name in KUBERNETES if not os.access(f"{directory()}/{name}", os.X_OK)]
    if lacks:
        return f"{directory()} (KUBE_BIN) has no {', '.join(lacks)}"
    return None


def missing():
    """Why no cluster can be had here; None: it can."""
    if missing_kubernetes():
        return missing_kubernetes()
    lacks = [name for name in OTHERS if shutil.which(name, path=path()) is None]
    if lacks:
        return f"neither {directory()} (KUBE_BIN) nor this machine has {', '.join(lacks)}"
    if not (PLUGINS / "loopback").exists():
        return "containernetworking-plugins is not installed"
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text():
        return "the kernel has no overlay file system"
    return None


if __name__ == "__main__":
    reason = missing_kubernetes() if "--kubernetes" in sys.argv else missing()
    if reason:
        print(f"skipped  a cluster of Kubernetes' own programs: {reason}")
        print("0 passed, 0 failed, 1 skipped")
    sys.exit(1 if reason else 0)
