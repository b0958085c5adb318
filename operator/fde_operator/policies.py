"""The admission policies that make an approval, a consent and a tenant worth something: do they stand as shipped?

shipped, observed -> weakness() -> Guard.gaps() -> refusal(act): publishing and new rollouts stop, what runs stays

Compared is meaning, not bytes: fields that the server fills in do not matter; any other difference does, but for what only
makes a policy say or record more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal

from fde_api.kinds import KINDS as OURS
from fde_api.meta import GROUP
from fde_operator import clock
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Denied, Held
from fde_operator.install import manifests
from fde_operator.key import Key
from fde_operator.routes import POLICIES

KINDS: Final = POLICIES
REASON: Final = "PolicyMissing"
# What stops while a policy is missing or altered. Repairs and stopping ask nobody: what runs was admitted, and ending it harms
# nobody.
Act = Literal["publish", "rollout"]
STOPPED: Final[Mapping[Act, str]] = {
    "publish": "nothing is published while approvals are not guarded",
    "rollout": "nothing new runs for a customer while admission is not guarded; what runs stays as it is",
}
RECHECK_S: Final = 30.0  # policies are watched, definitions are not
_DEFINITIONS_S: Final = 30.0  # between two looks at the definitions, which are not watched
_TOLD: Final = 3
_Rules = frozenset[tuple[str, str]]  # path in the schema, rule


class Guard:
    """What is wrong with the policies now, and since when nothing is. One for the process.

    `cluster`: read for every answer, so from memory. `direct`: the API server itself, asked before something is published;
    unset: `cluster`. `now`: RFC 3339, seconds. `looking_on`: definitions that may not be read are no gap, but Denied, unless
    there is another gap; the operator needs to read them.
    """

    def __init__(
        self,
        cluster: Cluster,
        direct: Cluster | None = None,
        *,
        now: Callable[[], str] | None = None,
        looking_on: bool = False,
    ) -> None:
        self._cluster, self._direct, self._now = cluster, direct or cluster, now or clock.now
        self._seen: dict[Key, tuple[str, Sequence[str]]] = {}
        self._definitions: tuple[float, Sequence[str]] | None = None
        self._looking = asyncio.Lock()  # one asks for all: eight workers found the answer too old at the same moment
        self._broken = False
        self._whole_since = ""
        self._looking_on = looking_on

    async def gaps(self, *, fresh: bool = False) -> list[str]:
        """What is wrong, as sentences; empty when everything stands as shipped. `fresh`: ask the API server itself.

        Raises what `cluster` raises when it cannot tell: no answer is no permission.
        """
        observed = await self._listed() if fresh else None
        found: list[str] = []
        for key, policy in shipped().items():
            one = observed.get(key) if observed is not None else await self._cluster.get(key)
            found += self._weakness(key, policy, one)
        try:
            found += await self._weak_definitions(fresh=fresh)
        except Denied:
            if not found:
                raise
        if found:
            self._broken = True
        elif self._broken:
            self._broken, self._whole_since = False, self._now()
        return found

    async def whole_since(self) -> str:
        """RFC 3339: before this moment some decision may have been admitted unchecked. Empty: not known of any."""
        made = [await self._cluster.get(key) for key in shipped()]
        times = [str(one["metadata"].get("creationTimestamp", "")) for one in made if one is not None]
        return max([self._whole_since, *times], default="")

    async def _listed(self) -> dict[Key, Manifest]:
        return {Key(kind, "", one["metadata"]["name"]): one for kind in KINDS for one in await self._direct.list(kind)}

    def _weakness(self, key: Key, policy: Manifest, observed: Manifest | None) -> Sequence[str]:
        version = str(((observed or {}).get("metadata") or {}).get("resourceVersion", ""))
        known = self._seen.get(key)
        if version and known is not None and known[0] == version:
            return known[1]
        found = weakness(policy, observed)
        self._seen[key] = (version, found)
        return found

    async def _weak_definitions(self, *, fresh: bool) -> Sequence[str]:
        async with self._looking:
            at = time.monotonic()
            if not fresh and self._definitions is not None and at - self._definitions[0] < _DEFINITIONS_S:
                return self._definitions[1]
            self._definitions = (at, await self._read_definitions())
            return self._definitions[1]

    async def _read_definitions(self) -> Sequence[str]:
        found: list[str] = []
        try:
            for kind in OURS:
                observed = await self._direct.get(Key("CustomResourceDefinition", "", f"{kind.plural}.{GROUP}"))
                if observed is not None:  # what has no definition has no objects to guard
                    found += weak_definition(observed, shipped_rules()[observed["metadata"]["name"]])
        except Denied as denied:
            if self._looking_on:
                raise
            found = [f"the CustomResourceDefinitions of {GROUP} cannot be read: {denied}"]
        return found


def refusal(act: Act, gaps: Sequence[str]) -> Held | None:
    """Why `act` has to wait, for the object's conditions; None when it may go on."""
    if not gaps:
        return None
    more = f"; and {len(gaps) - _TOLD} more" if len(gaps) > _TOLD else ""
    return Held(
        REASON,
        f"{STOPPED[act]}: {'; '.join(gaps[:_TOLD])}{more}. Run `fde operator install`, or upgrade the chart.",
        retry_after_s=RECHECK_S,
    )


@cache
def shipped() -> Mapping[Key, Manifest]:
    """Every policy and binding of this version, by key."""
    return {Key(m["kind"], "", m["metadata"]["name"]): m for m in manifests("policies") if m["kind"] in KINDS}


@cache
def shipped_rules() -> Mapping[str, _Rules]:
    """Every CEL rule of our definitions, by the definition's name."""
    from fde_api.crd import definitions

    return {crd["metadata"]["name"]: frozenset(rules_of(crd)) for crd in definitions()}


def weakness(policy: Manifest, observed: Mapping[str, Any] | None) -> Sequence[str]:
    """One sentence if `observed` is missing or is not what was shipped; it names the first field that differs."""
    title = f"{policy['kind']} {policy['metadata']['name']}"
    if observed is None:
        return [f"{title} is missing"]
    if (observed.get("metadata") or {}).get("deletionTimestamp"):
        return [f"{title} is being deleted"]
    spec = observed.get("spec") or {}
    refuses = bool(policy["spec"].get("validations"))
    where = difference(meaning(spec, refuses=refuses), meaning(policy["spec"], refuses=refuses), "spec")
    if not set(policy["spec"].get("validationActions", ())) <= set(spec.get("validationActions") or ()):
        where = "spec.validationActions"
    return [f"{title} differs from the one shipped with this operator: {where}"] if where else []


def weak_definition(observed: Mapping[str, Any], rules: _Rules) -> Sequence[str]:
    """What is wrong with a CustomResourceDefinition: rules taken away, or a version without rules beside ours."""
    name = observed["metadata"]["name"]
    served = [one for one in observed["spec"].get("versions", ()) if one.get("served")]
    if others := sorted(one["name"] for one in served if one["name"] != "v1"):
        return [f"CustomResourceDefinition {name} serves {', '.join(others)}, which this operator does not know"]
    if lost := sorted(rules - frozenset(rules_of(observed))):
        return [f"CustomResourceDefinition {name} lacks {len(lost)} of its rules, the first at {lost[0][0]}"]
    return []


def rules_of(crd: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, rule) of every x-kubernetes-validations of the served version v1."""
    for version in crd["spec"].get("versions", ()):
        if version["name"] == "v1" and version.get("served"):
            yield from _rules(version.get("schema", {}).get("openAPIV3Schema", {}), "")


def _rules(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path or ".", str(rule["rule"])
    for name, below in schema.get("properties", {}).items():
        yield from _rules(below, f"{path}.{name}")
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(below := schema.get(keyword), Mapping):
            yield from _rules(below, path + mark)


def meaning(spec: Mapping[str, Any], *, refuses: bool) -> dict[str, Any]:
    """`spec` with the server's defaults filled in, without what decides nothing: what a policy that `refuses` also records."""
    found = {name: value for name, value in spec.items() if name != "validationActions"}
    if "policyName" not in found:
        found.setdefault("failurePolicy", "Fail")
    if refuses:
        found.pop("auditAnnotations", None)
    for name in ("matchConstraints", "matchResources"):
        if found.get(name):
            found[name] = _match(found[name])
    return found


def _match(resources: Mapping[str, Any]) -> dict[str, Any]:
    found = {"matchPolicy": "Equivalent", **resources}
    for name in ("resourceRules", "excludeResourceRules"):
        found[name] = [{"scope": "*", **rule} for rule in found.get(name) or ()]
    return found


def difference(observed: Any, wanted: Any, path: str) -> str:
    """Where two values differ first, as ``spec.failurePolicy``; empty when they mean the same. Empty equals missing."""
    if isinstance(observed, Mapping) and isinstance(wanted, Mapping):
        for name in sorted({*observed, *wanted}):
            if where := difference(observed.get(name), wanted.get(name), f"{path}.{name}"):
                return where
        return ""
    if isinstance(observed, list | tuple) and isinstance(wanted, list | tuple) and len(observed) == len(wanted):
        for position, (one, other) in enumerate(zip(observed, wanted, strict=True)):
            if where := difference(one, other, f"{path}[{position}]"):
                return where
        return ""
    if _empty(observed) and _empty(wanted):
        return ""
    return "" if observed == wanted and type(observed) is type(wanted) else path


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping | list | tuple | str) and not value)
