# SPDX-License-Identifier: GPL-2.0-or-later
"""A template of the configuration list, as an administrator writes it into a ConfigMap."""
import json
import os
import re
import time

import pytest

from harness import isolate
from harness.plugin import REPOSITORY
from harness.waiting import kept_waiting, wait_for
from test_guards import edit


class Volume:
    """A directory as the kubelet makes it of a ConfigMap: the file is a link by way of
    ..data, which is renamed when the ConfigMap has changed."""

    def __init__(self, directory):
        self.directory, self.count = directory, 0
        directory.mkdir()
        self.file = directory / "conflist.json"

    def put(self, template):
        self.count += 1
        text = template if isinstance(template, str) else json.dumps(template)
        made = self.directory / f"..{self.count}"
        made.mkdir()
        (made / self.file.name).write_text(text)
        link = self.directory / "..data_tmp"
        link.symlink_to(made.name)
        os.rename(link, self.directory / "..data")
        if not self.file.is_symlink():
            self.file.symlink_to(f"..data/{self.file.name}")

    def remove(self):
        """The ConfigMap is gone."""
        self.file.unlink()


@pytest.fixture
def volume(tmp_path):
    return Volume(tmp_path / "template")


def first(**keys):
    return {"plugins": [{"type": "bridge-cni", **keys}]}


def start(node, volume, *options):
    node.start_agent("--conflist-template", volume.file, *options)


def started(node, volume, *options):
    start(node, volume, *options)
    wait_for(node.ready)
    return node.conf()


def lines(node, words):
    return [line for line in node.log().splitlines() if words in line]


def test_the_template_goes_before_the_options_and_the_agent_fills_in_the_rest(cluster, volume):
    node = cluster.node()
    dns = {"nameservers": ["10.96.0.10"], "search": ["svc.cluster.local"]}
    volume.put({
        "CNIVersion": "0.4.0",  # runtimes know it by its right spelling alone
        "plugins": [
            {"type": "bridge-cni", "SpoofCheck": False, "logFile": "/run/cni.log",
             "statusOnExhaustion": "ready", "dns": dns, "mtu": 1400, "isGateway": True,
             "nonMasqueradeCIDRs": ["198.18.0.0/15"],
             "ipam": {"routes": [{"dst": "198.18.0.0/15"}]}},
            {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ]})
    (node.bin_dir / "tuning").symlink_to("nowhere")  # as k3s has links
    started(node, volume, "--mtu", "1300", "--spoof-check", "true", "--network", "mine",
            "--port-isolation", "true")
    conflist = node.conflist()
    assert (conflist["name"], conflist["cniVersion"]) == ("mine", "0.4.0")
    plugin, tuning, portmap = conflist["plugins"]
    assert plugin["spoofCheck"] is False and "SpoofCheck" not in plugin
    assert (plugin["mtu"], plugin["dns"]) == (1400, dns)
    assert (plugin["logFile"], plugin["statusOnExhaustion"]) == ("/run/cni.log", "ready")
    assert plugin["portIsolation"] is True and plugin["ipMasq"] is True
    # The gateway is what the template says of it, and another plugin has the host ports.
    assert "isDefaultGateway" not in plugin
    assert plugin["capabilities"] == {"bandwidth": True}
    assert plugin["ipam"] == {
        "type": "host-local", "dataDir": "/var/lib/cni/networks",
        "routes": [{"dst": "198.18.0.0/15"}],
        "ranges": [[{"subnet": cidr}] for cidr in node.cidrs]}
    assert plugin["nonMasqueradeCIDRs"] == [node.cidrs[0], "198.18.0.0/15", node.cidrs[1]]
    assert (tuning["sysctl"], portmap["type"]) == ({"net.core.somaxconn": "500"}, "portmap")
    line, = lines(node, "isn't in the plugin directory")
    assert "level=warn" in line and "plugin=portmap" in line
    assert node.attach().result["dns"] == dns


def test_the_example_of_the_document_does_what_it_says(cluster, volume):
    text = (REPOSITORY / "deploy/README.md").read_text()
    section = text[text.index("### A configuration of your own"):]
    example = re.search(r"^```json\n(.*?)^```", section, re.M | re.S)[1]
    assert f"configmap bridge-cni-template --from-file={volume.file.name}" in section
    node = cluster.node()
    volume.put(example)
    plugin = started(node, volume, "--spoof-check", "false")
    wanted, tuning = json.loads(example)["plugins"]
    assert node.conflist()["plugins"][1] == tuning
    for key in wanted.keys() - {"nonMasqueradeCIDRs", "ipam"}:
        assert plugin[key] == wanted[key]
    assert {*wanted["nonMasqueradeCIDRs"], *node.cidrs} == {*plugin["nonMasqueradeCIDRs"]}
    assert plugin["ipam"]["routes"] == wanted["ipam"]["routes"]
    assert node.attach().ping(node.address4)


def test_a_change_is_in_the_configuration_within_2_s(cluster, volume):
    node = cluster.node()
    volume.put(first(mtu=1300))
    assert started(node, volume)["mtu"] == 1300
    for mtu in (1310, 1320):
        before, waited = time.time(), kept_waiting(node.agent_pid())
        volume.put(first(mtu=mtu))
        wait_for(lambda: node.conf()["mtu"] == mtu)
        took = (node.conf_dir / "10-bridge-cni.conflist").stat().st_mtime - before
        assert took - (kept_waiting(node.agent_pid()) - waited) < 2
    assert not lines(node, "was edited")
    # Without a ConfigMap the options alone say it, and a new one takes effect without a
    # restart. Guards stay as the node has them.
    volume.put(first(mtu=1320, spoofCheck=False))
    wait_for(lambda: node.conf()["spoofCheck"] is False)
    volume.remove()
    wait_for(lambda: "mtu" not in node.conf())
    assert node.conf()["spoofCheck"] is False
    assert node.metrics()["bridge_cni_template_used"] == 0
    assert "level=warn" in lines(node, "the template is gone")[0]
    volume.put(first(mtu=1330))
    wait_for(lambda: node.conf()["mtu"] == 1330)
    assert node.metrics()["bridge_cni_template_used"] == 1


def test_that_there_is_none_is_told_once(cluster, volume):
    node = cluster.node()
    started(node, volume)
    # The file is looked at each second.
    with pytest.raises(AssertionError):
        wait_for(lambda: len(lines(node, "there is no template")) != 1, 2)
    volume.put(first(mtu="1400"))
    wait_for(lambda: lines(node, "the template is wrong"))
    volume.remove()
    wait_for(lambda: len(lines(node, "there is no template")) == 2)


WRONG = [
    ('{"plugins": [{"type": "bridge-cni", ', "line 1"),  # half written
    ({"type": "bridge-cni"}, "plugins: missing"),
    ({**first(), "disableCheck": "no"}, "disableCheck"),
    ({**first(), "cniVersions": ["1.0.0", 1]}, "cniVersions[1]"),
    ({"plugins": [{"type": "bridge-cni"}, {"type": ""}]}, "plugins[1].type"),
    ({"plugins": [{"type": "bridge-cni"}, {"type": "bin/tuning"}]}, "plugins[1].type"),
    ({"plugins": [{"type": "bridge-cni"}, {"type": "tuning", "ipam": "none"}]},
     "plugins[1].ipam"),
    (first(capabilities={"mac": "true"}), "plugins[0].capabilities.mac"),
    ({"plugins": [{"type": "tuning"}]}, "expected \\\"bridge-cni\\\" for the first"),
    (first(ipam={"type": "dhcp"}), "ipam.type"),
    (first(ipam={"ranges": [[{"subnet": "10.0.0.0/8"}]]}), "a range is given"),
    (first(draining=True), "draining"),  # nothing would uninstall
    (first(waitForAgent=True), "waitForAgent"),  # without a tunnel it would be in vain
    (first(mtu=1000), "mtu"),  # IPv6 needs 1280
    (first(podLink="routed", isGateway=False), "podLink"),
    (first(podLink="bridge"), "podLink"),
    (first(logFile="cni.log"), "logFile"),
    (first(dns={"nameservers": "10.0.0.1"}), "dns.nameservers"),
    (first(spoofCheck=True, SPOOFCHECK=False), "twice"),
    ({"plugins": [{"type": "bridge-cni"}] * 2}, "2 plugins of type bridge-cni"),
]


def test_a_wrong_one_is_named_once_and_the_former_stays(cluster, volume):
    node = cluster.node()
    volume.put(first(mtu=1350))
    started(node, volume, "--resync-seconds", "1")
    for template, word in WRONG:
        count = len(lines(node, "the template is wrong"))
        volume.put(template)
        told = wait_for(lambda: lines(node, "the template is wrong")[count:])
        assert len(told) == 1 and word in told[0], (template, told)
        assert "level=error" in told[0] and str(volume.file) in told[0]
        assert node.metrics()["bridge_cni_template_wrong"] == 1
        status, text = node.page("/readyz")
        assert status == 200 and word.replace("\\", "") in text
    # The former goes on to be followed.
    cluster.api.put("later", ["10.244.90.0/24"], ["192.0.2.90"])
    wait_for(lambda: "10.244.90.0/24" in node.conf()["nonMasqueradeCIDRs"])
    assert node.conf()["mtu"] == 1350
    node.wait_for_resyncs()
    assert len(lines(node, "the template is wrong")) == len(WRONG)
    volume.put(first(mtu=1360, spoofChek=True))
    wait_for(lambda: node.conf()["mtu"] == 1360)
    assert node.page("/readyz") == (200, "ok\n")
    assert node.metrics()["bridge_cni_template_wrong"] == 0
    line, = lines(node, "a key of the template does nothing")
    assert "spoofChek" in line and "spoofCheck" in line


def test_a_node_that_has_seen_only_a_wrong_one_is_left_as_it_is(cluster, volume):
    node = cluster.node()
    volume.put(first(mtu="1400"))
    start(node, volume)
    wait_for(lambda: node.page("/readyz")[0] == 503 and "mtu" in node.page("/readyz")[1])
    wait_for(lambda: node.metrics()["bridge_cni_api_listed"] == 1)
    assert node.conflist() is None
    volume.put(first(mtu=1400))
    wait_for(node.ready)
    node.stop_agent()
    volume.put(first(mtu="1400"))
    start(node, volume)
    wait_for(node.ready)
    assert node.conf()["mtu"] == 1400 and "mtu" in node.page("/readyz")[1]


def test_the_agent_heals_counts_and_uninstalls_in_the_templates_network(cluster, volume):
    node = cluster.node()
    volume.put({**first(bridge="br-t", ipam={"dataDir": "/run/cni/t"}), "name": "t"})
    started(node, volume, "--resync-seconds", "1")
    pod = node.attach()
    assert "br-t" in node.links() and "cni0" not in node.links()
    wait_for(lambda: node.metrics()["bridge_cni_attachments"] == 1)
    node.ip("link del br-t")
    wait_for(lambda: "br-t" in node.links() and pod.ping(node.address4, wait=1))
    # Another bridge while pods run is another network; it is looked after as soon as it is
    # there. The pod of the former one leaves it by that one's configuration.
    node.detach(pod)
    volume.put({**first(bridge="br-u", ipam={"dataDir": "/run/cni/u"}), "name": "u"})
    wait_for(lambda: node.conf()["bridge"] == "br-u")
    node.ip("link del br-t")
    pod = node.attach()
    wait_for(lambda: node.metrics()["bridge_cni_attachments"] == 1)
    node.ip("link set br-u down")
    wait_for(lambda: pod.ping(node.address4, wait=1))
    node.stop_agent()
    start(node, volume, "--resync-seconds", "1", "--uninstall", "drain",
          "--uninstall-linger-seconds", "2")
    wait_for(lambda: node.conf().get("draining") is True)
    assert node.conf()["bridge"] == "br-u"
    node.detach(pod)
    wait_for(lambda: node.conflist() is None and "br-u" not in node.links())


def test_an_isolated_node_is_kept_from_a_network_whose_bridge_is_renamed(cluster, volume):
    """The agent notices that by itself."""
    node = cluster.node()
    volume.put(first(isolate="strict"))
    conf = started(node, volume, "--resync-seconds", "3600")
    assert conf["isolate"] == "strict"
    pod, other = node.attach(), isolate.member(node, 2, has_port=False)
    ours = isolate.Member("ours", pod, pod.addresses)
    wait_for(lambda: isolate.elements(node)["networks"] == ["br2", "cni0"])
    isolate.rename(node, "br2", "lan2")
    wait_for(lambda: isolate.elements(node)["networks"] == ["cni0", "lan2"])
    assert isolate.kept(ours, other) and isolate.kept(other, ours)
    wait_for(lambda: node.metrics()['bridge_cni_differences_total{what="networks"}'] >= 1)


def test_an_isolated_node_is_kept_from_a_network_whose_VLANs_gateway_is_renamed(cluster, volume):
    """As one is after its bridge was. The agent knows it by its name, however it was made."""
    node = cluster.node()
    volume.put(first(isolate="strict"))
    started(node, volume, "--resync-seconds", "3600")
    node.attach()
    isolate.member(node, 2, has_port=False)
    node.ip("link add odd7 type veth peer name far7")
    wait_for(lambda: isolate.elements(node)["networks"] == ["br2", "cni0"])
    for before, name in ("odd7", "br2.7"), ("br2.7", "br2.8"):
        node.wait_for_no_repair()
        node.ip(f"link set {before} name {name}")
        wait_for(lambda name=name: isolate.elements(node)["networks"] == ["br2", name, "cni0"])
    node.wait_for_no_repair()
    node.ip("link del br2.8")
    wait_for(lambda: isolate.elements(node)["networks"] == ["br2", "cni0"])


def test_a_log_file_that_is_not_mounted_for_the_agent_is_told_once(cluster, volume):
    node = cluster.node()
    volume.put(first(logFile="/var/log/cni.log"))
    node.start_agent("--conflist-template", volume.file, "--resync-seconds", "1",
                     more="mount -t tmpfs -o ro none /var/log")
    wait_for(node.ready)
    wait_for(lambda: node.metrics()["bridge_cni_repairs_total"] > 3)
    assert len(lines(node, "logFile")) == 1
    assert node.metrics()["bridge_cni_healings_total"] == 0


def test_the_link_changes_as_with_the_option(cluster, volume):
    node = cluster.node()
    volume.put(first(podLink="bridged"))
    started(node, volume, "--pod-link", "routed")
    pod = node.attach()
    volume.put(first(podLink="routed"))
    wait_for(lambda: node.metrics()["bridge_cni_pod_link_change_left"] == 1)
    assert pod.id in node.page("/readyz")[1] and node.conf()["podLink"] == "bridged"
    node.detach(pod)
    wait_for(lambda: node.conf()["podLink"] == "routed")
    assert node.metrics()["bridge_cni_pod_link_routed"] == 1


def test_an_edit_is_told_once_with_the_templates_file(cluster, volume):
    node = cluster.node()
    volume.put(first(mtu=1350))
    started(node, volume)

    def change(conflist):
        conflist["plugins"][0].update(mtu=1400, logFile="/var/log/x", nonMasqueradeCIDRs=[])
        conflist["plugins"][0]["ipam"]["ranges"].pop()
        conflist["plugins"].append({"type": "tuning"})

    edit(node, change)
    for key in ("plugins[0].mtu", "plugins[0].logFile", "plugins[0].nonMasqueradeCIDRs",
                "plugins[1]"):
        line, = wait_for(lambda: lines(node, f"key={key} "))
        assert "was edited" in line
        assert (f'to_change="write it into {volume.file}, in the ConfigMap bridge-cni-template"'
                in line)
    line, = wait_for(lambda: lines(node, "key=plugins[0].ipam.ranges"))
    assert "follows from this node's podCIDRs" in line
