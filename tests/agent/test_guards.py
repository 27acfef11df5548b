# SPDX-License-Identifier: GPL-2.0-or-later
"""The guards between pods, as the agent's options and a node's past decide them."""
import json

from harness.waiting import wait_for

# As an agent wrote it that knew no guards.
GUARDS = ("spoofCheck", "macspoofchk", "portIsolation")


def conflist_of(node):
    return node.conf_dir / "10-bridge-cni.conflist"


def strip_guards(node):
    """Makes the configuration what an agent wrote that had no such options."""
    conflist = node.conflist()
    for key in GUARDS:
        conflist["plugins"][0].pop(key, None)
    conflist_of(node).write_text(json.dumps(conflist))


def started(node, *options):
    node.start_agent(*options)
    wait_for(node.ready)
    return node.conf()


def restarted(node, *options):
    node.stop_agent()
    return started(node, *options)


def reaches_as_another(pod, other, wait=None):
    """Does what the pod sends from an address that isn't its own arrive?"""
    pod.ip("addr add 10.244.1.200/32 dev eth0")
    return pod.ping(other.address4, wait, source="10.244.1.200")


def test_a_new_node_checks_sources_and_goes_on_doing_so(cluster):
    node = cluster.node()
    conf = started(node)
    assert conf["spoofCheck"] is True
    assert "macspoofchk" not in conf and "portIsolation" not in conf
    pod, other = node.attach(), node.attach()
    assert pod.ping(other.address4)
    assert not reaches_as_another(pod, other, wait=1)
    assert restarted(node)["spoofCheck"] is True


def test_a_node_that_was_there_before_keeps_what_it_has_until_asked(cluster):
    node = cluster.node()
    started(node)
    node.stop_agent()
    strip_guards(node)
    assert started(node)["spoofCheck"] is False
    pod, other = node.attach(), node.attach()
    assert reaches_as_another(pod, other)
    assert restarted(node)["spoofCheck"] is False
    assert restarted(node, "--spoof-check", "true")["spoofCheck"] is True
    # What it was told once is what it has.
    assert restarted(node)["spoofCheck"] is True
    assert restarted(node, "--spoof-check", "false")["spoofCheck"] is False
    assert restarted(node)["spoofCheck"] is False


def test_an_empty_variable_of_the_config_map_leaves_it_open(cluster):
    node = cluster.node()
    started(node)
    node.stop_agent()
    strip_guards(node)
    assert started(node, "--spoof-check", "")["spoofCheck"] is False


def test_a_node_that_was_cleaned_up_is_new(cluster):
    node = cluster.node()
    assert started(node, "--spoof-check", "false")["spoofCheck"] is False
    node.stop_agent()
    node.run(*node.agent_argv("--cleanup"))
    assert node.conflist() is None
    assert started(node)["spoofCheck"] is True


def test_a_configuration_that_cannot_be_understood_is_no_new_node(cluster):
    node = cluster.node()
    conflist_of(node).write_text('{"name": "pods", ')
    assert started(node)["spoofCheck"] is False
    log = node.log()
    assert "can't be understood" in log and "--spoof-check" in log


def test_options_turn_guards_on_and_off(cluster):
    node = cluster.node()
    conf = started(node, "--spoof-check", "false", "--mac-spoof-check", "true",
                   "--port-isolation", "true")
    assert [conf[key] for key in GUARDS] == [False, True, True]
    pod, other = node.attach(), node.attach()
    assert pod.ping("192.0.2.11") and not pod.ping(other.address4, wait=1)
    conf = restarted(node)
    assert "macspoofchk" not in conf and "portIsolation" not in conf


def told(node, key):
    """The log's lines about that key of an edited file."""
    return [line for line in node.log().splitlines()
            if "was edited" in line and f"key={key} " in line]


def edit(node, change):
    """Edits the file as an editor does, which puts a whole new one in its place, and waits until it
    is put back and told. The agent would see one that is written in place while it is still empty."""
    text = conflist_of(node).read_text()
    conflist = json.loads(text)
    change(conflist)
    aside = node.directory / "edited"
    aside.write_text(json.dumps(conflist, indent=1))
    aside.replace(conflist_of(node))
    wait_for(lambda: conflist_of(node).read_text() == text)
    node.metrics()  # answered when the agent is through with it


def test_an_edit_is_put_back_and_told_once_with_where_it_belongs(cluster):
    node = cluster.node()
    started(node, "--resync-seconds", "1")

    def change(conflist):
        conflist["plugins"][0].update(spoofCheck=False, mtu=1400, logFile="/var/log/x")
        conflist["plugins"][0]["ipam"]["dataDir"] = "/run/elsewhere"
        conflist["plugins"].append({"type": "tuning", "note": "a\nb"})

    edit(node, change)
    lines = wait_for(lambda: told(node, "plugins[0].spoofCheck"))
    assert len(lines) == 1 and "level=warn" in lines[0]
    assert "file=10-bridge-cni.conflist" in lines[0]
    assert "was=false is=true" in lines[0]
    assert "--spoof-check" in lines[0] and "BRIDGE_CNI_SPOOF_CHECK" in lines[0]
    line, = wait_for(lambda: told(node, "plugins[0].mtu"))
    assert "was=1400 is=absent" in line and "BRIDGE_CNI_MTU" in line
    line, = wait_for(lambda: told(node, "plugins[0].ipam.dataDir"))
    assert "was=\"\\\"/run/elsewhere\\\"\"" in line and "BRIDGE_CNI_DATA_DIR" in line
    for key in ("plugins[0].logFile", "plugins[1]"):
        line, = wait_for(lambda: told(node, key))
        assert "template" in line and "--conflist-template" in line
    # Neither a resync nor the agent's own changes are edits.
    told_before = node.log().count("was edited")
    runs = node.metrics()["bridge_cni_repairs_total"]
    wait_for(lambda: node.metrics()["bridge_cni_repairs_total"] > runs + 2)
    cluster.api.put("later", ["10.244.90.0/24"], ["192.0.2.90"])
    wait_for(lambda: "10.244.90.0/24" in node.conf()["nonMasqueradeCIDRs"])
    assert node.log().count("was edited") == told_before
    # The same edit again is one more.
    edit(node, change)
    wait_for(lambda: len(told(node, "plugins[0].spoofCheck")) == 2)


def test_of_a_long_edit_a_few_keys_are_told(cluster):
    node = cluster.node()
    started(node)
    edit(node, lambda conflist: conflist["plugins"][0].update(
        {f"key{i}": i for i in range(200)}))
    lines = wait_for(lambda: [line for line in node.log().splitlines()
                              if "was edited" in line])
    assert len(lines) == 9 and 'key="and more"' in lines[-1]


def test_an_edit_that_is_no_json_or_changes_nothing_is_told_too(cluster):
    node = cluster.node()
    started(node)
    text = conflist_of(node).read_text()
    conflist_of(node).write_text('{"name": ')
    wait_for(lambda: conflist_of(node).read_text() == text)
    wait_for(lambda: "was edited" in node.log())
    assert len([line for line in node.log().splitlines() if "was edited" in line]) == 1
    edit(node, lambda conflist: None)
    wait_for(lambda: "only the layout differs" in node.log())


def test_an_edit_that_cannot_be_put_back_is_told_once(cluster):
    node = cluster.node()
    started(node)
    conflist = conflist_of(node)
    text = conflist.read_text()
    aside = node.conf_dir / ".10-bridge-cni.conflist.new"
    (aside / "in the way").mkdir(parents=True)
    conflist.write_text(text.replace('"spoofCheck": true', '"spoofCheck": false'))
    wait_for(lambda: told(node, "plugins[0].spoofCheck"))
    failed = "writing the configuration has failed"
    wait_for(lambda: failed in node.log())
    wait_for(lambda: node.page("/readyz")[0] == 503)
    assert node.log().count(failed) == 1
    (aside / "in the way").rmdir()
    aside.rmdir()
    wait_for(lambda: conflist.read_text() == text)
    assert len(told(node, "plugins[0].spoofCheck")) == 1


def test_what_was_edited_while_no_agent_ran_is_told_when_it_is_replaced(cluster):
    node = cluster.node()
    started(node)
    node.stop_agent()
    conflist = node.conflist()
    conflist["plugins"][0]["mtu"] = 1300
    conflist["plugins"][0]["ipam"]["ranges"].pop()
    conflist_of(node).write_text(json.dumps(conflist))
    started(node)
    lines = wait_for(lambda: [line for line in node.log().splitlines()
                              if "former configuration file" in line])
    assert len(lines) == 1 and "key=plugins[0].mtu" in lines[0]
    assert "BRIDGE_CNI_MTU" in lines[0] and "was edited" not in node.log()
