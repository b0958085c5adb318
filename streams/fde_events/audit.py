"""An audited act: who looked at or changed what only some may, and what for."""

from __future__ import annotations

import msgspec


class Audit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="audit.v1"):
    """On `fde-engine.audit`, keyed by `who`. `what`: e.g. ``evidence.read``; `of`: its digest or name; `why`: the purpose.

    Written before the act: an act that cannot be audited does not happen. `at`: RFC 3339.
    """

    at: str
    who: str
    what: str
    of: str
    why: str = ""
