# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the answer or a file can't be written, an ADD has failed, says so where it still
can, and is rolled back."""
import json
import os

import pytest

from harness import netns, plugin
from harness.delegates import Delegate
from harness.node import network

pytestmark = pytest.mark.must_run


def output_to(script):
    return ["sh", "-c", script, "sh"]


def to_a_pipe_without_reader(node, conf, pod):
    reader, writer = os.pipe()
    os.close(reader)
    env = plugin.environment("ADD", CNI_CONTAINERID=pod.id, CNI_NETNS=pod.netns,
                             CNI_IFNAME="eth0", CNI_PATH="/nowhere")
    stdin = node.directory / "stdin"
    stdin.write_text(json.dumps(conf))
    with open(stdin) as file, open(node.directory / "stderr", "w+") as stderr:
        process = node.popen([plugin.BRIDGE_CNI], stdin=file, stdout=writer, stderr=stderr,
                             env=env)
        os.close(writer)
        code = process.wait(netns.TIMEOUT)
        stderr.seek(0)
        return code, stderr.read()


@pytest.mark.parametrize("script, word", [
    ('exec "$@" >/dev/full', "No space left"), ('exec "$@" >&-', "Bad file descriptor")],
    ids=["full", "closed"])
def test_a_result_that_can_t_be_written_is_a_failed_ADD(node, script, word):
    pod = node.pod()
    done = node.invoke("ADD", network("dual"), pod, wrapper=output_to(script))
    assert done.returncode == 1 and word in done.stderr
    node.assert_nothing_left(pod)


def test_a_result_that_nobody_reads_is_a_failed_ADD(node):
    """No SIGPIPE on the way: it would leave all behind."""
    pod = node.pod()
    code, stderr = to_a_pipe_without_reader(node, network("dual"), pod)
    assert code == 1 and "Broken pipe" in stderr
    node.assert_nothing_left(pod)


# These sizes cut the index, a record, a reservation and last_reserved_ip somewhere.
@pytest.mark.parametrize("size", [0, 4, 8, 10, 16, 30, 100, 200, 1000, 8000, 14000])
@pytest.mark.parametrize("warm", [False, True], ids=["fresh", "warm"])
def test_a_limit_to_the_size_of_files_is_an_error_and_no_death(node, size, warm):
    """SIGXFSZ; what a write did in part is undone, too."""
    conf, pod = network("dual"), node.pod()
    if warm:
        node.delete(pod, conf, node.add(pod, conf))
    done = node.invoke("ADD", conf, pod, wrapper=["prlimit", f"--fsize={size}"])
    try:
        result = plugin.judge("ADD", done, plugin.NEWEST)
    except plugin.CniError as error:
        assert error.code == plugin.IO, error
        node.assert_nothing_left(pod)
    else:
        assert size >= 1000, "the record can't have been written"
        node.check(pod, conf, result)
    node.delete(pod, conf)
    node.assert_nothing_left(pod)
    result = node.add(pod, conf)
    node.check(pod, conf, result)


def test_a_delegate_has_the_usual_signals(node):
    """A child inherits which signals are ignored, so the plugin sets them back for it."""
    def ignored(status):
        return next(int(line.split()[1], 16) for line in status.splitlines()
                    if line.startswith("SigIgn:"))

    fake, pod = Delegate(node), node.pod()
    fake.add(pod)
    with open("/proc/self/status") as file:
        before = ignored(file.read())
    # Python ignores SIGPIPE and SIGXFSZ by itself, in the delegate as here.
    assert ignored(fake.calls()[0]["status"]) & ~(before | 1 << 12 | 1 << 24) == 0


@pytest.mark.parametrize("n, taken", [(256, True), (257, False)])
def test_more_addresses_than_a_record_holds_are_refused(node, n, taken):
    """A DEL could not read such a record, and so would not take the addresses away."""
    fake = Delegate(node, f'''
        if verb == "ADD":
            answer(ips=[{{"address": f"10.77.{{i // 200}}.{{i % 200 + 5}}/16"}}
                        for i in range({n})])''')
    conf, pod = fake.conf(isDefaultGateway=None), node.pod()
    if taken:
        result = fake.add(pod, conf)
        fake.check(pod, result, conf)
        fake.delete(pod, conf)
    else:
        with pytest.raises(plugin.CniError) as error:
            fake.add(pod, conf)
        error.value.says("257", "256")
        assert fake.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod)
    assert "10.77." not in node.run("nft", "list", "ruleset").stdout
