# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of pods that are cut off, while the node's side is right."""
import time

import pytest

from harness.doctor import findings, one, ours, write
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run

NEW = 10.5  # seconds in which an ADD may be at work still


def test_pods_that_are_cut_off_in_the_pod(healthy):
    pods = [healthy.pod() for _ in range(4)]
    for pod in pods:
        healthy.add(pod, ours("dual"))
    pods[0].ip("link del eth0")
    pods[1].ip("link set eth0 down")
    wait_for(lambda: len(healthy.host_veths()) == 3)
    # An ADD at work has as much of a pod.
    assert findings(healthy, "pods") == []
    time.sleep(NEW)
    gone, down = findings(healthy, "pods")
    assert (gone["level"], down["level"]) == ("problem", "problem")
    assert pods[0].id in gone["message"] and "lost its interface" in gone["message"]
    assert pods[1].id in down["message"] and "its end of its interface down" in down["message"]
    assert "delete it" in down["advice"]
    healthy.delete(pods[0], ours("dual"))
    pods[2].ip("link set eth0 down")
    one(healthy, "pods", "problem", "2 pods")
    for pod in pods[1:3]:
        pod.ip("link set eth0 up")
    assert findings(healthy, "pods") == []


def test_pods_whose_interface_is_to_be_down(healthy):
    conf = ours("v4", disableContainerInterface=True, ipMasq=False, isDefaultGateway=False)
    conf.pop("ipam")
    write(healthy, conf)
    healthy.add(healthy.pod(), conf)
    [port] = healthy.host_veths()
    assert "LOWER_UP" not in healthy.links()[port]["flags"]
    time.sleep(NEW)
    assert findings(healthy, "pods") == []
