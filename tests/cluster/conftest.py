# SPDX-License-Identifier: GPL-2.0-or-later
"""One cluster for all tests of this folder, and bridge-cni on it as its documents say."""
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
