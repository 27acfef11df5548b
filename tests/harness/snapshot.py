# SPDX-License-Identifier: GPL-2.0-or-later
"""The contents of a namespace and of a node's disk, in a form that compares: clocks, counters
and handles are left out."""
import json

# Values that change by themselves. (A bridge's carrier follows its ports' a second later.)
VOLATILE = {"operstate", "handle", "packets", "bytes", "valid_life_time", "preferred_life_time",
            "metainfo", "expires", "cacheinfo", "ifindex", "link_index", "link_netnsid",
            "group_addr", "fdb_n_learned"}
CARRIER = {"NO-CARRIER", "LOWER_UP", "linkdown"}


def _still(value):
    if isinstance(value, dict):
        if "timeout" in value:  # of a set whose elements go by themselves
            value = {k: v for k, v in value.items() if k != "elem"}
        if "elem" in value:  # of a set: in the order of a tree or of hashes
            value = dict(value, elem=sorted(value["elem"], key=json.dumps))
        return {k: _still(v) for k, v in value.items()
                if k not in VOLATILE and not k.endswith("_timer")}
    if isinstance(value, list):
        return [_still(v) for v in value if not (isinstance(v, str) and v in CARRIER)]
    return value


def _dicts(entries):
    return sorted((json.dumps(_still(e), sort_keys=True) for e in entries))


def kernel(ns):
    """Interfaces, addresses, routes and rules of a namespace."""
    found = {
        "links": _still(ns.links()),
        "addresses": {link["ifname"]: _dicts(a for a in link["addr_info"]
                                             if a["scope"] != "link")
                      for link in ns.ip_json("addr")},
        "rules": ruleset(ns),
    }
    for family in (4, 6):
        found[f"routes{family}"] = _dicts(
            r for r in ns.ip_json(f"-{family}", "route", "show", "table", "all")
            if not _of_link_local(r))
    for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        found[key] = ns.sysctl(key)
    return found


def _of_link_local(route):
    """Routes that the kernel makes with a link-local address, after DAD."""
    return (route["dst"].startswith(("fe80:", "ff00:")) or
            route.get("dst") == "multicast" or route.get("type") == "anycast")


def ruleset(ns):
    """Sorted entries: where several rules stand in one chain, their order is left out."""
    out = ns.run("nft", "-j", "list", "ruleset").stdout
    return _dicts(e for e in json.loads(out)["nftables"] if "metainfo" not in e)


def files(directory):
    """Every path below a directory: content of a file, target of a link, or None."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
        else:
            found[name] = None
    return found


def take(node):
    """Kernel and disk of a node and its pods."""
    state = {"node": kernel(node), "disk": files(node.var_lib)}
    state.update({pod.name: kernel(pod) for pod in node.pods})
    return state


def difference(before, after, path=""):
    """Human lines that say where two snapshots differ; none where they don't."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [line for key in sorted({*before, *after}, key=str)
                for line in difference(before.get(key), after.get(key), f"{path}/{key}")]
    if isinstance(before, list) and isinstance(after, list):
        return ([f"{path}: gone: {e}" for e in before if e not in after] +
                [f"{path}: new: {e}" for e in after if e not in before])
    return [] if before == after else [f"{path}: {before!r} became {after!r}"]


def assert_same(before, after):
    lines = difference(before, after)
    assert not lines, "changed:\n" + "\n".join(lines)
