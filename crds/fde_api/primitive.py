"""DeploymentPrimitive: one immutable object a version, named ``<primitive>.<vX.Y.Z>``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fde_api.meta import Condition, Digest, Metadata, Name63, Part, SemVer, Text, Time

Language = Literal["python", "typescript", "sql", "other"]
ParameterType = Literal[
    "string", "int", "float", "bool", "duration", "enum", "host", "url", "email", "identifier", "secretRef", "list"
]
ParameterName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-zA-Z0-9]*$", max_length=63)]
FieldName = Annotated[str, msgspec.Meta(pattern=r"^([a-z][a-zA-Z0-9]*)?$", max_length=63)]
Scalar = str | int | float | bool
Item = Scalar | dict[str, Scalar]
"""One item of a list: a scalar, or a record of its parameter's fields."""
Value = Scalar | list[Item]
"""What a parameter may be given. A list's items are all scalars or all records."""


class Hole(Part, frozen=True, kw_only=True):
    """A place where siblings differ.

    `filters` turn the parameter's value into the text that stands here, left to right (``snake``, ``upper``, ...).
    `place` says what the text is part of, and so how it is checked and escaped (see fde_template.place).
    `field`: inside a repeat over `parameter`, the field of the record that stands here; empty for a list of scalars.
    """

    parameter: ParameterName
    field: FieldName = ""
    place: Annotated[str, msgspec.Meta(max_length=63)]
    filters: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=63)], ...], msgspec.Meta(max_length=8)] = ()


class When(Part, frozen=True, kw_only=True):
    """Begins an optional block: what follows, up to its `end`, stands there when the parameter's text is `equals`.

    A flag is a bool parameter (``true``, ``false``), alternatives are an enum's values. `field` as in a hole: inside a
    repeat, the record's own flag.
    """

    parameter: ParameterName
    field: FieldName = ""
    equals: Annotated[str, msgspec.Meta(min_length=1, max_length=63)] = "true"


class Each(Part, frozen=True, kw_only=True):
    """Begins a repeat: what follows, up to its `end`, stands there once for each item of the list parameter.

    A mark ``between`` in it begins what stands between two items and not after the last. Repeats do not nest.
    """

    parameter: ParameterName


class Segment(Part, frozen=True, kw_only=True):
    """Literal text, a hole, the beginning of a block, or a mark in it: exactly one of them.

    A flat list, because a Kubernetes schema cannot be recursive; `fde_template.structure` reads it as a tree.
    """

    text: Annotated[str, msgspec.Meta(max_length=262144)] | None = None
    hole: Hole | None = None
    when: When | None = None
    each: Each | None = None
    mark: Literal["between", "end"] | None = None

    def __post_init__(self) -> None:
        """The same rule as the CRD's, so that a manifest on disk is held to it too."""
        if sum(part is not None for part in (self.text, self.hole, self.when, self.each, self.mark)) != 1:
            raise ValueError("a segment holds exactly one of text, hole, when, each and mark")


class TemplateFile(Part, frozen=True, kw_only=True):
    """One file of a template. Segments, concatenated and encoded, are the file's bytes: nothing is re-printed.

    `encoding`: utf-8, utf-8-sig (with BOM) or latin-1 (any bytes). `newline`: lf, crlf, cr or mixed (recorded, not applied).
    `shape` is a digest of the syntax tree's node kinds; None when siblings' trees differ or no grammar takes the file.
    `region`: the template is a part of a file, at the left margin; `imports`: statements that the file around it needs,
    because the region uses what they bring.
    """

    path: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$", max_length=253)]
    language: Language
    segments: Annotated[tuple[Segment, ...], msgspec.Meta(max_length=4096)]
    encoding: Literal["utf-8", "utf-8-sig", "latin-1"] = "utf-8"
    newline: Literal["lf", "crlf", "cr", "mixed", "none"] = "lf"
    shape: Digest | None = None
    region: bool = False
    imports: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=253)], ...], msgspec.Meta(max_length=64)] = ()

    def __post_init__(self) -> None:
        """The same rule as the CRD's."""
        if ".." in self.path or "//" in self.path or self.path.endswith("/"):
            raise ValueError(f"path {self.path!r} must name a file below the mount path, without '..' or '//'")


class Template(Part, frozen=True, kw_only=True):
    """The primitive's files."""

    files: Annotated[tuple[TemplateFile, ...], msgspec.Meta(max_length=64)]


def _check_range(name: str, kind: str, minimum: float | None, maximum: float | None) -> None:
    """The same rules as the CRD's."""
    if (minimum is not None or maximum is not None) and kind not in ("int", "float"):
        raise ValueError(f"parameter {name} is a {kind}: only an int or a float has a minimum or a maximum")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ValueError(f"parameter {name}: its minimum is greater than its maximum")


class Field(Part, frozen=True, kw_only=True):
    """One field of a list's records, or with an empty name the items themselves. A list holds no secrets and no lists."""

    name: FieldName = ""
    type: ParameterType
    description: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    allowed_values: Annotated[tuple[Scalar, ...], msgspec.Meta(max_length=64)] = ()
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        """The same rule as the admission policy's."""
        _check_range(self.name or "of the items", self.type, self.minimum, self.maximum)
        if self.type in ("secretRef", "list"):
            raise ValueError(f"field {self.name or 'of the items'} is a {self.type}: a list holds plain values only")


class Parameter(Part, frozen=True, kw_only=True):
    """One parameter. A secretRef never has a default; `required` excludes a default.

    `fields`: of a list, one without a name for items that are scalars, else those of its records; none of another type.
    `when`: it is needed only while that parameter has that text (it stands in an optional block only); None: always.
    `minimum`, `maximum`: of an int or a float, both included.
    """

    name: ParameterName
    type: ParameterType
    description: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    required: bool = False
    default: Scalar | None = None
    allowed_values: Annotated[tuple[Scalar, ...], msgspec.Meta(max_length=64)] = ()
    fields: Annotated[tuple[Field, ...], msgspec.Meta(max_length=32)] = ()
    when: When | None = None
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        """The same rules as the admission policy's."""
        _check_range(self.name, self.type, self.minimum, self.maximum)
        if self.default is not None and self.required:
            raise ValueError(f"parameter {self.name} is required and has a default: a value is one or the other")
        if self.default is not None and self.type == "secretRef":
            raise ValueError(f"parameter {self.name} is a secretRef: a secret has no default")
        if self.allowed_values and self.type == "secretRef":
            raise ValueError(f"parameter {self.name} is a secretRef: its allowedValues would tell the secret")
        if self.default is not None and self.type == "list":
            raise ValueError(f"parameter {self.name} is a list: its items have no default")
        if (self.type == "list") != bool(self.fields):
            raise ValueError(f"parameter {self.name}: a list has fields, and nothing else has")


class Endpoint(Part, frozen=True, kw_only=True):
    """Where data comes from or goes to."""

    type: Text = ""
    auth_method: Text = ""
    rate_limit_handling: Text = ""
    load_strategy: Text = ""


class Transform(Part, frozen=True, kw_only=True):
    """What happens in between."""

    type: Text = ""
    schema_mapping: Text = ""
    data_quality_checks: Annotated[tuple[Text, ...], msgspec.Meta(max_length=16)] = ()


class Pattern(Part, frozen=True, kw_only=True):
    """Source, transform, destination."""

    source: Endpoint = Endpoint()
    transform: Transform = Transform()
    destination: Endpoint = Endpoint()


class EnvVar(Part, frozen=True, kw_only=True):
    """An environment variable: a literal, or ``{{ parameter }}``; a secretRef parameter becomes a secretKeyRef."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=253)]
    value: Annotated[str, msgspec.Meta(max_length=4096)]


class Workload(Part, frozen=True, kw_only=True):
    """How it runs. What extraction cannot infer the reviewer must fill before approval."""

    kind: Literal["Deployment", "CronJob", "Job"]
    image: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@sha256:[0-9a-f]{64}$", max_length=512)]
    command: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=1024)], ...], msgspec.Meta(max_length=64)]
    args: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=1024)], ...], msgspec.Meta(max_length=64)] = ()
    schedule: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    mount_path: Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9_./-]*$", max_length=253)] = "/app"
    env: Annotated[tuple[EnvVar, ...], msgspec.Meta(max_length=64)] = ()

    def __post_init__(self) -> None:
        """The same rule as the CRD's."""
        if self.kind == "CronJob" and not self.schedule:
            raise ValueError("a CronJob needs a schedule (five cron fields, or a duration such as 30m)")


class SecurityContext(Part, frozen=True, kw_only=True):
    """Isolation the primitive asks for."""

    network_policy: Literal["restricted", "open"] = "restricted"
    secrets_store: Literal["kubernetes", "external-secrets", "vault"] = "kubernetes"


class Runtime(Part, frozen=True, kw_only=True):
    """Resource profile, workload, isolation.

    `workload` None: the reviewer must fill it, or say with `deployable` false that the primitive is for the library only
    (instantiated into a repository, never run by an FDEDeployment).
    """

    resource_profile: Literal["small", "medium", "large"] = "small"
    deployable: bool = True
    workload: Workload | None = None
    security_context: SecurityContext = SecurityContext()


class CandidateRef(Part, frozen=True, kw_only=True):
    """The candidate a primitive came from."""

    namespace: Text
    name: Text
    uid: Text = ""


class Provenance(Part, frozen=True, kw_only=True):
    """Who, from what. `sources` are pseudonyms; times carry Full Loop latency (first event to publication)."""

    candidate_ref: CandidateRef | None = None
    challenge: Text = ""
    approved_by: Text = ""
    proposal_digest: Digest | None = None
    contributors: Annotated[tuple[Text, ...], msgspec.Meta(max_length=64)] = ()
    sources: Annotated[tuple[Text, ...], msgspec.Meta(max_length=64)] = ()
    visible_to: Annotated[tuple[Text, ...], msgspec.Meta(max_length=64)] = ()
    first_seen: Time = ""
    threshold_met: Time = ""
    published_at: Time = ""


class PrimitiveSpec(Part, frozen=True, kw_only=True):
    """spec of a DeploymentPrimitive, and the `proposal` of a PatternCandidate."""

    primitive_name: Name63
    version: SemVer
    domain: Annotated[str, msgspec.Meta(max_length=63)]
    pattern: Pattern = Pattern()
    template: Template
    complexity: Literal["low", "medium", "high"] = "medium"
    tags: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=63)], ...], msgspec.Meta(max_length=32)] = ()
    parameters: Annotated[tuple[Parameter, ...], msgspec.Meta(max_length=256)] = ()
    runtime: Runtime = Runtime()
    compliance: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=32)], ...], msgspec.Meta(max_length=16)] = ()
    provenance: Provenance = Provenance()

    @property
    def object_name(self) -> str:
        """What this version is named once published."""
        return DeploymentPrimitive.object_name(self.primitive_name, self.version)


Maturity = Literal["experimental", "beta", "production", "deprecated"]


class Usage(Part, frozen=True, kw_only=True):
    """How a version did, measured from real FDEDeployments. Which customers run it is nowhere in it.

    `deployments`, `ready`: those that run it now. The others are of its last 100 attempts that settled: `attempts` of them,
    `success_rate` (Ready and not failed within 24 hours, of all), `p50_deploy_seconds` (start to first Ready, the median of
    those that became Ready). `pending`: Ready, and their 24 hours are not over. `customers`: distinct ones that it ever
    succeeded for.
    """

    deployments: int = 0
    ready: int = 0
    attempts: int = 0
    pending: int = 0
    customers: int = 0
    success_rate: float | None = None
    p50_deploy_seconds: int | None = None


class Outcome(Part, frozen=True, kw_only=True):
    """How one attempt ended. `id` tells it from others and nothing else about it; `at`: when its end was certain."""

    id: str
    at: Time
    ok: bool
    deploy_seconds: int | None = None


# Tokens of one customer's namespaces, at most 20, oldest first.
CustomerTokens = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}( [0-9a-f]{16}){0,19}$", max_length=339)]


class PrimitiveStatus(Part, frozen=True, kw_only=True):
    """Written by the operator. `outcomes` (newest first) and `customer_tokens` are what usage is counted from: they outlive
    the deployments, so that nobody mends a version's record by deleting what failed. A token says nothing but "another one".
    """

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    maturity: Maturity = "experimental"
    superseded_by: str | None = None
    usage: Usage = Usage()
    outcomes: Annotated[tuple[Outcome, ...], msgspec.Meta(max_length=100)] = ()
    customer_tokens: Annotated[tuple[CustomerTokens, ...], msgspec.Meta(max_length=1000)] = ()


class DeploymentPrimitive(Part, frozen=True, kw_only=True):
    """Cluster-scoped."""

    metadata: Metadata
    spec: PrimitiveSpec
    api_version: Literal["fde.io/v1"] = "fde.io/v1"
    kind: Literal["DeploymentPrimitive"] = "DeploymentPrimitive"
    status: PrimitiveStatus | None = None

    @staticmethod
    def object_name(primitive: str, version: str) -> str:
        """``<primitive>.<vX.Y.Z>``."""
        return f"{primitive}.{version}"
