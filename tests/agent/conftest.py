# SPDX-License-Identifier: GPL-2.0-or-later
"""The node agent, on clusters made of namespaces."""
import os

import pytest

from harness import cluster as clusters


@pytest.fixture
def cluster(tmp_path):
    if not os.path.exists(clusters.AGENT):
        pytest.fail(f"{clusters.AGENT} isn't built: make agent")
    made = clusters.Cluster(tmp_path / "cluster")
    try:
        yield made
        for node in made.nodes:
            log = node.log()
            assert "Sanitizer" not in log and "runtime error" not in log, log
    finally:
        made.close()
