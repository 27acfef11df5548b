# SPDX-License-Identifier: GPL-2.0-or-later
"""The executable under test: how it is called, and what every call must keep to."""
import contextlib
import json
import os
import pathlib
import re
import shutil

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BRIDGE_CNI = os.environ.get("BRIDGE_CNI", str(REPOSITORY / "build/bridge-cni"))
# The static build: nothing is loaded into it, and new rules are another program's.
BUNDLED = pathlib.Path(BRIDGE_CNI).resolve().with_name("bridge-cni.lib").is_dir()
SANITIZED = os.environ.get("BUILD_DIR", "").endswith("san")
# The newest version that the executable speaks (the reference of Debian: 1.0.0).
NEWEST = os.environ.get("CNI_NEWEST", "1.1.0")
VERSIONS = [v for v in ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
            if tuple(map(int, v.split("."))) <= tuple(map(int, NEWEST.split(".")))]

# The codes of errors: plugin.CONFIG is the header's CNI_ERR_CONFIG, and so on.
HEADER = REPOSITORY / "conf/base/error.h"
globals().update((name, int(code)) for name, code in re.findall(
    r"^\tCNI_ERR_(\w+) = (\d+),", HEADER.read_text(), re.M))


class CniError(Exception):
    """The error object that the plugin printed."""

    def __init__(self, doc, stderr):
        self.code = doc["code"]
        self.msg = doc["msg"]
        self.details = doc.get("details", "")
        self.doc, self.stderr = doc, stderr
        super().__init__(f"code {self.code}: {self.msg} ({self.details})")

    def says(self, *words):
        """All the words stand in message or details: what a person needs to go on."""
        text = f"{self.msg} {self.details}"
        missing = [word for word in map(str, words) if word not in text]
        assert not missing, f"{missing} not named in: {text}"
        return True


@contextlib.contextmanager
def refusal(code, *words):
    """The call in the block fails with this code and names these words; what is given has
    the error as .value afterwards."""
    with pytest.raises(CniError) as error:
        yield error
    assert error.value.code == code, error.value
    error.value.says(*words)


class Contract(AssertionError):
    pass


def one_document(stdout):
    """The JSON object that stdout is, or None where it is empty."""
    if stdout == "":
        return None
    try:
        doc = json.loads(stdout)
    except ValueError as error:
        raise Contract(f"stdout is not one JSON document: {error}\n{stdout}")
    if not isinstance(doc, dict):
        raise Contract(f"stdout is not an object: {stdout}")
    return doc


def judge(verb, done, version):
    """The result of a finished call, or CniError; Contract where it broke the rules.

    A failure is an error object on stdout and an exit status that is not 0. A success
    is exit 0: a result for ADD and VERSION, nothing at all for the others; and nothing
    on stderr.
    """
    where = f"{verb}: exit {done.returncode}\nstdout: {done.stdout}stderr: {done.stderr}"
    if done.returncode < 0:
        raise Contract("killed by a signal: " + where)
    if "Sanitizer" in done.stderr or "runtime error" in done.stderr:
        raise Contract("sanitizer: " + where)
    doc = one_document(done.stdout)
    if done.returncode != 0:
        if not doc or not {"cniVersion", "code", "msg"} <= doc.keys():
            raise Contract("failed without an error object: " + where)
        if doc["code"] <= 0 or not doc["msg"]:
            raise Contract("an error without code or message: " + where)
        if version in VERSIONS and doc["cniVersion"] != version:
            raise Contract(f"not answered in version {version}: " + where)
        raise CniError(doc, done.stderr)
    if doc and "code" in doc:
        raise Contract("an error object, but exit 0: " + where)
    if verb in ("ADD", "VERSION"):
        if not doc:
            raise Contract("no result: " + where)
        if version in VERSIONS and doc.get("cniVersion") != version:
            raise Contract(f"not answered in version {version}: " + where)
    elif doc is not None:
        raise Contract("prints something: " + where)
    if done.stderr:
        raise Contract("success with words on stderr: " + where)
    return doc


def environment(verb, **values):
    """The CNI_* environment; None leaves a variable out.

    Only PATH and what sanitizers look at comes from the test's own environment.
    """
    env = {k: v for k, v in os.environ.items()
           if k == "PATH" or k.endswith("SAN_OPTIONS")}
    env["CNI_COMMAND"] = verb
    env.update(values)
    return {k: v for k, v in env.items() if v is not None}


def stdin_of(conf):
    """Configurations are dictionaries; text and bytes go to stdin as they are."""
    return json.dumps(conf) if isinstance(conf, dict) else conf


def version_of(conf):
    """The version that the answer must have; None where the test has to know."""
    return conf.get("cniVersion", "0.1.0") if isinstance(conf, dict) else None


# LeakSanitizer can't work in a traced process.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}


def strace(trace, calls, *options):
    """A wrapper that writes these system calls to a file; wants TRACED in env."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    return ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={calls}", *options]


def polls(trace):
    """(limit in milliseconds, was it reached?) of each wait, of a trace that has the calls poll()."""
    return [(int(limit), result == "0") for limit, result in
            re.findall(r"poll\(.*, (\d+)\) += (-?\d+)", pathlib.Path(trace).read_text())]
