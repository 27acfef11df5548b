# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of what SELinux and AppArmor have denied, by a file in the place of the kernel's
log: lines that a test wrote there would be seen by all others."""
import json
import os

import pytest

from harness.doctor import findings, one, run
from harness.shown import CONTROL, NOBODY

pytestmark = pytest.mark.must_run

SELINUX = ('5,900,1000,-;audit: type=1400 audit(1700000000.123:45): avc:  denied  { write } for  pid=77 '
           'comm="bridge-cni" name="net" dev="proc" ino=12 scontext=system_u:system_r:container_t:s0 '
           'tcontext=system_u:object_r:sysctl_net_t:s0 tclass=dir permissive=0\n')
APPARMOR = ('5,901,1001,-;audit: type=1400 audit(1700000001.000:46): apparmor="DENIED" operation="exec" '
            'class="file" profile="cri-containerd" name="/opt/cni/bin/bridge-cni" pid=78 comm="containerd" '
            'requested_mask="x" denied_mask="x" fsuid=0 ouid=0\n')
OTHERS = [SELINUX.replace("permissive=0", "permissive=1"), SELINUX.replace("bridge-cni", "nginx"),
          APPARMOR.replace("DENIED", "ALLOWED"), APPARMOR.replace("bridge-cni", "flannel"),
          '6,902,1002,-;veth: the interface of "bridge-cni" is up\n', " SUBSYSTEM=avc: denied comm=\"bridge-cni\"\n"]


@pytest.fixture
def log(healthy):
    path = healthy.run_dir / "kmsg"
    path.write_text("".join(OTHERS))
    healthy.run("mount", "--bind", "/run/kmsg", "/dev/kmsg")
    assert findings(healthy) == []
    return path


@pytest.mark.parametrize("line, words", [(SELINUX, ("SELinux", "1 time;", "{ write }")),
                                         (APPARMOR, ("AppArmor", "/opt/cni/bin/bridge-cni"))])
def test_a_denial_in_the_log(healthy, log, line, words):
    log.write_text("".join(OTHERS) + line)
    finding = one(healthy, "denials", "warning", *words)
    assert "5,90" not in finding["message"] and finding["advice"].endswith("dmesg --clear")
    log.write_text("")
    assert findings(healthy) == []


def test_the_last_denial_is_told_and_all_are_counted(healthy, log):
    log.write_text(APPARMOR * 3 + "".join(OTHERS) + SELINUX.replace("{ write }", "{ \x1b[2J" + "x" * 9000 + " }"))
    finding = one(healthy, "denials", "warning", "SELinux", "4 times", "\\x1b[2J")
    assert not CONTROL.search(run(healthy).stdout) and len(finding["message"]) < 600


def test_a_log_that_cannot_be_read_is_told_where_something_denies(healthy, log):
    healthy.run("chmod", "a+rx", "/run", "/run/net.d", "/run/bin")
    log.chmod(0o600)
    assert findings(healthy, "denials", wrapper=NOBODY) == []
    healthy.run("mount", "-t", "tmpfs", "none", "/sys/module")
    healthy.run("mkdir", "-p", "/sys/module/apparmor/parameters", "/sys/module/nf_tables", "/sys/module/bridge")
    healthy.run("sh", "-c", "echo Y >/sys/module/apparmor/parameters/enabled")
    [finding] = findings(healthy, "denials", wrapper=NOBODY)
    assert finding["level"] == "warning" and "could not be seen" in finding["message"]
    assert finding["advice"] == "run doctor as root"
    assert findings(healthy, "denials") == []


def test_the_log_of_the_kernel_itself_is_read(healthy):
    """To its end, which is not waited for."""
    if not os.access("/dev/kmsg", os.R_OK):
        pytest.skip("there is no /dev/kmsg")
    [found] = [f for f in json.loads(run(healthy, "--json").stdout) if f["check"] == "denials"]
    assert found["level"] == "ok" or "bridge-cni" in found["message"]
