# SPDX-License-Identifier: GPL-2.0-or-later
"""deploy/bridge-cni.yaml asks for what the agent needs, and for nothing else."""
import os
import re
import subprocess

import pytest

from harness.cluster import AGENT
from harness.plugin import REPOSITORY
from harness.waiting import wait_for

yaml = pytest.importorskip("yaml")
DOCUMENTS = {d["kind"]: d for d in yaml.safe_load_all(
    (REPOSITORY / "deploy/bridge-cni.yaml").read_text())}
POD = DOCUMENTS["DaemonSet"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]


def of_make(variable):
    """What `make` alone has in a variable."""
    env = {k: v for k, v in os.environ.items() if k not in (variable, "MAKEFLAGS", "VERSION")}
    return subprocess.run(
        ["make", "-s", "--no-print-directory", "-C", REPOSITORY, "--eval",
         f"print-it: ; @echo '$({variable})'", "print-it"],
        env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_the_image_has_one_name_wherever_it_is_named():
    name, version = of_make("IMAGE"), of_make("VERSION")
    assert CONTAINER["image"] == name == f"localhost/bridge-cni:{version}"
    pushed, archive = f"registry.example/bridge-cni:{version}", f"bridge-cni-{version}.tar"
    named = 0
    for path in ("README.md", "deploy/README.md", "deploy/bridge-cni.yaml", "deploy/Dockerfile",
                 "tests/README.md"):
        text = (REPOSITORY / path).read_text()
        for found in re.findall(r"[\w./-]*\bbridge-cni:[\w.-]+", text):
            assert found in (name, pushed), f"{path}: {found}"
            named += 1
        for found in re.findall(r"\bbridge-cni-[\d.]+\.tar", text):
            assert found == archive, f"{path}: {found}"
    assert named >= 4
    assert of_make("IMAGE_ARCHIVE") == f"build/{archive}"


def test_it_reads_nodes_and_nothing_else():
    assert DOCUMENTS["ClusterRole"]["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}]
    names = {DOCUMENTS["ServiceAccount"]["metadata"]["name"], POD["serviceAccountName"],
             DOCUMENTS["ClusterRoleBinding"]["subjects"][0]["name"],
             DOCUMENTS["ClusterRoleBinding"]["roleRef"]["name"],
             DOCUMENTS["ClusterRole"]["metadata"]["name"]}
    assert names == {"bridge-cni"}


def test_a_rollout_leaves_the_other_nodes_time_to_hear_of_a_node_that_is_ready():
    assert DOCUMENTS["DaemonSet"]["spec"]["minReadySeconds"] >= 5


def test_it_has_one_capability():
    context = CONTAINER["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert not context["privileged"] and not context["allowPrivilegeEscalation"]
    assert context["readOnlyRootFilesystem"]
    assert "hostPID" not in POD and "hostIPC" not in POD and POD["hostNetwork"]


def test_every_variable_is_an_option():
    known = set(re.findall(r"(?:BRIDGE_CNI_\w+|NODE_NAME)",
                           subprocess.run([AGENT, "--help"], capture_output=True, text=True,
                                          check=True).stdout))
    given = {*DOCUMENTS["ConfigMap"]["data"], *(e["name"] for e in CONTAINER["env"])}
    assert given <= known and "NODE_NAME" in given
    assert all(isinstance(v, str) for v in DOCUMENTS["ConfigMap"]["data"].values())


def test_its_options_are_taken():
    env = {**DOCUMENTS["ConfigMap"]["data"], "NODE_NAME": "n",
           **{e["name"]: e["value"] for e in CONTAINER["env"] if "value" in e}}
    done = subprocess.run([AGENT], env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "--api-server" in done.stderr  # all else was right


def test_every_path_that_it_is_told_is_mounted():
    mounts = {m["name"]: m for m in CONTAINER["volumeMounts"]}
    volumes = {v["name"]: v["hostPath"]["path"] for v in POD["volumes"] if "hostPath" in v}
    maps = {v["name"]: v["configMap"] for v in POD["volumes"] if "configMap" in v}
    assert set(mounts) == {*volumes, *maps}
    paths = {m["mountPath"]: volumes.get(name) for name, m in mounts.items()}
    values = {e["name"]: e.get("value") for e in CONTAINER["env"]}
    assert paths[values["BRIDGE_CNI_BIN_DIR"]] == "/opt/cni/bin"
    assert paths[values["BRIDGE_CNI_CONF_DIR"]] == "/etc/cni/net.d"
    assert paths[values["BRIDGE_CNI_SYSCTL_ROOT"]] == "/proc/sys/net"
    for same in ("/var/lib/cni/networks", "/run/bridge-cni", "/run/netns"):
        assert paths[same] == same
    assert mounts["netns"]["mountPropagation"] == "HostToContainer"


def test_a_template_is_in_a_config_map_that_need_not_be_there_and_may_change():
    mount, = (m for m in CONTAINER["volumeMounts"] if m["name"] == "template")
    volume, = (v for v in POD["volumes"] if v["name"] == "template")
    assert volume["configMap"] == {"name": "bridge-cni-template", "optional": True}
    assert "subPath" not in mount and mount["readOnly"]
    values = {e["name"]: e.get("value") for e in CONTAINER["env"]}
    assert values["BRIDGE_CNI_CONFLIST_TEMPLATE"] == f"{mount['mountPath']}/conflist.json"


def test_its_probes_ask_the_port_that_is_there():
    for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
        assert CONTAINER[probe]["httpGet"] == {"host": "127.0.0.1", "port": 9810,
                                               "path": path}
        assert CONTAINER[probe]["timeoutSeconds"] == 5


def test_applying_it_anew_changes_no_guard_of_a_node_that_runs():
    data = DOCUMENTS["ConfigMap"]["data"]
    assert data["BRIDGE_CNI_SPOOF_CHECK"] == ""  # what the node has stays
    assert data["BRIDGE_CNI_POD_LINK"] == ""
    assert data["BRIDGE_CNI_MAC_SPOOF_CHECK"] == "false"
    assert data["BRIDGE_CNI_PORT_ISOLATION"] == "false"


def test_a_service_makes_no_variable_of_the_agent():
    assert POD["enableServiceLinks"] is False


@pytest.mark.parametrize("flannel, vni", [("false", 4096), ("true", 1)])
def test_the_tunnel_of_its_ConfigMap_has_flannels_identifier_with_flannel(cluster, flannel, vni):
    node = cluster.node()
    tunnel = {key: value for key, value in DOCUMENTS["ConfigMap"]["data"].items()
              if key.startswith(("BRIDGE_CNI_TUNNEL", "BRIDGE_CNI_VXLAN"))}
    node.start_agent(**{**tunnel, "BRIDGE_CNI_FLANNEL": flannel})
    wait_for(lambda: f"vxlan id {vni} " in node.ip("-d link show bcni-vxlan", check=False))
