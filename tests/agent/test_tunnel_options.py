# SPDX-License-Identifier: GPL-2.0-or-later
"""Options of tunnels that can't be together."""
import pytest

WRONG = {
    "wireguard-not-always": (("--tunnel", "wireguard", "--tunnel-always", "false"),
                             ["--tunnel-always false", "encrypts"]),
    "masquerade-nodes": (("--tunnel", "vxlan", "--masquerade-nodes", "false"),
                         ["--masquerade-nodes false", "--tunnel"]),
    "masquerade-nodes-receiving": (("--tunnel-receive", "vxlan", "--masquerade-nodes", "false"),
                                   ["--masquerade-nodes false", "--tunnel-receive"]),
    "flannel-beside-wireguard": (("--flannel", "true", "--tunnel", "vxlan", "--tunnel-receive",
                                  "wireguard"), ["--flannel true", "--tunnel-receive wireguard"]),
    "flannel-with-wireguard": (("--flannel", "true", "--tunnel", "wireguard"),
                               ["--flannel true", "needs --tunnel vxlan"]),
    "flannel-without-vxlan": (("--flannel", "true"), ["--flannel true", "--tunnel vxlan"]),
}


@pytest.fixture(scope="module")
def node(shared):
    """Nothing that is done here changes it."""
    return shared.node()


def assert_refused(node, options, words):
    done = node.run(*node.agent_argv(*options), check=False)
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert node.left() == []


@pytest.mark.parametrize("options, words", WRONG.values(), ids=WRONG)
def test_an_agent_refuses_what_cannot_be_together(node, options, words):
    assert_refused(node, options, words)


@pytest.mark.parametrize("prefix", ["flannel.alpha.coreos.com", "Flannel.example.com/", "a..b/",
                                    "example.com/more/", "a." * 126 + "ab/"])
def test_a_prefix_that_no_annotation_can_have_is_refused(node, prefix):
    assert_refused(node, ("--flannel-prefix", prefix), ["a DNS subdomain and"])


@pytest.mark.parametrize("options", [options for options, _ in WRONG.values()], ids=WRONG)
def test_a_cleanup_and_the_help_do_not_mind(node, options):
    """What is to be removed doesn't follow from these options."""
    for what in ("--cleanup", "--help", "--version"):
        assert node.run(*node.agent_argv(what, *options), check=False).returncode == 0
