"""Our side: the abstraction engine, called as `fde abstract`, `fde instantiate` and `fde fit` call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fde_api.errors import ApiError
from fde_api.meta import Metadata, manifest
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec
from fde_cli.bench.abstraction.side import Declared, Refusal
from fde_events.errors import FdeError
from fde_extraction.abstract import Sibling
from fde_extraction.document import dump
from fde_extraction.region_abstraction import abstract_or_regions
from fde_template.errors import DoesNotFit, TemplateError
from fde_template.fit import fit_all
from fde_template.region import fit_regions, is_regions, joined
from fde_template.render import render_all

TOO_LITTLE = 3  # the exit code of input that cannot be used


@dataclass(frozen=True, slots=True)
class EngineMade:
    """A primitive, as its manifest says it, and the siblings' bindings."""

    spec: PrimitiveSpec
    document: Mapping[str, Any]
    published: str
    declared: Mapping[str, Declared]
    bindings: Mapping[str, Mapping[str, Any]]

    def render(self, values: Mapping[str, Any]) -> bytes | None:
        """The file's bytes; None when rendering refuses the values."""
        hidden = {name for name, declared in self.declared.items() if declared.type == "secretRef"}
        try:
            rendered = render_all(
                self.spec.template,
                {name: value for name, value in values.items() if name not in hidden},
                self.spec.parameters,
                secrets={name: value for name, value in values.items() if name in hidden},
            )
        except (TemplateError, ApiError, FdeError):
            return None
        return joined(list(rendered.values()))

    def fit(self, data: bytes) -> Mapping[str, Any] | None:
        """The values of `data`."""
        template = self.spec.template
        try:
            if is_regions(template):
                return fit_regions(template, "file", data, self.spec.parameters)[0]
            return fit_all(template, {template.files[0].path: data}, self.spec.parameters)
        except DoesNotFit:
            return None


class Engine:
    """The engine of this program."""

    name = "fde"

    def abstract(self, siblings: Sequence[tuple[str, bytes]], *, suffix: str, name: str) -> EngineMade:
        """As `fde abstract`: each file is one customer's."""
        given = [Sibling(stem, f"{stem}.{suffix}", data, stem) for stem, data in siblings]
        try:
            found = abstract_or_regions(given, name=name)
        except (FdeError, ApiError, TemplateError) as error:
            raise Refusal(str(error), too_little=getattr(error, "exit_code", 1) == TOO_LITTLE) from error
        except Exception as error:  # a crash costs this family, the others are measured
            raise Refusal(f"crashed: {type(error).__name__}: {error}", too_little=False) from error
        object_name = DeploymentPrimitive.object_name(name, found.spec.version)
        document = manifest(DeploymentPrimitive(metadata=Metadata(name=object_name), spec=found.spec))
        declared = {
            parameter.name: Declared(parameter.type, parameter.default, parameter.allowed_values)
            for parameter in found.spec.parameters
        }
        return EngineMade(found.spec, document, dump(document), declared, found.bindings)
