"""What can be wrong between a template, its values and a file.

ApiError
└── TemplateError
    ├── RenderRefused   a value that may not stand where it would go, or is missing   -> exit 1, the parameter
    └── DoesNotFit      a file that the template cannot give back byte for byte       -> exit 1, line and column
"""

from __future__ import annotations

from fde_api.errors import ApiError


class TemplateError(ApiError):
    """Base of this package's errors."""


class RenderRefused(TemplateError):
    """Nothing was rendered. `parameters` are the names the message blames; a value is never quoted."""

    def __init__(self, why: str, *parameters: str) -> None:
        super().__init__(why)
        self.parameters = parameters


class DoesNotFit(TemplateError):
    """`line` and `column` are 1-based, in characters: the furthest place up to which the file followed the template."""

    def __init__(self, path: str, line: int, column: int, expected: str) -> None:
        super().__init__(f"{path}:{line}:{column}: expected {expected}")
        self.path, self.line, self.column, self.expected = path, line, column, expected
