"""What every resource has: metadata, conditions, and the digest of a spec."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Annotated, Any, Final, Literal

import msgspec

GROUP: Final = "fde.io"
API_VERSION: Final = "fde.io/v1"

Name63 = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
SemVer = Annotated[
    str,
    msgspec.Meta(pattern=r"^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9a-z.-]+)?$", max_length=63),
]
Digest = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
Text = Annotated[str, msgspec.Meta(max_length=253)]
Time = Annotated[str, msgspec.Meta(max_length=64)]  # RFC 3339, or empty when not known


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Base of every part of a spec: camel case on the wire, defaults left out, a field nobody knows is refused."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The part of ObjectMeta we read and write. Unknown fields are ignored on reading."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    generation: int | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()


class Condition(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A Kubernetes condition (KEP-1623)."""

    type: Annotated[str, msgspec.Meta(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    message: Annotated[str, msgspec.Meta(max_length=32768)] = ""
    observed_generation: int = 0
    last_transition_time: str = ""


def manifest(resource: Any) -> dict[str, Any]:
    """`resource` as the mapping people and API servers read: apiVersion and kind first."""
    body: dict[str, Any] = msgspec.to_builtins(resource)
    return {"apiVersion": API_VERSION, "kind": resource.kind, **body}


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no optional white space: equal values give equal bytes.

    A field that has its default's value is left out whoever filled it in: an API server writes defaults and turns 1.0 into 1.
    """
    return msgspec.json.encode(_plain(value), order="deterministic")


def digest_of(value: Any) -> str:
    """``sha256:<hex>`` over :func:`canonical`."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: Any) -> Any:
    # msgspec leaves a default out when it is the very same object, not when it is equal.
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        found = {} if config.tag is None else {config.tag_field: config.tag}
        for name, encoded, default in _fields(type(value)):
            given = getattr(value, name)
            if not config.omit_defaults or given != default:
                found[encoded] = _plain(given)
        return found
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return msgspec.to_builtins(value)


@cache
def _fields(model: type[msgspec.Struct]) -> tuple[tuple[str, str, Any], ...]:
    """(name, name on the wire, default) of each field; a field without a default has none that anything equals."""
    found = []
    for field in msgspec.structs.fields(model):
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        found.append((field.name, field.encode_name, default))
    return tuple(found)
