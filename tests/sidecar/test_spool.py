"""The spool: what was committed is there after a crash, torn tails are cut, segments go when acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest

from fde_events.errors import Unavailable
from fde_sidecar.spool import Entry, Place, Position, Spool, Withheld


def an_entry(sequence: int, **changes: object) -> Entry:
    values: dict[str, object] = {
        "epoch": "e1",
        "sequence": sequence,
        "events": 2,
        "time": "2026-10-10T00:00:00.000Z",
        "value": b"x" * 100,
        "positions": [Position("app.log", 1, 2, "abcd", 4, sequence * 10, sequence)],
    }
    return Entry(**{**values, **changes})  # type: ignore[arg-type]


def sequences(spool: Spool) -> list[int]:
    return [entry.sequence for _, _, entry in spool.read(spool.cursor, 10**9) if entry.value is not None]


def test_entries_and_positions_are_there_after_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    for sequence in range(5):
        spool.append(an_entry(sequence))
    spool.close()
    again = Spool(tmp_path / "s")
    assert sequences(again) == [0, 1, 2, 3, 4]
    assert again.state.positions[(1, 2)].offset == 40
    assert (again.state.epochs["e1"].highest, again.state.epochs["e1"].events) == (4, 10)
    again.close()


@pytest.mark.parametrize("kept", [1, 7, 8, 9, 30])
def test_a_torn_last_entry_is_cut_off_and_writing_goes_on(tmp_path: Path, kept: int) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(an_entry(0))
    spool.commit()
    whole = spool.end.offset
    spool.append(an_entry(1))
    spool.close()
    (segment,) = (tmp_path / "s").glob("segment-*.wal")
    segment.write_bytes(segment.read_bytes()[: whole + kept])
    again = Spool(tmp_path / "s")
    assert again.torn_bytes == kept
    again.append(an_entry(1))
    again.commit()
    assert sequences(again) == [0, 1]
    again.close()


def test_a_flipped_bit_costs_one_entry_and_not_those_behind_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    for sequence in range(3):
        spool.append(an_entry(sequence))
    spool.close()
    (segment,) = (tmp_path / "s").glob("segment-*.wal")
    raw = bytearray(segment.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    segment.write_bytes(bytes(raw))
    again = Spool(tmp_path / "s")
    assert sequences(again) == [0, 2]
    assert again.damaged_bytes > 0
    again.close()


def test_acknowledged_segments_go_and_what_must_outlive_them_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", segment_bytes=500)
    spool.append(an_entry(0, withheld=[Withheld("shape", 3, b"{}")], dropped={"cut-bytes": 5}))
    for sequence in range(1, 20):
        spool.append(an_entry(sequence))
    spool.commit()
    assert len(list((tmp_path / "s").glob("segment-*.wal"))) > 3
    spool.acknowledge(spool.end)
    assert len(list((tmp_path / "s").glob("segment-*.wal"))) <= 2
    spool.close()
    again = Spool(tmp_path / "s", segment_bytes=500)
    assert sequences(again) == []
    assert again.state.positions[(1, 2)].offset == 190
    assert again.state.withheld["shape"].count == 3
    assert (again.state.epochs["e1"].highest, again.state.epochs["e1"].dropped) == (19, {"cut-bytes": 5})
    again.close()


def test_a_lost_cursor_repeats_records_under_the_same_sequence(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    for sequence in range(3):
        spool.append(an_entry(sequence))
    spool.commit()
    after = next(after for _, after, entry in spool.read(spool.cursor, 10**9) if entry.value is not None)
    spool.acknowledge(after)
    assert sequences(spool) == [1, 2]
    spool.close()
    (tmp_path / "s" / "cursor.json").unlink()
    again = Spool(tmp_path / "s")
    assert sequences(again) == [0, 1, 2]
    again.close()


def test_errors_are_kept_longest_when_the_cap_is_near(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", cap_bytes=1000)
    admitted = []
    for sequence in range(12):
        admitted.append((spool.admits("error"), spool.admits("rate_limit")))
        spool.append(an_entry(sequence))
    assert admitted[0] == (True, True)
    assert (True, False) in admitted
    assert admitted[-1] == (False, False)
    assert admitted == sorted(admitted, reverse=True)
    spool.close()


def test_a_second_sidecar_on_the_same_spool_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    with pytest.raises(Unavailable, match="another sidecar"):
        Spool(tmp_path / "s")
    spool.close()
    Spool(tmp_path / "s").close()


def test_places_are_ordered_by_segment_then_byte() -> None:
    assert Place(1, 900) < Place(2, 0) < Place(2, 1)
