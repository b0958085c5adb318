"""Rule: one CEL rule of a CRD. The tables of them are rules_of_patterns.py and rules_of_customers.py; rules.py joins them.

CRD CEL sees one object and its former self, never the user or the namespace: those rules are in deploy/policies. Nor does it
see a value whose type is open (a parameter's default and allowed values): deploy/policies/parameters.yaml looks at those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

THE_PATTERN: Final = "self.matches(<the model's pattern>)"
Path = tuple[str, ...]
"""Where a rule stands: a field name each step, ``*`` for an array's items."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One CEL rule. With `oldSelf` it is a transition rule: not evaluated when the object, or the field, is new.

    `message` says what is wrong and what to write instead; it is all that a person sees. `field`: which one is blamed, below
    the rule's own path.
    """

    cel: str
    message: str
    field: str | None = None
    reason: str = "FieldValueInvalid"

    @property
    def of_a_change(self) -> bool:
        """Whether it compares with what was there before."""
        return "oldSelf" in self.cel

    def as_validation(self, pattern: str = "") -> dict[str, Any]:
        """The rule as it stands under x-kubernetes-validations. `pattern`: what the model asks of the field."""
        cel = f"self.matches(r'{pattern}')" if self.cel == THE_PATTERN else self.cel
        found: dict[str, Any] = {"rule": cel, "message": self.message, "reason": self.reason}
        return found | ({"fieldPath": self.field} if self.field else {})


def reads(message: str) -> Rule:
    """The pattern of the model's field as a rule: what a schema says of a pattern that is missed only programmers can read."""
    return Rule(THE_PATTERN, message)


Rules = Mapping[Path, tuple[Rule, ...]]
"""The rules of one kind."""
