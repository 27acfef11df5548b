# SPDX-License-Identifier: GPL-2.0-or-later
"""deploy/wireguard.yaml and deploy/flannel.yaml: an agent may change the annotations that its mode
needs, of its own Node, and nothing else."""
import json

import pytest
from kubernetes import NAMESPACE

from harness.waiting import wait_for

# Mode -> an annotation that the agent writes, and a text of it.
MODES = {
    "wireguard": ("bridge-cni/wireguard-keys", "51820:NdJvDKlG44Adulf0kS7LaAWiP9x5FrNQ7YonxGH+mzg="),
    "flannel": ("flannel.alpha.coreos.com/backend-data", '{"VNI":1,"VtepMAC":"0a:00:00:00:00:01"}'),
}
OTHER = "test/other"  # an annotation of somebody else's


def annotate(**texts):
    return {"metadata": {"annotations": texts}}


class Account:
    """The agents' service account, whose tokens are bound to pods unless a test wants others.
    It may change the annotation `own` to `text`."""

    def __init__(self, cluster, mode):
        self.cluster, self.mode = cluster, mode
        self.own, self.text = MODES[mode]

    def token(self, node=None):
        bound = []
        if node:
            pod = self.cluster.agents()[node.name]["metadata"]
            bound = ["--bound-object-kind", "Pod", "--bound-object-name", pod["name"],
                     "--bound-object-uid", pod["uid"]]
        return self.cluster.kubectl("-n", NAMESPACE, "create", "token", "bridge-cni",
                                    *bound).strip()

    def ask(self, token, node, patch, *options):
        """kubectl's end, with what it has printed."""
        authority = self.cluster.authority
        return self.cluster.plane.run(
            "kubectl", "--kubeconfig", "/dev/null", "--server", authority.server,
            "--certificate-authority", str(authority.ca), "--token", token, "patch", "node",
            node.name, "--type", "merge", "--patch", json.dumps(patch), *options, check=False)

    def patch(self, *args):
        """What the API server says against it; "": nothing."""
        done = self.ask(*args)
        assert (done.returncode == 0) == (not done.stderr), done.stderr
        return done.stderr


@pytest.fixture(params=MODES)
def account(cluster, installation, request):
    installation.run(f"kubectl apply -f deploy/{request.param}.yaml")
    account = Account(cluster, request.param)
    first = cluster.nodes[0]
    cluster.kubectl("annotate", "node", first.name, f"{OTHER}=old", "--overwrite")
    # The API server learns of a policy a moment after it was made.
    wait_for(lambda: account.patch(account.token(), first, annotate(**{account.own: None}),
                                   "--dry-run=server"), 60)
    yield account
    cluster.kubectl("annotate", "node", first.name, f"{OTHER}-", f"{account.own}-")
    installation.run(f"kubectl delete -f deploy/{request.param}.yaml")


def metadata_and_spec(cluster, node):
    found = cluster.get("node", node.name)
    for key in ("resourceVersion", "managedFields"):
        found["metadata"].pop(key, None)
    return found["metadata"], found["spec"]


def wrong(own, text):
    """What the refusal says -> a patch that changes more than the annotation `own`."""
    return {
        "spec, such as its taints": {"spec": {"taints": [
            {"key": "test", "value": "taint", "effect": "NoExecute"}]}},
        "spec": {"spec": {"unschedulable": True}},
        "labels": {"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}},
        "no annotation of a Node but": annotate(**{own: text, OTHER: "new"}),
        "may change no annotation": annotate(**{own: text, OTHER: None}),
        "annotation of a Node": annotate(**{own: text, "test/third": "new"}),
        "finalizers": {"metadata": {"finalizers": ["test/finalizer"]}},
        "owners": {"metadata": {"ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": "node2", "uid": "1"}]}},
    }


def test_an_agent_changes_its_annotation_of_its_own_node_and_nothing_else(cluster, account):
    first, second = cluster.nodes
    token = account.token(first)
    before = metadata_and_spec(cluster, first)
    for message, patch in wrong(account.own, account.text).items():
        said = account.patch(token, first, patch)
        assert f"bridge-cni-{account.mode}" in said and message in said, (patch, said)
    assert metadata_and_spec(cluster, first) == before
    # The Node is looked at in the answer: the agent that runs here, in another mode, removes the
    # annotation as soon as it sees it.
    answer = account.ask(token, first, annotate(**{account.own: account.text}), "-o", "json")
    assert json.loads(answer.stdout)["metadata"]["annotations"][account.own] == account.text
    assert account.patch(token, first, annotate(**{account.own: None})) == ""
    assert metadata_and_spec(cluster, first) == before


def test_an_agent_changes_no_other_node(cluster, account):
    first, second = cluster.nodes
    said = account.patch(account.token(first), second, annotate(**{account.own: account.text}))
    assert f"the agent of node {first.name} may not change another Node" in said
    assert account.own not in cluster.get("node", second.name)["metadata"]["annotations"]


def test_a_token_that_is_bound_to_no_node_changes_none(cluster, account):
    first = cluster.nodes[0]
    said = account.patch(account.token(), first, annotate(**{account.own: account.text}))
    assert "token must be bound to a pod" in said
    assert account.own not in cluster.get("node", first.name)["metadata"]["annotations"]


def test_an_agent_changes_no_status(cluster, account):
    first = cluster.nodes[0]
    token, patch = account.token(first), {"status": {"capacity": {"cpu": "999"}}}
    said = account.patch(token, first, patch, "--subresource", "status")
    assert 'resource "nodes/status"' in said  # kubectl reads it first
    account.patch(token, first, patch)  # which the API server takes, without the status
    assert cluster.get("node", first.name)["status"]["capacity"]["cpu"] != "999"


def test_whoever_else_may_change_nodes_still_may(cluster, account):
    first = cluster.nodes[0]
    cluster.kubectl("label", "node", first.name, "test=label")
    cluster.kubectl("label", "node", first.name, "test-")
