"""The primitive's files for one deployment: those without secrets as bytes, those with secrets as a job for the pod.

template, Values -> Files -> ConfigMaps, named by the digest of what they hold and immutable
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec

from fde_api.meta import canonical
from fde_api.primitive import PrimitiveSpec, Template, TemplateFile
from fde_operator.cluster import Manifest
from fde_operator.errors import Held
from fde_operator.parameters import Values, refused

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
MAX_BYTES: Final = 900_000  # of file content in one ConfigMap; the API server's cap is 1 MiB with everything
_KEY_LENGTH: Final = 253
_STAND_IN: Final = "secret"  # checks the other values of a file; never written anywhere


@dataclass(frozen=True, slots=True)
class Files:
    """`plain` by path. `job`: what the pod renders, as JSON documents by name; empty when nothing holds a secret.

    `secrets`: the parameters whose values the job needs. `environment`: the env variables it writes, and from which parameter.
    """

    plain: Mapping[str, bytes]
    job: Mapping[str, bytes] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` over paths and contents of both."""
        listed = {
            "plain": {path: hashlib.sha256(data).hexdigest() for path, data in self.plain.items()},
            "job": {name: hashlib.sha256(data).hexdigest() for name, data in self.job.items()},
        }
        return "sha256:" + hashlib.sha256(canonical(listed)).hexdigest()


def rendered(spec: PrimitiveSpec, values: Values, environment: Mapping[str, str] = _NOTHING) -> Files:
    """Render what needs no secret; check, and leave to the pod, what does. `environment`: the pod's job too.

    :class:`Held` names every file that cannot be rendered, and the parameter.
    """
    secret_names = {parameter.name for parameter in spec.parameters if parameter.type == "secretRef"}
    with_secret = tuple(file for file in spec.template.files if parameters_of([file]) & secret_names)
    plain = _rendered(spec, values, secret_names)
    for file in with_secret:
        del plain[file.path]
    _bounded("the rendered files", plain, spec.template)
    if not with_secret and not environment:
        return Files(plain)
    job = {
        "template.json": msgspec.json.encode(Template(files=with_secret)),
        "parameters.json": msgspec.json.encode(spec.parameters),
        "values.json": msgspec.json.encode(values.plain, order="deterministic"),
    }
    if environment:
        job["environment.json"] = msgspec.json.encode(dict(environment), order="deterministic")
    _bounded("the templates of files with secrets, with all values,", job, spec.template)
    needed = values.hidden & (parameters_of(with_secret) | frozenset(environment.values()))
    return Files(plain, job, needed, dict(environment))


def _rendered(spec: PrimitiveSpec, values: Values, secret_names: Iterable[str]) -> dict[str, bytes]:
    """Every file, those with secrets with a stand-in."""
    from fde_template.errors import RenderRefused, TemplateError
    from fde_template.render import refusals, render

    declared = {parameter.name for parameter in spec.parameters}
    found: dict[str, bytes] = {}
    blamed: list[str] = []
    broken: list[str] = []
    for file in spec.template.files:
        inside = parameters_of([file])
        stand_ins = {name: _STAND_IN for name in secret_names if name in inside}
        try:
            found[file.path] = render(file, values.plain, spec.parameters, secrets=stand_ins)
        except TemplateError:
            for error in refusals(file, values.plain, spec.parameters, secrets=stand_ins):
                said = str(error)
                told = said if said.startswith(file.path) else f"{file.path}: {said}"
                names = error.parameters if isinstance(error, RenderRefused) else ()
                (blamed if names and declared.issuperset(names) else broken).append(told)
        except (ValueError, LookupError, RecursionError) as error:
            # A template that came by another way than review: what it lacks, not what it was given.
            broken.append(f"{file.path}: {type(error).__name__}")
    if broken:
        told = "; ".join([*broken, *blamed])
        raise Held("TemplateInvalid", f"the primitive's template cannot be rendered: {told}. Publish a mended version")
    if blamed:
        raise refused(blamed)
    return found


def _bounded(what: str, documents: Mapping[str, bytes], template: Template) -> None:
    if (size := sum(map(len, documents.values()))) > MAX_BYTES:
        own = sum(len((one.text or "").encode()) for file in template.files for one in file.segments)
        reason, advice = "FilesTooLarge", "give smaller values, or have the program fetch what is large"
        if own > MAX_BYTES:
            reason, advice = "TemplateTooLarge", "the template alone is larger: publish a smaller version"
        largest = max(documents, key=lambda path: len(documents[path]))
        raise Held(
            reason,
            f"{what} have {size} bytes, most of them {largest} ({len(documents[largest])}); a ConfigMap holds {MAX_BYTES}: "
            f"{advice}",
        )


def parameters_of(files: Iterable[TemplateFile]) -> frozenset[str]:
    """The parameters that `files` name: in holes, as flags and as lists."""
    from fde_template.structure import named

    return frozenset().union(*map(named, files))


def keys(paths: Mapping[str, bytes]) -> dict[str, str]:
    """A ConfigMap key for each path: the path itself where it may be one, else with ``__`` for ``/``, made unique."""
    found: dict[str, str] = {}
    for path in sorted(paths):
        key = path.replace("/", "__")
        if len(key) > _KEY_LENGTH - 8:  # room for what makes it unique
            key = key[: _KEY_LENGTH - 80] + "-" + hashlib.sha256(path.encode()).hexdigest()
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
