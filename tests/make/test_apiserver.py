# SPDX-License-Identifier: GPL-2.0-or-later
"""The stand-in for the API server patches annotations as the real one does."""
import http.client
import json
import ssl

import pytest

from harness import apiserver, merge_patch, netns

NAME = "node.one"
GIVEN = {"example.com/kept": "1", "example.com/removed": "2"}


@pytest.fixture
def api(tmp_path):
    net_fd, mnt_fd = netns.new_machine({})
    namespace = netns.Namespace(net_fd, mnt_fd, "api")
    namespace.up("lo")
    api = apiserver.ApiServer(namespace, "127.0.0.1", tmp_path)
    api.put(NAME, ["10.244.1.0/24"], ["192.0.2.11"], annotations=GIVEN)
    api.start()
    yield api
    api.stop()
    namespace.close()


def request(api, method, path, body=None, kind=merge_patch.CONTENT_TYPE, token=apiserver.TOKEN):
    """The answer's status, and its lines as objects."""
    context = ssl.create_default_context(cafile=api.ca_file)

    def talk():
        connection = http.client.HTTPSConnection(api.address, api.port, context=context, timeout=10)
        connection.request(method, path, body, {"Content-Type": kind,
                                                "Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, [json.loads(line) for line in answer.read().splitlines()]

    return api.ns.call(talk)


def patch(api, annotations, name=NAME, **kw):
    body = json.dumps({"metadata": {"annotations": annotations}})
    status, (answer,) = request(api, "PATCH", f"/api/v1/nodes/{name}", body, **kw)
    return status, answer


def test_a_patch_sets_and_removes_annotations_and_each_watch_hears_of_it(api):
    version = api.version
    status, node = patch(api, {"example.com/new": "3", "example.com/removed": None})
    wanted = {"example.com/kept": "1", "example.com/new": "3"}
    assert status == 200 and node["metadata"]["resourceVersion"] == str(version + 1)
    assert api.annotations(NAME) == wanted
    status, events = request(api, "GET", "/api/v1/nodes?watch=true&timeoutSeconds=0"
                             f"&resourceVersion={version}")
    assert [event["type"] for event in events] == ["MODIFIED"]
    assert events[0]["object"] == node and wanted.items() <= node["metadata"]["annotations"].items()
    assert node["spec"]["podCIDR"] == "10.244.1.0/24"
    assert [(name, body) for _, name, body in api.patches] == [(NAME, {"metadata": {
        "annotations": {"example.com/new": "3", "example.com/removed": None}}})]


def test_a_patch_that_changes_nothing_makes_no_version(api):
    version = api.version
    assert patch(api, {"example.com/kept": "1", "example.com/absent": None})[0] == 200
    assert api.version == version and len(api.patches) == 1


def test_who_may_not_patch_is_told_so_and_nothing_changes(api):
    api.refuse_patch = apiserver.FORBIDDEN
    status, answer = patch(api, {"example.com/kept": "9"})
    assert (status, answer["kind"], answer["code"]) == (403, "Status", 403)
    assert answer["reason"] == "Forbidden" and "cannot patch" in answer["message"]
    assert api.annotations(NAME) == GIVEN and len(api.patches) == 1
    api.refuse_patch = None
    assert patch(api, {"example.com/kept": "9"})[0] == 200


@pytest.mark.parametrize("status, more", [
    (401, {"token": "wrong"}), (404, {"name": "absent"}), (415, {"kind": "application/json"})])
def test_a_patch_that_the_real_one_refuses_is_refused(api, status, more):
    assert patch(api, {"example.com/kept": "9"}, **more)[0] == status
    assert api.annotations(NAME) == GIVEN


@pytest.mark.parametrize("body", [
    {"metadata": {"labels": {"a": "b"}, "annotations": {}}}, {"metadata": {"annotations": None}},
    {"metadata": {"annotations": {"example.com/kept": 9}}}, {"spec": {"podCIDR": "10.0.0.0/8"}}, []])
def test_a_patch_of_anything_else_is_refused(api, body):
    status, (answer,) = request(api, "PATCH", f"/api/v1/nodes/{NAME}", json.dumps(body))
    assert (status, answer["reason"]) == (422, "Invalid") and api.annotations(NAME) == GIVEN


def test_a_Node_that_is_put_again_keeps_its_annotations_unless_others_are_given(api):
    api.put(NAME, ["10.244.7.0/24"], ["192.0.2.11"])
    assert api.annotations(NAME) == GIVEN
    api.put(NAME, ["10.244.7.0/24"], ["192.0.2.11"], annotations={})
    assert api.annotations(NAME) == {}
