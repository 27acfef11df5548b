# SPDX-License-Identifier: GPL-2.0-or-later
"""An operation that can't set up its signals (because of a seccomp filter) fails: it
does not wait without an end, and puts nothing "back" that it has never read."""
import fcntl

import pytest

from harness import plugin
from harness.delegates import Delegate
from harness.node import NETWORK, network

pytestmark = (pytest.mark.skip(reason="a sanitizer sets up signals of its own, and must be able to")
              if plugin.SANITIZED else pytest.mark.must_run)


def refusing(node, name, when):
    """strace, which has the kernel refuse these calls."""
    return ["strace", "-qq", "-o", node.directory / "trace", "-e", f"trace={name}",
            "-e", f"inject={name}:error=EPERM:when={when}"]


# SIGPIPE and SIGXFSZ come first.
@pytest.mark.parametrize("name, when", [
    ("rt_sigaction", "3+"), ("rt_sigprocmask", "1+"), ("setitimer", "1+")])
def test_a_lock_that_can_t_be_waited_for_within_bounds_is_not_waited_for(node, name, when):
    conf, pod, other = network(), node.pod(), node.pod()
    node.add(other, conf)
    with open(node.store / NETWORK / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with plugin.refusal(plugin.IO) as error:
            node.add(pod, conf, wrapper=refusing(node, name, when), env=plugin.TRACED)
    error.value.says("lock", "Operation not permitted")
    node.assert_nothing_left(pod, others=1)


def test_without_a_say_over_SIGCHLD_no_IPAM_plugin_is_run(node):
    """On a fresh node a second child follows, for the rules."""
    fake, pod = Delegate(node), node.pod()
    with pytest.raises(plugin.CniError) as error:
        node.add(pod, fake.conf(), wrapper=refusing(node, "rt_sigaction", "3"),
                 env={**fake.env, **plugin.TRACED})
    assert error.value.code == plugin.IO and "ADD" not in fake.verbs()
    node.assert_nothing_left(pod)
