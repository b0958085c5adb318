"""The primitive's files for one deployment: those without secrets as bytes, those with secrets as a job for the pod.

template, Values -> Files -> ConfigMaps, named by the digest of what they hold and immutable
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fde_api.meta import canonical
from fde_api.primitive import PrimitiveSpec, Template, TemplateFile
from fde_operator.cluster import Manifest
from fde_operator.errors import Held
from fde_operator.parameters import REASON, Values

MAX_BYTES: Final = 900_000  # of file content in one ConfigMap; the API server's cap is 1 MiB with everything
_STAND_IN: Final = "secret"  # checks the other values of a file; never written anywhere


@dataclass(frozen=True, slots=True)
class Files:
    """`plain` by path. `job`: what the pod renders, as JSON documents by name; empty when no file holds a secret.

    `secrets`: the parameters whose Secrets those files need.
    """

    plain: Mapping[str, bytes]
    job: Mapping[str, bytes] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` over paths and contents of both."""
        listed = {
            "plain": {path: hashlib.sha256(data).hexdigest() for path, data in self.plain.items()},
            "job": {name: hashlib.sha256(data).hexdigest() for name, data in self.job.items()},
        }
        return "sha256:" + hashlib.sha256(canonical(listed)).hexdigest()


def rendered(spec: PrimitiveSpec, values: Values) -> Files:
    """Render what needs no secret; check, and leave to the pod, what does. Refusals are Held, naming the parameter."""
    from fde_template.errors import TemplateError
    from fde_template.render import render_all

    secret_names = {parameter.name for parameter in spec.parameters if parameter.type == "secretRef"}
    with_secret = tuple(file for file in spec.template.files if parameters_of([file]) & secret_names)
    without = tuple(file for file in spec.template.files if file not in with_secret)
    stand_ins = {name: _STAND_IN for name in secret_names}
    try:
        plain = render_all(Template(files=without), values.plain, spec.parameters)
        render_all(Template(files=with_secret), values.plain, spec.parameters, secrets=stand_ins)
    except TemplateError as refused:
        raise Held(REASON, str(refused)) from refused
    if (size := sum(map(len, plain.values()))) > MAX_BYTES:
        raise Held("FilesTooLarge", f"the rendered files have {size} bytes; a ConfigMap holds {MAX_BYTES}")
    if not with_secret:
        return Files(plain)
    job = {
        "template.json": msgspec.json.encode(Template(files=with_secret)),
        "parameters.json": msgspec.json.encode(spec.parameters),
        "values.json": msgspec.json.encode(values.plain, order="deterministic"),
    }
    return Files(plain, job, frozenset(values.secrets) & parameters_of(with_secret))


def parameters_of(files: Iterable[TemplateFile]) -> frozenset[str]:
    """The parameters that `files` name: in holes, as flags and as lists."""
    from fde_template.structure import named

    return frozenset().union(*map(named, files))


def keys(paths: Mapping[str, bytes]) -> dict[str, str]:
    """A ConfigMap key for each path: the path itself where it may be one, else with ``__`` for ``/``, made unique."""
    found: dict[str, str] = {}
    for path in sorted(paths):
        key = path.replace("/", "__")
        while key in found.values():
            key += "_"
        found[path] = key
    return found


def config_map(
    name: str, documents: Mapping[str, bytes], metadata: Mapping[str, Any], *, immutable: bool = True
) -> Manifest:
    """A ConfigMap of exactly these bytes: text where it is UTF-8, binaryData where it is not.

    One that is not `immutable` may change under the pods that mount it.
    """
    named = keys(documents)
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for path, data in documents.items():
        try:
            text[named[path]] = data.decode("utf-8")
        except UnicodeDecodeError:
            binary[named[path]] = base64.b64encode(data).decode()
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, "name": name},
        **({"immutable": True} if immutable else {}),
        "data": text,
        "binaryData": binary,
    }
    return {key: value for key, value in manifest.items() if value != {}}


def digest_suffix(documents: Mapping[str, bytes]) -> str:
    """10 hex digits that change with any byte or path."""
    return hashlib.sha256(canonical({k: hashlib.sha256(v).hexdigest() for k, v in documents.items()})).hexdigest()[:10]
