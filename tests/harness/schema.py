# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds a document against a JSON schema, as far as this tree's schemas go."""

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
         "integer": int, "number": (int, float)}
SAY_NOTHING = {"$schema", "$comment", "$defs", "title", "description"}


def _is_of(value, name):
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name])


def errors_of(value, schema, root=None, path="$"):
    """A line for each place where `value` isn't as `schema` says. A keyword that is unknown
    here is an error of the test."""
    root = root or schema
    rest = dict(schema)
    for key in SAY_NOTHING:
        rest.pop(key, None)
    found = []
    if "$ref" in rest:
        found += errors_of(value, root["$defs"][rest.pop("$ref").removeprefix("#/$defs/")],
                           root, path)
    if "anyOf" in rest:
        tries = [errors_of(value, one, root, path) for one in rest.pop("anyOf")]
        if all(tries):
            found += min(tries, key=len)
    kinds = rest.pop("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is_of(value, kind) for kind in kinds):
        return [*found, f"{path}: {value!r} is none of {kinds}"]
    if "enum" in rest and value not in rest.pop("enum"):
        found.append(f"{path}: {value!r} is none of {schema['enum']}")
    rest.pop("enum", None)
    least = rest.pop("minimum", None)
    if least is not None and value is not None and value < least:
        found.append(f"{path}: {value} is less than {least}")
    items = rest.pop("items", None)
    for number, item in enumerate(value if items and isinstance(value, list) else []):
        found += errors_of(item, items, root, f"{path}[{number}]")
    properties, more = rest.pop("properties", {}), rest.pop("additionalProperties", True)
    for key in rest.pop("required", []):
        if key not in value:
            found.append(f"{path}: {key} is missing")
    for key, item in value.items() if isinstance(value, dict) else []:
        if key in properties:
            found += errors_of(item, properties[key], root, f"{path}.{key}")
        elif more is False:
            found.append(f"{path}: {key} is not in the schema")
        elif more is not True:
            found += errors_of(item, more, root, f"{path}.{key}")
    assert not rest, f"{path}: this test knows no {sorted(rest)}"
    return found
