"""Every store is in the one table, and what the programs do by default is what the table says."""

from __future__ import annotations

from fde_events.retention import BUNDLES, EGRESS_LOG, SPOOL, STORES
from fde_sidecar import bundle_sink, egress, spool


def test_programs_keep_what_the_table_says() -> None:
    assert spool.DEFAULT_CAP_BYTES == SPOOL.cap_bytes
    assert (egress.RETENTION_DAYS, egress.CAP_BYTES) == (EGRESS_LOG.days, EGRESS_LOG.cap_bytes)
    assert bundle_sink.CAP_BYTES == BUNDLES.cap_bytes


def test_nothing_is_kept_without_a_bound() -> None:
    for store in STORES:
        assert store.cap_bytes > 0
        assert store.ends
