# SPDX-License-Identifier: GPL-2.0-or-later
"""A node in a known state, what is found on it, and what each verb's fault may leave."""
import functools
import json
import re
import socket
import time

import inject
from harness import plugin, quiet, snapshot
from harness.command import command, written
from harness.node import UPLINK, Node, with_prev
from harness.plugin import CniError

SHARED_FILES = ("lock", "index", "gateways")
NO_MAC = "00:00:00:00:00:00"
SENTINELS = ('"255.255.255.255"', '"ff00::"')  # of sets whose elements are addresses
OF_NETWORKS = ("networks", "isolate_", "strict_")  # sets whose elements are networks
CLEANUPS = ("cleanup", "cleanup --force")  # without a configuration
COMMANDS = CLEANUPS + ("repair",)  # of people, and not of a runtime
STAYING = ("CHECK", "STATUS", "repair")  # the pod is attached before and after
# Of what nft lists as JSON. The fingerprint follows from the rule's text, which has the bridge's index.
FINGERPRINT = re.compile(r'("comment": "v\d+ \S+ [0-9a-f]{16}) [0-9a-f]{16}')
HANDLE = re.compile(r', "handle": \d+')


class Bed:
    """A node with the scenario's surroundings; anew for each case, or after a failure."""

    def __init__(self, directory, scenario):
        self.directory, self.scenario = directory, scenario
        self.made, self.node = 0, None
        self.renew()

    def renew(self):
        self.close()
        self.made += 1
        self.node = Node(self.directory / f"node{self.made}")
        self.node.connect()
        self.scenario.furnish(self.node)
        self.pod, self.kept = self.node.pod(), self.node.pod()
        self.scenario.furnish_pod(self.pod)
        if not self.scenario.fresh:
            self.kept_result = self.node.add(self.kept, self.scenario.beside,
                                             env=self.scenario.env)
        # The shared things when all are there. The attachment's own things must go.
        self.constant = []
        self.life(self.pod)
        if self.scenario.fresh:
            self.constant = self.ruleset()[1]
        self.complete = self.shared()
        self.prepare()
        self.before = self.own()

    def close(self):
        if self.node:
            self.node.close()
        self.node = None

    def prepare(self):
        """On a fresh node nothing of an earlier case is left."""
        if not self.scenario.fresh:
            return
        # Side by side: the kernel lets both wait.
        self.node.run("sh", "-c", "ip link del cni0 & nft flush ruleset & "
                      "rm -rf /var/lib/cni /run/bridge-cni; wait", check=False)
        for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            self.node.sysctl(key, 0)

    # -- runs

    def conf(self, verb):
        conf = self.scenario.conf if verb == "ADD" else self.scenario.good_conf
        if verb == "GC":
            conf = {**conf, "cni.dev/valid-attachments": [
                {"containerID": self.kept.id, "ifname": "eth0"}]}
        if verb == "CHECK":
            conf = with_prev(conf, self.result)
        return conf

    def invoke(self, verb, wrapper=(), env=None):
        if verb in COMMANDS:
            files = written(self.node, self.scenario.good_conf) if verb == "repair" else []
            return command(self.node, *verb.split(), *files, wrapper=wrapper,
                           env={**self.scenario.env, **(env or {})})
        pod = None if verb in ("GC", "STATUS") else self.pod
        return self.node.invoke(verb, self.conf(verb), pod, wrapper=wrapper,
                                env={**self.scenario.env, **(env or {})})

    def record(self, verb):
        done, calls = inject.record(self.node, lambda **kw: self.invoke(verb, **kw),
                                     children=not self.scenario.delegated)
        if verb in COMMANDS:
            assert (done.returncode, done.stderr) == (0, ""), done
        else:
            outcome_of(done)
        return calls

    def add(self, pod):
        return self.node.add(pod, self.scenario.good_conf, env=self.scenario.env)

    def delete(self):
        self.node.delete(self.pod, self.scenario.good_conf, env=self.scenario.env)

    def check(self, pod, result):
        self.node.check(pod, self.scenario.good_conf, result, env=self.scenario.env)

    def life(self, pod):
        """From ADD to DEL, what is shared being whole meanwhile."""
        result = self.add(pod)
        self.check(pod, result)
        self.node.delete(pod, self.scenario.good_conf, result, env=self.scenario.env)

    def furnish_cleanup(self, verb):
        """What the verb has to remove: with --force also a pod that is attached."""
        if verb == "cleanup":
            self.life(self.pod)
        else:
            self.add(self.pod)

    def harm(self):
        """Takes away what quietBridge gives the pod on the node, and what asks for members."""
        port, mac = quiet.port_of(self.result), quiet.mac_of(self.result)
        batch = ["fdb del %s dev %s master" % (mac, port),
                 *("mdb del dev cni0 port %s grp %s" % (port, group)
                   for group in quiet.groups(self.node, port))]
        self.node.run("bridge", "-batch", "-", input="\n".join(batch) + "\n")
        self.node.ip_batch("\n".join(f"neigh del {address} dev cni0"
                                     for address, known in quiet.neighbours(self.node).items()
                                     if known == mac))
        self.node.ip("link set cni0 type bridge mcast_querier 0")

    # -- what there is

    def ruleset(self):
        """Rules, and elements that are not the network's own."""
        listed = self.node.run("nft", "-s", "-j", "list", "ruleset").stdout
        rules, elements = parsed(FINGERPRINT.sub(r"\1", HANDLE.sub("", listed)))
        # An owner's rules may have gone with its last pod, and stay after a fault.
        constant = {element for element in elements
                    if element in self.constant or element.endswith(SENTINELS)
                    or '"/"' in element or element.startswith(OF_NETWORKS)}
        return (sorted([*rules, *(element for element in elements if element in constant)]),
                sorted(set(elements) - constant))

    def state(self):
        """What is the attachments' own, and what they share, at one moment."""
        ruleset = self.ruleset()
        return self.own(ruleset), self.shared(ruleset)

    def own(self, ruleset=None):
        """All that belongs to attachments: names, and the contents of files."""
        files = snapshot.files(self.node.var_lib)
        return {
            "interfaces": names_of(self.node, {"lo", UPLINK, "cni0", "ovs-netdev"}),
            "in the pod": names_of(self.pod, {"lo"}),
            "files": sorted(path for path, content in files.items()
                            if content is not None and not is_shared(path)),
            "elements": (ruleset or self.ruleset())[1],
            "neighbours": [n["dst"] for n in self.node.ip_json("neigh show nud permanent")],
            "elsewhere": self.scenario.elsewhere(),
        }

    def shared(self, ruleset=None):
        """All that attachments share."""
        links = {link["ifname"]: link for link in self.node.ip_json("addr")}
        bridge = links.pop("cni0", {})
        return {
            "mtu": bridge.get("mtu"),
            "up": "UP" in bridge.get("flags", []),
            "alias": bridge.get("ifalias"),
            # A bridge that has none takes a port's, or without a port zeros.
            "own MAC": bridge.get("address", NO_MAC) not in
                       [NO_MAC, *(link.get("address") for link in links.values())],
            # A switch without a bridge shares none.
            "accept_ra": self.node.sysctl("ipv6.conf.cni0.accept_ra") if bridge else None,
            "addresses": sorted((a["local"], a["prefixlen"])
                                for a in bridge.get("addr_info", ())
                                if a["scope"] == "global"),
            "forwarding": [self.node.sysctl(key) for key in
                           ("ipv4.ip_forward", "ipv6.conf.all.forwarding")],
            "rules": (ruleset or self.ruleset())[0],
        }

    def assert_as_before(self, when, own=None):
        lines = snapshot.difference(self.before, own or self.own())
        assert not lines, f"{when}: " + "; ".join(lines)

    def assert_clean(self, when):
        """There is no bridge, no rule and no file of any network."""
        self.assert_as_before(when)
        left = [*names_of(self.node, {"lo", UPLINK}), *sum(self.ruleset(), []),
                *(path for path, content in snapshot.files(self.node.var_lib).items()
                  if content is not None)]
        assert not left, f"{when}: {left}"

    def assert_whole(self):
        """The next pod gets what every pod gets; the one beside still has it."""
        self.life(self.pod)
        own, shared = self.state()
        lines = snapshot.difference(self.complete, shared)
        assert not lines, "after the next ADD: " + "; ".join(lines)
        if not self.scenario.fresh:
            self.node.check(self.kept, self.scenario.beside, self.kept_result,
                            env=self.scenario.env)
        self.assert_as_before("after the next DEL", own)


@functools.lru_cache(maxsize=8)
def parsed(text):
    """The rules, and the elements of sets and maps, in what nft lists. Most listings are like one of the last,
    and to read one takes as long as to make it."""
    rules, elements = [], []
    for entry in json.loads(text)["nftables"]:
        kind, value = next(iter(entry.items()))
        if kind == "metainfo":
            continue
        if kind == "counter":
            value.update(packets=0, bytes=0)
        if "timeout" in value:  # the elements go by themselves
            value.pop("elem", None)
        for key in ("packets", "bytes"):
            value.pop(key, None)
        for element in value.pop("elem", []) if kind in ("set", "map") else []:
            elements.append(f"{value['name']}: {json.dumps(element)}")
        rules.append(f"{kind} {json.dumps(value, sort_keys=True)}")
    return tuple(rules), tuple(elements)


def names_of(namespace, without):
    return sorted({name for _, name in namespace.call(socket.if_nameindex)} - without)


def is_shared(path):
    name = path.rsplit("/", 1)[-1]
    return name in SHARED_FILES or name.startswith(("last_reserved_ip.", ".network-"))


def outcome_of(done):
    """None: killed; a result, or the CniError that was answered."""
    if done.returncode < 0 or done.returncode >= 128:
        return None
    doc = plugin.one_document(done.stdout)
    where = f"exit {done.returncode}\nstdout: {done.stdout}stderr: {done.stderr}"
    if done.returncode == 0:
        assert "code" not in (doc or {}), "an error object, but " + where
        return doc or {}
    assert doc and doc.get("code") and doc.get("msg"), "no error object: " + where
    return CniError(doc, done.stderr)


# -- a fault in each verb


def run(bed, verb, fault):
    """The outcome, and whether the fault came; a death only where one was meant. An error
    that can't be written to standard output stands on standard error alone."""
    done, came = inject.run(bed.node, fault, lambda **kw: bed.invoke(verb, **kw))
    if done.returncode == 1 and fault.call.line.startswith("write(1,") and not done.stdout:
        return CniError({"code": plugin.IO, "msg": done.stderr}, done.stderr), came
    outcome = outcome_of(done)
    assert outcome is not None or fault.what.startswith("signal="), \
        f"killed: exit {done.returncode} {done.stderr}"
    return outcome, came


def fault_in_add(bed, fault):
    """Success, or an error and nothing left; where it was killed a DEL finishes."""
    outcome, came = run(bed, "ADD", fault)
    if isinstance(outcome, CniError) and not bed.scenario.refused:
        bed.assert_as_before(f"without a DEL, after {outcome}")
    elif outcome is not None and not isinstance(outcome, CniError):
        assert not bed.scenario.refused, "an ADD that can't be done succeeded"
        bed.check(bed.pod, outcome)
    bed.delete()
    bed.assert_as_before("after a DEL")
    bed.assert_whole()
    return came


def fault_in_removal(bed, verb, fault):
    """Success and nothing left, or a second one finishes."""
    bed.add(bed.pod)
    outcome, came = run(bed, verb, fault)
    if outcome is None or isinstance(outcome, CniError):
        outcome = outcome_of(bed.invoke(verb))
        assert not isinstance(outcome, CniError), f"the second {verb}: {outcome}"
    bed.assert_as_before(f"after the {verb}")
    bed.assert_whole()
    return came


def fault_in_question(bed, verb, fault):
    """CHECK and STATUS change nothing, whatever they say."""
    before = bed.state()
    outcome, came = run(bed, verb, fault)
    lines = snapshot.difference(before, bed.state())
    assert not lines, f"after {outcome}: " + "; ".join(lines)
    outcome = outcome_of(bed.invoke(verb))
    assert not isinstance(outcome, CniError), f"the next {verb}: {outcome}"
    return came


def fault_in_cleanup(bed, verb, fault):
    """Success and nothing left, or a second one finishes; the next pod finds all whole."""
    bed.furnish_cleanup(verb)
    done, came = inject.run(bed.node, fault, lambda **kw: bed.invoke(verb, **kw))
    if done.returncode != 0:
        killed = done.returncode < 0 or done.returncode >= 128
        assert killed == fault.what.startswith("signal="), done
        assert killed or done.stderr, done
        done = bed.invoke(verb)
        assert done.returncode == 0, f"the second {verb}: {done.stderr}"
    bed.assert_clean(f"after the {verb}")
    bed.assert_whole()
    return came


def fault_in_repair(bed, fault):
    """Success and CHECK agrees, or a second one finishes; nothing else changes."""
    before = bed.state()
    bed.harm()
    done, came = inject.run(bed.node, fault, lambda **kw: bed.invoke("repair", **kw))
    if done.returncode != 0:
        killed = done.returncode < 0 or done.returncode >= 128
        assert killed == fault.what.startswith("signal="), done
        assert killed or done.stderr, done
        done = bed.invoke("repair")
        assert (done.returncode, done.stderr) == (0, ""), f"the second repair: {done}"
    bed.check(bed.pod, bed.result)
    assert quiet.querier(bed.node)
    lines = snapshot.difference(before, bed.state())
    assert not lines, "; ".join(lines)
    return came


VERBS = {"ADD": fault_in_add,
         "repair": fault_in_repair,
         **{verb: lambda bed, fault, verb=verb: fault_in_cleanup(bed, verb, fault)
            for verb in CLEANUPS},
         "DEL": lambda bed, fault: fault_in_removal(bed, "DEL", fault),
         "GC": lambda bed, fault: fault_in_removal(bed, "GC", fault),
         "CHECK": lambda bed, fault: fault_in_question(bed, "CHECK", fault),
         "STATUS": lambda bed, fault: fault_in_question(bed, "STATUS", fault)}


def rehearse(bed, verb):
    """The calls of the verb. Of several runs the shortest: the others had to wait."""
    return min((rehearsal(bed, verb) for _ in range(3)), key=len)


def rehearsal(bed, verb):
    """With what has to be there for it; afterwards all is as before."""
    if verb in CLEANUPS:
        bed.furnish_cleanup(verb)
    elif verb != "ADD":
        bed.result = bed.add(bed.pod)
    if verb == "repair":
        bed.harm()
    calls = bed.record(verb)
    if verb in ("ADD", *STAYING):
        bed.delete()
    bed.prepare()
    return calls


def sweep(directory, scenario, verb, faults_of, sample):
    """One case a fault. Lines that say what went wrong, and how many there were."""
    began = time.monotonic()
    bed = Bed(directory, scenario)
    failures, missed = [], 0
    try:
        calls = rehearse(bed, verb)
        faults = inject.spread([fault for call in calls for fault in faults_of(call)],
                               sample)
        if verb in STAYING:
            bed.result = bed.add(bed.pod)
        for fault in faults:
            try:
                missed += not VERBS[verb](bed, fault)
                bed.prepare()
            except (AssertionError, CniError) as error:
                failures.append(f"{fault}\n    {error}")
                bed.renew()
                if verb in STAYING:
                    bed.result = bed.add(bed.pod)
    finally:
        bed.close()
    return Tally(scenario.name, verb, len(calls), len(faults), missed, failures,
                 time.monotonic() - began)


class Tally:
    def __init__(self, scenario, verb, calls, faults, missed, failures, seconds):
        self.failures, self.faults, self.missed = failures, faults, missed
        self.line = (f"{verb} {scenario}: {calls} calls, {faults} faults"
                     f"{f', {missed} not reached' * bool(missed)}, "
                     f"{len(failures)} failures, {seconds:.0f} s")
