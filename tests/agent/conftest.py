# SPDX-License-Identifier: GPL-2.0-or-later
"""The node agent, on clusters made of namespaces."""
import contextlib
import os

import pytest

from harness import cluster as clusters


@contextlib.contextmanager
def made(directory, **changes):
    if not os.path.exists(clusters.AGENT):
        pytest.fail(f"{clusters.AGENT} isn't built: make agent")
    cluster = clusters.Cluster(directory / "cluster", **changes)
    try:
        yield cluster
        for node in cluster.nodes:
            log = node.log()
            assert "Sanitizer" not in log and "runtime error" not in log, log
    finally:
        cluster.close()


@pytest.fixture
def cluster(tmp_path):
    with made(tmp_path) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory):
    """One cluster for all tests of a file, which may ask for its families by `param`."""
    with made(tmp_path_factory.mktemp("shared"),
              families=getattr(request, "param", "dual")) as cluster:
        yield cluster
