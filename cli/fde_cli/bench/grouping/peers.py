"""The peers: what one would reach for first. Each reads type and message of the root cause, as fde does, and groups those.

* Drain3 (logpai; IBM's streaming Drain) with typed masks, over "type message";
* HDBSCAN (Campello 2013, McInnes 2017) over TF-IDF vectors of the same texts;
* the usual key: type of the root cause and its masked message.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Hashable, Sequence
from typing import Any, Final

from fde_events.event import ErrorEvent
from fde_streams.evidence import chain_of

MASKS: Final = tuple(
    (re.compile(pattern), token)
    for pattern, token in (
        (r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+Z?)?", "<time>"),
        (r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", "<uuid>"),
        (r"[a-z]+://[^\s'\",)]+", "<url>"),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "<email>"),
        (r"0x[0-9a-fA-F]+", "<hex>"),
        (r"'[^'\n]{0,120}'|\"[^\"\n]{0,120}\"|`[^`\n]{0,120}`", "<quoted>"),
        (r"\b[\w-]+(?:\.[\w-]+){2,}\b", "<host>"),
        (r"\b(?=[A-Za-z_-]*\d)[\w-]{6,}\b", "<id>"),
        (r"\d+", "<number>"),
    )
)


def texts(events: Sequence[ErrorEvent]) -> list[str]:
    """Type and masked message of each event's root cause."""
    found = []
    for event in events:
        root = chain_of(event)[0]
        message = root.message
        for pattern, token in MASKS:
            message = pattern.sub(token, message)
        found.append(f"{root.type} {' '.join(message.split())[:400]}")
    return found


def key(events: Sequence[ErrorEvent]) -> list[Hashable]:
    """The text itself is the group."""
    return list(texts(events))


def drain(events: Sequence[ErrorEvent]) -> list[Hashable]:
    """Drain3 with its defaults (similarity .4, depth 4)."""
    mine = miner()
    return [mine.add_log_message(text or "-")["cluster_id"] for text in texts(events)]


def miner() -> Any:
    """A Drain3 with its defaults and nothing written anywhere."""
    from drain3 import TemplateMiner  # type: ignore[import-untyped]
    from drain3.template_miner_config import TemplateMinerConfig  # type: ignore[import-untyped]

    logging.getLogger("drain3").setLevel(logging.WARNING)
    config: Any = TemplateMinerConfig()
    config.profiling_enabled = False
    return TemplateMiner(config=config)


def density(events: Sequence[ErrorEvent]) -> list[Hashable]:
    """HDBSCAN of 50 dimensions of TF-IDF; what it calls noise stays alone."""
    from hdbscan import HDBSCAN  # type: ignore[import-untyped]
    from sklearn.decomposition import TruncatedSVD  # type: ignore[import-untyped]
    from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
    from sklearn.preprocessing import normalize  # type: ignore[import-untyped]

    said = texts(events)
    distinct = list(dict.fromkeys(said))
    vectors = TfidfVectorizer(token_pattern=r"[A-Za-z]{2,}").fit_transform(distinct)  # noqa: S106
    reduced = normalize(TruncatedSVD(min(50, vectors.shape[1] - 1), random_state=0).fit_transform(vectors))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = HDBSCAN(min_cluster_size=2, min_samples=1).fit_predict(reduced)
    group = {text: (f"noise {text}" if label < 0 else int(label)) for text, label in zip(distinct, labels, strict=True)}
    return [group[text] for text in said]
