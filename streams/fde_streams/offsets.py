"""What the broker says of many partitions at once, where one that it does not know hides nothing of the others."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

_ASK_S: Final = 5.0


def offsets(admin: AdminClient, places: Iterable[tuple[str, int]], what: OffsetSpec) -> dict[tuple[str, int], int]:
    """The first or the end offset of each (topic, partition) that the broker could tell, in one request.

    A topic deleted a moment ago, or a partition whose leader is away, is left out; with the broker away, all are.
    """
    wanted = {TopicPartition(*place): what for place in places}
    if not wanted:
        return {}
    until = time.monotonic() + _ASK_S + 1
    try:
        futures = admin.list_offsets(wanted, request_timeout=_ASK_S)
    except KafkaException:
        return {}
    told = {}
    for tp, future in futures.items():
        try:
            told[tp.topic, tp.partition] = future.result(max(0.0, until - time.monotonic())).offset
        except (KafkaException, TimeoutError):
            continue
    return told
