"""Fitting: the values that give files back byte for byte; the exact inverse of rendering.

(files, bytes) -> steps -> bounded backtracking -> one value per parameter -> rendered again and compared

Every parameter's and every field's value is read at a hole without filters; the other holes must then spell exactly that
value. Where that hole stands in an absent block, the value is the first spelling that gives the others. A flag that is known
decides its blocks; else a block is tried first and skipped second, and a flag that was only skipped has the default or the
first allowed value that is left. A repeat takes as many items as fit, exactly as many where the list was met before; an item
takes at least one character in the first repeat over its list, the text before it that stands between two included. What is
seen nowhere is left out of the values, of a record's too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fde_api.primitive import Item, Parameter, Template, TemplateFile, Value
from fde_template.encoding import decode
from fde_template.errors import DoesNotFit, RenderRefused, TemplateError
from fde_template.program import compiled
from fde_template.render import render
from fde_template.search import Misfit, Search
from fde_template.values import label, typed


def fit(file: TemplateFile, data: bytes, parameters: Sequence[Parameter]) -> dict[str, Value]:
    """Values (secretRef texts included) with ``render(file, ...) == data``; :class:`DoesNotFit` with the first place else."""
    return Fitter((file,), parameters).values((data,))


def fit_all(template: Template, files: Mapping[str, bytes], parameters: Sequence[Parameter]) -> dict[str, Value]:
    """As :func:`fit` for all files of a template; a parameter in several files must agree."""
    if set(files) != {file.path for file in template.files}:
        raise TemplateError(f"the template has the files {', '.join(file.path for file in template.files)}")
    return Fitter(template.files, parameters).values([files[file.path] for file in template.files])


class Fitter:
    """Template files made ready once, to be fitted to many contents. :class:`TemplateError` for blocks that do not close."""

    def __init__(self, files: Sequence[TemplateFile], parameters: Sequence[Parameter]) -> None:
        self._files, self._parameters = files, parameters
        self._declared = {parameter.name: parameter for parameter in parameters}
        self._steps = compiled(files, self._declared)

    def values(self, contents: Sequence[bytes]) -> dict[str, Value]:
        """As :func:`fit`; `contents` in the order of the files."""
        texts = [_text(file, data) for file, data in zip(self._files, contents, strict=True)]
        search = Search(self._steps, texts)
        try:
            search.run()
            found = {name: _value(parameter, search) for name, parameter in self._declared.items()}
        except Misfit as misfit:
            raise DoesNotFit(self._files[misfit.file].path, *misfit.place, misfit.expected) from None
        values = {name: value for name, value in found.items() if value is not None}
        self._prove(values, contents, search)
        return values

    def _prove(self, values: Mapping[str, Value], contents: Sequence[bytes], search: Search) -> None:
        """:class:`DoesNotFit` unless `values` render `contents`."""
        secrets = {name: str(values[name]) for name in values if self._declared[name].type == "secretRef"}
        plain = {name: value for name, value in values.items() if name not in secrets}
        for number, (file, data) in enumerate(zip(self._files, contents, strict=True)):
            place = search.place(number)
            try:
                again = render(file, plain, self._parameters, secrets=secrets)
            except RenderRefused as error:
                raise DoesNotFit(file.path, *place, f"values that render: {error}") from error
            if again != data:
                raise DoesNotFit(file.path, *place, "values that give the file back")


def _text(file: TemplateFile, data: bytes) -> str:
    try:
        return decode(data, file.encoding)
    except TemplateError as error:
        raise DoesNotFit(file.path, 1, 1, f"{file.encoding} text ({error})") from error


def _value(parameter: Parameter, search: Search) -> Value | None:
    """What was found for `parameter`; None when it stands nowhere. A field that stands nowhere is left out of its record."""
    name = parameter.name
    if parameter.type != "list":
        text = search.found(name)
        return None if text is None else typed(parameter, text)
    count = search.count(name)
    if count is None:
        return None
    items: list[Item] = []
    for number in range(count):
        texts = {field.name: search.found(name, number, field.name) for field in parameter.fields}
        record = {
            field.name: typed(field, text) for field in parameter.fields if (text := texts[field.name]) is not None
        }
        if "" not in texts:
            items.append(record)
        elif "" in record:
            items.append(record[""])
        else:
            raise search.misfit(f"a value of {label(name, number)}, which stands nowhere as it is")
    return items
