# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster of Kubernetes' own programs on machines made of namespaces: a control plane, two
nodes, and kubectl. Nothing of bridge-cni is on it until a test puts it there."""
import json
import pathlib

from certificates import Authority
from machines import PAUSE, KubeNode, Machine

from harness import host as hosts
from harness.node import INTERNET4, INTERNET6, OUTSIDE4, be_the_link

SERVER = f"https://{OUTSIDE4}:6443"
ETCD = f"http://{OUTSIDE4}:2379"
API4 = "10.96.0.1"  # the first address of SERVICES is that of the API server
NAMESPACE = "kube-system"
# The mode of kube-proxy on each node: a test that uses both nodes holds for both modes.
PROXIES = {1: "iptables", 2: "nftables"}


def api_server(pki, services, address, *more):
    """The command of one that is at this address."""
    certificate, key = pki.issue(f"apiserver-{address}", "kube-apiserver", addresses=(
        OUTSIDE4, API4, "kubernetes", "kubernetes.default", "kubernetes.default.svc"))
    client, client_key = pki.issue(f"to-kubelet-{address}", "apiserver", "system:masters")
    where = pki.directory
    return (
        "kube-apiserver", "--etcd-servers", ETCD,
        "--bind-address", address, "--advertise-address", address,
        "--service-cluster-ip-range", services, "--client-ca-file", pki.ca,
        "--tls-cert-file", certificate, "--tls-private-key-file", key,
        "--kubelet-client-certificate", client, "--kubelet-client-key", client_key,
        "--kubelet-preferred-address-types", "InternalIP",
        "--service-account-issuer", "https://kubernetes.default.svc",
        "--service-account-key-file", where / "accounts.pub",
        "--service-account-signing-key-file", where / "accounts.key",
        "--authorization-mode", "Node,RBAC",
        "--enable-admission-plugins", "NodeRestriction", *more)


class ControlPlane(Machine):
    """etcd, API server, controller manager and scheduler, on the link that the nodes share."""

    def __init__(self, directory):
        super().__init__(directory)
        be_the_link(self.node)
        self.boot()

    def start_all(self, pki, pods, services):
        where = pki.directory
        self.start("etcd", "etcd", "--data-dir", "/var/lib/etcd", "--unsafe-no-fsync",
                   "--log-level", "warn", "--listen-client-urls", ETCD,
                   "--advertise-client-urls", ETCD)
        self.start("kube-apiserver", *api_server(pki, services, OUTSIDE4))
        self.kubeconfig = pki.kubeconfig("admin", "admin", "system:masters")
        self.wait_for(lambda: self.kubectl("get", "--raw", "/readyz", check=False)
                      .returncode == 0, 120)
        self.start(
            "kube-controller-manager", "kube-controller-manager", "--kubeconfig",
            pki.kubeconfig("manager", "system:kube-controller-manager"),
            "--allocate-node-cidrs", "--cluster-cidr", pods,
            "--service-cluster-ip-range", services, "--use-service-account-credentials",
            "--root-ca-file", pki.ca, "--service-account-private-key-file",
            where / "accounts.key", "--leader-elect=false", "--bind-address", "127.0.0.1")
        self.start("kube-scheduler", "kube-scheduler", "--kubeconfig",
                   pki.kubeconfig("scheduler", "system:kube-scheduler"),
                   "--leader-elect=false", "--bind-address", "127.0.0.1")

    def kubectl(self, *argv, **kw):
        return self.run("kubectl", *argv, env={"KUBECONFIG": str(self.kubeconfig),
                                               "HOME": "/var/lib"}, **kw)


class Cluster:
    PODS = "10.244.0.0/16,fd00:10:244::/56"  # deploy/README.md has this for kubeadm
    SERVICES = "10.96.0.0/16,fd00:10:96::/112"

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.plane, self.nodes = None, []
        self.objects = 0

    def start(self):
        self.authority = Authority(self.directory / "pki", SERVER)
        self.proxy_kubeconfig = self.authority.kubeconfig("proxy", "system:kube-proxy")
        self.plane = ControlPlane(self.directory / "plane")
        images = [hosts.image(self.directory / "busybox.tar"),
                  hosts.image(self.directory / "pause.tar", PAUSE, ["sleep", "2147483647"])]
        for number in PROXIES:
            node = KubeNode(self, number)
            self.nodes.append(node)
            node.start_containerd()
            for image in images:
                node.ctr("images", "import", image)
        self.plane.start_all(self.authority, self.PODS, self.SERVICES)
        for node in self.nodes:
            node.configure_kubelet()
            node.start_kubelet()
            node.start_proxy(PROXIES[node.number])
        for node in self.nodes:
            node.wait_for(lambda: self.get("node", node.name)["spec"].get("podCIDRs"), 120)

    def close(self):
        for machine in [*self.nodes, self.plane]:
            if machine:
                machine.close()

    # -- the API

    def kubectl(self, *argv, **kw):
        return self.plane.kubectl(*argv, **kw).stdout

    def get(self, kind, *names, namespace="default"):
        return json.loads(self.kubectl("-n", namespace, "get", kind, *names, "-o", "json"))

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", input=json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def conditions(self, node):
        return {c["type"]: c for c in self.get("node", node.name)["status"]["conditions"]}

    def is_ready(self, node):
        return self.conditions(node)["Ready"]["status"] == "True"

    # -- pods

    def pod_object(self, node, name=None, labels=None, ports=()):
        self.objects += 1
        return {"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name or f"pod{self.objects}", "labels": labels or {}},
                "spec": {"nodeSelector": {"kubernetes.io/hostname": node.name}, "dnsPolicy": "Default",
                         "terminationGracePeriodSeconds": 1,
                         "containers": [{"name": "main", "image": hosts.IMAGE,
                                         "imagePullPolicy": "Never", "ports": list(ports),
                                         "command": ["sleep", "36000"]}]}}

    def pods(self, *objects):
        """Makes them, and waits until they run. Gives for each its namespace, with addresses."""
        self.apply(*objects)
        return [self.running(o["metadata"]["name"], o["spec"]["nodeSelector"]) for o in objects]

    def workload(self, kind, name, **spec):
        """A Deployment or DaemonSet of such pods, on any node."""
        pod = self.pod_object(self.nodes[0], labels={"app": name})
        del pod["spec"]["nodeSelector"], pod["metadata"]["name"]
        return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
                "spec": {"selector": {"matchLabels": {"app": name}},
                         "template": {key: pod[key] for key in ("metadata", "spec")}, **spec}}

    def running(self, name, selector):
        node = next(n for n in self.nodes if n.name == selector["kubernetes.io/hostname"])

        def is_running():
            pod = self.get("pod", name)
            return pod if pod["status"]["phase"] == "Running" else None

        pod = node.wait_for(is_running)
        made = node.netns(pod)
        made.node, made.object = node, pod
        addresses = [a["ip"] for a in pod["status"]["podIPs"]]
        made.address4, made.address6 = addresses
        return made

    def clear(self):
        """No pod of a test that has failed stays."""
        self.kubectl("delete", "pod", "--all")

    def delete(self, *pods):
        for pod in pods:
            pod.close()
        self.kubectl("delete", "pod", "--wait", *(pod.name for pod in pods))

    def events(self, name):
        """The messages about a pod."""
        found = self.get("events", "--field-selector", f"involvedObject.name={name}")["items"]
        return "\n".join(event["message"] for event in found)

    def names_on(self, node):
        """The pods on a node that use its network."""
        return [p["metadata"]["name"] for p in self.get("pods")["items"]
                if p["spec"].get("nodeName") == node.name and p["status"].get("podIP")]

    # -- bridge-cni

    def its_turn(self):
        """The node that an uninstalling rollout has come to."""
        return next((n for n in self.nodes if "uninstalling:" in n.page("/readyz")[1]), None)

    def agent_is_ready(self, node):
        conditions = self.agents()[node.name]["status"]["conditions"]
        return {c["type"]: c["status"] for c in conditions}["Ready"] == "True"

    def agents(self):
        """Node's name -> the pod of its agent that isn't ending."""
        found = self.get("pods", "-l", "app.kubernetes.io/name=bridge-cni",
                         namespace=NAMESPACE)["items"]
        return {p["spec"]["nodeName"]: p for p in found
                if "deletionTimestamp" not in p["metadata"]}


__all__ = ["Cluster", "INTERNET4", "INTERNET6"]
