# SPDX-License-Identifier: GPL-2.0-or-later
"""Whom each frame of frames.py reaches, in each mode; and the table of that in a document.
"""
import os
import random
import struct

import pytest

import document
from attack import MODES, Cluster, in_all_modes, scene
from frames import BEHIND, FRAMES, NOTHING, SPOOF, Part, Row
from harness.waiting import wait_for
from maker import Maker, final_frame

def wanted(row, mode):
    """The letters of the places that the frame may reach."""
    if row.stopped and row.stopped in mode.stops:
        return ""
    if mode.quiet and row.quiet is not None:
        return row.quiet
    # Isolated pods are known by their addresses where they go by the node.
    by_the_node = row.through and (mode.routed or row.unknown)
    return row.to.replace("P", "") if mode.isolated and not by_the_node else row.to


def made(row, here, number):
    frames = row.make(Maker(here, number))
    return [bytes(frame) for frame in (frames if isinstance(frames, list) else [frames])]


def reached(here, table=FRAMES):
    """Row -> the letters of the places where its frames arrived."""
    rows = [row for row in table if isinstance(row, Row)]
    batch = [made(row, here, number) for number, row in enumerate(rows, 1)]
    # What is routed comes to the node's bridge in any case: that tells nothing.
    return {row: letters.replace("N", "") if row.through else letters
            for row, letters in zip(rows, here.arrived(batch, final_frame(here)))}


@pytest.fixture(scope="module")
def all_modes(tmp_path_factory):
    """Name of the mode -> what reached() gives in it."""

    def both(mode, directory):
        with scene(directory, mode) as here:
            found = reached(here)
        with scene(directory, mode, Cluster) as here:
            return {**found, **reached(here, BEHIND)}

    return in_all_modes(both, tmp_path_factory)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_frames_reach_whom_they_may(all_modes, mode):
    wrong = [f"{row.name}: reached {letters or 'nobody'}, wanted {wanted(row, mode) or 'nobody'}"
             for row, letters in all_modes[mode.name].items() if letters != wanted(row, mode)]
    assert not wrong, "\n".join(wrong)


def test_the_document_has_this_table(all_modes):
    parts = []
    for row in [*FRAMES, *BEHIND]:
        if isinstance(row, Part):
            parts.append((row.title, []))
        else:
            parts[-1][1].append((row.name, [" ".join(all_modes[mode.name][row]) or "–"
                                            for mode in MODES]))
    document.hold("frames", document.table([mode.name for mode in MODES], parts))


# -- what else may be in a frame's way, or not


SPOOF_CHECK = next(mode for mode in MODES if mode.name == "spoofCheck")
GUARDED = [mode for mode in MODES if mode.stops]


def mistaken(here):
    """The rows that a check stops and that arrived, or that a pod may send and that did not."""
    return [f"{row.name}: reached {letters or 'nobody'}" for row, letters in reached(here).items()
            if (letters if row.stopped in here.mode.stops
                else row.stopped == NOTHING and wanted(row, here.mode) and not letters)]


@pytest.mark.parametrize("mode", [mode for mode in GUARDED if not mode.routed],
                         ids=lambda mode: mode.name)
def test_checks_hold_with_bridge_nf(tmp_path, mode):
    """With bridge-nf-call-iptables connection tracking puts fragments together on the bridge."""
    with scene(tmp_path, mode, bridge_nf=True) as here:
        assert not (wrong := mistaken(here)), "\n".join(wrong)


@pytest.mark.parametrize("mode", GUARDED, ids=lambda mode: mode.name)
def test_checks_hold_without_connection_tracking(tmp_path, mode):
    """Nothing is masqueraded then: what may leave does so with the pod's own address."""
    with scene(tmp_path, mode) as here:
        here.node.nft("""
            table inet without {
                chain first { type filter hook prerouting priority raw; notrack; }
            }""")
        assert not (wrong := mistaken(here)), "\n".join(wrong)


def test_a_BPDU_reaches_the_node_where_the_bridge_has_spanning_tree_on(tmp_path):
    """The bridge hands it on without a look at any rule."""
    with scene(tmp_path, SPOOF_CHECK) as here:
        here.node.ip("link set cni0 type bridge stp_state 1")
        bpdu = next(row for row in FRAMES if isinstance(row, Row) and "BPDU" in row.name)
        with here.listening() as heard:
            here.send(made(bpdu, here, 1))
            wait_for(lambda: ("N", 1) in heard())


# -- at random behind headers, in fragments, in tags


HEADERS = {0: b"\0\1\4\0\0\0\0", 60: b"\0\1\4\0\0\0\0", 43: b"\0\4\0\0\0\0\0",
           44: b"\0\0\0same"}  # without the first byte, the kind of what follows
TAGS = [b"", b"\x81\0\0\0", b"\x88\xa8\0\0", b"\x81\0\0\7\x81\0\0\0"]


def disguised(frame, number, rng):
    """The frame's IPv6 packet in frames that a host takes for the same."""
    ether, head, payload, kind = frame[:12], frame[18:54], frame[54:], frame[20]
    word = struct.unpack("!I", frame[14:18])[0] & ~0xFFF | number  # the number: attack.number_of()
    for _ in range(rng.randrange(5)):
        first = rng.choice(list(HEADERS))
        payload, kind = bytes([kind]) + HEADERS[first] + payload, first
    parts = [payload]
    if len(payload) > 8 and rng.randrange(2):
        at = 8 * rng.randrange(1, (len(payload) + 7) // 8)
        parts = [struct.pack("!BBH", kind, 0, offset | more) + b"frag" + data
                 for offset, more, data in ((0, 1, payload[:at]), (at, 0, payload[at:]))]
        kind = 44
    tag = rng.choice(TAGS) if rng.randrange(4) == 0 else b""
    return [ether + tag + b"\x86\xdd" + struct.pack("!IHB", word, len(part), kind) + head[3:] + part
            for part in parts]


def disguises(here, rng):
    """(row, frames) of many of those that spoofCheck stops."""
    found = [(row, frame) for row in FRAMES if isinstance(row, Row) and row.stopped == SPOOF
             for frame in made(row, here, 0) if frame[12:14] == b"\x86\xdd" and frame[20] != 44]
    for number in range(1, 4000):
        row, frame = rng.choice(found)
        yield row, disguised(frame, number, rng)


@pytest.mark.parametrize("mode", [MODES[0], SPOOF_CHECK], ids=lambda mode: mode.name)
def test_no_disguise_helps(tmp_path, mode):
    """GUARD_SEED in the environment repeats the frames that a failure names."""
    seed = os.environ.get("GUARD_SEED") or str(random.randrange(1 << 32))
    with scene(tmp_path, mode) as here:
        found = list(disguises(here, random.Random(seed)))
        arrived = here.arrived([frames for _, frames in found], final_frame(here))
        passed = [(row.name, b" ".join(frames).hex()) for (row, frames), letters
                  in zip(found, arrived) if letters]
        if mode.stops:
            assert not passed, f"GUARD_SEED={seed}"
        else:  # the control
            assert len(passed) > len(found) / 2
