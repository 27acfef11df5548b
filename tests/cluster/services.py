# SPDX-License-Identifier: GPL-2.0-or-later
"""A pod on each node that serves, with a Service, node ports and host ports."""
import contextlib

from traffic import TCP, UDP, serving

PORTS = {TCP: 80, UDP: 53}
TARGETS = {TCP: 8080, UDP: 5353}
HOST_PORTS = {TCP: 8081, UDP: 5301}
NAMES = {TCP: "TCP", UDP: "UDP"}


def service_object(name):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {
        "type": "NodePort", "ipFamilyPolicy": "RequireDualStack", "selector": {"app": name},
        "ports": [{"name": NAMES[kind].lower(), "protocol": NAMES[kind], "port": PORTS[kind],
                   "targetPort": TARGETS[kind]} for kind in (TCP, UDP)]}}


@contextlib.contextmanager
def servers_on_nodes(cluster):
    """Node's name -> its pod, with the Service's addresses and node ports."""
    cluster.apply(*(service_object(f"on-{node.name}") for node in cluster.nodes))
    ports = [{"containerPort": TARGETS[k], "hostPort": HOST_PORTS[k], "protocol": NAMES[k]}
             for k in (TCP, UDP)]
    made = cluster.pods(*(cluster.pod_object(node, labels={"app": f"on-{node.name}"}, ports=ports)
                          for node in cluster.nodes))
    with contextlib.ExitStack() as stack:
        for pod in made:
            stack.enter_context(serving(pod, TARGETS[TCP], TARGETS[UDP]))
            spec = cluster.get("service", f"on-{pod.node.name}")["spec"]
            pod.service = spec["clusterIPs"]
            pod.node_ports = {k: p["nodePort"] for k in (TCP, UDP) for p in spec["ports"]
                              if p["protocol"] == NAMES[k]}
        yield {pod.node.name: pod for pod in made}
    cluster.delete(*made)
    cluster.kubectl("delete", "service", *(f"on-{node.name}" for node in cluster.nodes))


def own(client, address):
    """The client's address of that one's family."""
    return client.address6 if ":" in address else client.address4
