# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON merge patches (RFC 7386) of a Node's annotations, the only ones that the tests' API server
takes."""
CONTENT_TYPE = "application/merge-patch+json"


def merged(old, changes):
    """Annotations with some set to a text, and others, whose change is None, away."""
    return {name: text for name, text in {**old, **changes}.items() if text is not None}


def annotations_of(patch):
    """The changes that a merge patch makes, or ValueError where it is of anything else."""
    changes = patch.get("metadata", {}).get("annotations") if isinstance(patch, dict) else None
    if not isinstance(changes, dict) or patch != {"metadata": {"annotations": changes}}:
        raise ValueError("only metadata.annotations can be patched")
    for name, text in changes.items():
        if not isinstance(text, str | None):
            raise ValueError(f"metadata.annotations.{name}: a string or null is wanted")
    return changes
