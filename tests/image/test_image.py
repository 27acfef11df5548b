# SPDX-License-Identifier: GPL-2.0-or-later
"""The image as the DaemonSet runs it: by runc, with the manifest's own mounts, variables and
rights, on nodes made of namespaces. `make check-image` builds the image and calls this."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "agent"))

from harness.apiserver import TOKEN  # noqa: E402
from harness.cluster import Cluster, INTERNET4  # noqa: E402
from harness.plugin import REPOSITORY  # noqa: E402
from harness.waiting import wait_for  # noqa: E402
from test_cluster import assert_reach_each_other  # noqa: E402

DOCUMENTS = {d["kind"]: d for d in yaml.safe_load_all(
    (REPOSITORY / "deploy/bridge-cni.yaml").read_text())}
POD = DOCUMENTS["DaemonSet"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
TEMPLATE = '{"plugins": [{"type": "bridge-cni", "statusOnExhaustion": "ready"}]}'
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# Container runtimes give these mounts to every container that isn't privileged.
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


@pytest.fixture
def rootfs(tmp_path):
    """What the archive holds, as a runtime unpacks it."""
    archive, root = tmp_path / "archive", tmp_path / "root"

    def unpack(file, directory):
        directory.mkdir(exist_ok=True)
        subprocess.run(["tar", "-xf", file, "-C", directory], check=True)

    unpack(os.environ["IMAGE_ARCHIVE"], archive)
    image, = json.loads((archive / "manifest.json").read_text())
    for layer in image["Layers"]:
        unpack(archive / layer, root)
    return str(root)


@pytest.fixture
def containerd(tmp_path):
    """The environment in which ctr speaks to a containerd that has nothing yet."""
    if not shutil.which("containerd"):
        pytest.skip("containerd isn't installed")
    socket, config = tmp_path / "containerd.sock", tmp_path / "containerd.toml"
    config.write_text(f"""
version = 2
root = "{tmp_path}/lib"
state = "{tmp_path}/run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{socket}"
""")
    process = subprocess.Popen(["containerd", "--config", config], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    env = {**os.environ, "CONTAINERD_ADDRESS": str(socket)}
    try:
        wait_for(lambda: subprocess.run(["ctr", "version"], env=env,
                                        capture_output=True).returncode == 0, 20)
        yield env
    finally:
        process.terminate()
        process.wait()


def test_a_node_without_a_registry_has_the_manifests_image_after_what_README_says(containerd):
    readme = (REPOSITORY / "deploy/README.md").read_text()
    command = re.search(r"^ctr .*images import [^ #]+", readme, re.M)[0]
    listing = re.search(r"`(ctr [^`]*images ls -q)`", readme)[1]
    archive = pathlib.Path(os.environ["IMAGE_ARCHIVE"])
    assert command.split()[-1] == archive.name

    def node(line):
        return subprocess.run(line.split(), cwd=archive.parent, env=containerd, check=True,
                              capture_output=True, text=True).stdout

    assert node(listing) == ""
    node(command)
    assert node(listing).split() == [CONTAINER["image"]]


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path / "cluster")
    try:
        yield made
    finally:
        made.close()


def mounts_of(node):
    """The manifest's, of this node's directories. There is a ConfigMap with a template."""
    at = {"/opt/cni/bin": node.bin_dir, "/etc/cni/net.d": node.conf_dir}
    template = node.directory / "template"
    template.mkdir()
    (template / "conflist.json").write_text(TEMPLATE)
    sources = {v["name"]: v["hostPath"]["path"] if "hostPath" in v else str(template)
               for v in POD["volumes"]}
    account = node.directory / "account"
    account.mkdir()
    (account / "token").write_text(TOKEN)
    (account / "ca.crt").write_bytes(node.cluster.api.ca_file.read_bytes())
    mounts = [{"destination": "/proc", "type": "proc", "source": "proc"},
              {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
               "options": ["nosuid", "mode=755"]},
              {"destination": ACCOUNT, "type": "bind", "source": str(account),
               "options": ["rbind", "ro"]}]
    for mount in CONTAINER["volumeMounts"]:
        source = sources[mount["name"]]
        slave = mount.get("mountPropagation") == "HostToContainer"
        if source.startswith(("/run", "/var/lib")):
            node.run("mkdir", "-p", source)
        mounts.append({"destination": mount["mountPath"], "type": "bind",
                       "source": str(at.get(source, source)),
                       "options": ["rbind", "rslave" if slave else "rprivate"]})
    return mounts


def config(node, rootfs):
    env = {**DOCUMENTS["ConfigMap"]["data"],
           **{e["name"]: e["value"] for e in CONTAINER["env"] if "value" in e},
           "NODE_NAME": node.name, "KUBERNETES_SERVICE_HOST": node.cluster.api.address,
           "KUBERNETES_SERVICE_PORT": str(node.cluster.api.port)}
    rights = ["CAP_" + c for c in CONTAINER["securityContext"]["capabilities"]["add"]]
    return {
        "ociVersion": "1.0.2",
        "process": {"args": ["/usr/bin/bridge-cni-agent"], "cwd": "/",
                    "user": {"uid": 0, "gid": 0}, "noNewPrivileges": True,
                    "env": [f"{k}={v}" for k, v in env.items()],
                    "capabilities": {k: rights for k in ("bounding", "effective",
                                                         "permitted")}},
        "root": {"path": rootfs, "readonly": True},
        "mounts": mounts_of(node),
        "linux": {"cgroupsPath": f"/bridge-cni-test-{os.getpid()}-{node.name}",
                  "namespaces": [{"type": t} for t in ("mount", "pid", "ipc", "uts")],
                  "rootfsPropagation": "rslave", "readonlyPaths": READ_ONLY},
    }


def start(node, rootfs):
    bundle = node.directory / "oci"
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(config(node, rootfs)))
    argv = ["runc", "--root", "/run/runc"]
    # The node's /sys is its own; runc wants control groups there.
    node.run("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")
    with open(node.log_path, "ab") as log:
        node.popen([*argv, "run", "-b", bundle, "agent"], stdout=log, stderr=log)
    return argv


def test_pods_of_two_nodes_reach_each_other_and_what_is_broken_heals(cluster, rootfs):
    nodes = [cluster.node(), cluster.node()]
    runc = {node: start(node, rootfs) for node in nodes}
    for node in nodes:
        wait_for(node.ready, 20)
        assert node.conf()["statusOnExhaustion"] == "ready"
        assert os.readlink(node.bin_dir / "loopback") == "bridge-cni"
        # The configuration of a pod's ADD says where nothing is masqueraded.
        wait_for(lambda: {*nodes[0].cidrs, *nodes[1].cidrs} <= {*node.conf()["nonMasqueradeCIDRs"]})
    pods = [node.attach() for node in nodes]
    assert_reach_each_other(pods)

    one = nodes[0]
    one.nft("flush ruleset")
    one.ip("route flush proto 98")
    one.sysctl("ipv4.ip_forward", 0)
    wait_for(lambda: pods[0].ping(INTERNET4, wait=1), 5)
    assert_reach_each_other(pods)

    # Namespaces that came after the container are seen in it.
    one.detach(pods[0])
    assert one.metrics()["bridge_cni_reclaim_refused"] == 0

    done = one.run(*runc[one], "exec", "agent", "/usr/bin/bridge-cni-agent", "--cleanup")
    assert one.conflist() is None and one.own_routes() == {}, done.stderr
    # The pod's namespace is still there: whoever removes it needs loopback.
    assert pods[0].netns in done.stderr and (one.bin_dir / "loopback").exists()
    for node in nodes:
        node.run(*runc[node], "kill", "agent", "TERM")
        wait_for(lambda: "msg=ended" in node.log())
