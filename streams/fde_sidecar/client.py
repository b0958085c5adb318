"""The Kafka client settings in a file: security.protocol, sasl.*, ssl.*. A file that cannot be used is never passed over.

It is read whenever a connection is about to be made, so that a Secret which is mounted or mended later is seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from fde_events.errors import BadInput


def read_client_settings(path: Path) -> dict[str, Any]:
    """The settings. :class:`BadInput` says why not, and nothing of what stands in the file: there are secrets in it."""
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(str(path), "is not YAML in UTF-8", line=mark.line + 1 if mark else None) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(str(path), "is no mapping of client settings (security.protocol: SASL_SSL, ...)")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, (str, int, float, bool)):
            raise BadInput(str(path), "maps names to single values, one of them is none")
    return found
