# SPDX-License-Identifier: GPL-2.0-or-later
"""One cluster for all tests of this folder, and bridge-cni on it as its documents say."""
import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import programs  # noqa: E402
from installation import Installation  # noqa: E402
from kubernetes import Cluster  # noqa: E402


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """A cluster whose nodes have a podCIDR and no network for pods."""
    if programs.missing():
        pytest.skip(programs.missing())
    made = Cluster(tmp_path_factory.mktemp("cluster") / "c")
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def installation(bare):
    return Installation(bare)


@pytest.fixture
def cluster(installation):
    """The cluster with bridge-cni on it, as deploy/README.md installs it."""
    installation.ensure()
    return installation.cluster


@pytest.fixture
def leaving(cluster, installation):
    """The cluster with agents that settle quickly; a Deployment and a DaemonSet, whose pods run.
    Afterwards bridge-cni is gone, and nodes can be used again."""
    cluster.clear()
    installation.configure(BRIDGE_CNI_UNINSTALL_LINGER_SECONDS="4")
    cluster.apply(cluster.workload("Deployment", "app", replicas=4),
                  cluster.workload("DaemonSet", "each"))
    for workload in ("deployment/app", "daemonset/each"):
        installation.run(f"kubectl rollout status {workload}")
    installation.installed = False
    yield cluster
    installation.run("kubectl delete --ignore-not-found deployment/app daemonset/each")
    installation.run("kubectl delete --ignore-not-found -f deploy/bridge-cni.yaml")
    for node in cluster.nodes:
        installation.run("kubectl uncordon NODE", node)
        with contextlib.suppress(AssertionError):  # not all tests have put one there
            installation.run("kubectl taint node NODE bridge-cni-", node)
