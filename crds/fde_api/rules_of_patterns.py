"""CEL rules of what is proposed, decided, published and graded: primitives, candidates, proposals, libraries."""

from __future__ import annotations

from typing import Final

from fde_api.rule import Path, Rule, Rules, reads

_SPEC: Final = ("spec",)
_BELOW: Final = "!self.startsWith('/') && !self.contains('..') && !self.contains('//') && !self.endsWith('/')"
_TAG: Final = r"self.matches('^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$')"
# A text with {{ parameter }} in it is known only once it is filled: the operator looks at it then.
_SCHEDULE: Final = (
    "self.contains('{{') || self.matches('^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)"
    "|[0-9]+ *(s|sec|m|min|h|d)?|[0-9A-Za-z*/,?#-]+( +[0-9A-Za-z*/,?#-]+){4})$')"
)
NAME: Final = reads("a primitive's name is lower-case letters, digits and dashes, such as incident-sync")
VERSION: Final = reads(
    "a version reads like v1.4.2 or v2.0.0-rc.1: with the v, and three numbers without leading zeros"
)
TAG: Final = Rule(
    _TAG, "a compliance tag becomes a label: write letters, digits, dots and dashes, such as soc2 or iso-27001"
)

_RANGE: Final = (
    Rule(
        "!(has(self.minimum) || has(self.maximum)) || self.type in ['int', 'float']",
        "only an int or a float has a minimum or a maximum; list allowedValues instead",
    ),
    Rule(
        "!(has(self.minimum) && has(self.maximum)) || self.minimum <= self.maximum",
        "the minimum is greater than the maximum: no value would do; swap them",
    ),
)


def _template_rules(at: Path) -> dict[Path, tuple[Rule, ...]]:
    """The rules of a primitive's spec; a candidate's proposal has the same."""
    return {
        (*at, "primitiveName"): (NAME,),
        (*at, "version"): (VERSION,),
        (*at, "template", "files", "*", "path"): (
            reads(
                "path is letters, digits, dots, dashes and slashes, and begins with a letter, a digit or an underscore"
            ),
            Rule(_BELOW, "path must name a file below the mount path, such as conf/sync.py, without '..' or '//'"),
        ),
        (*at, "template", "files", "*", "segments", "*"): (
            Rule(
                "[has(self.text), has(self.hole), has(self.when), has(self.each), has(self.mark)].exists_one(x, x)",
                "a segment holds exactly one of text, hole, when, each and mark",
            ),
        ),
        (*at, "parameters"): (
            Rule(
                "self.all(p, !has(p.when) || self.exists(q, q.name == p.when.parameter && q.name != p.name))",
                "when must name another parameter of this primitive",
            ),
        ),
        (*at, "parameters", "*"): (
            Rule(
                "(self.type == 'list') == (has(self.fields) && size(self.fields) > 0)",
                "a list has fields (one without a name for items that are scalars), and no other type has; add or remove them",
            ),
            *_RANGE,
        ),
        (*at, "parameters", "*", "name"): (
            reads("a parameter's name is in camelCase, letters and digits, such as instanceHost"),
        ),
        (*at, "parameters", "*", "fields", "*", "name"): (
            reads("a field's name is in camelCase, letters and digits, such as columnType"),
        ),
        (*at, "parameters", "*", "fields"): (
            Rule(
                "size(self) == 1 || self.all(f, has(f.name) && f.name != '')",
                "the field without a name is the items themselves and stands alone; name every field of a record",
            ),
            Rule(
                "self.all(f, !has(f.name) || self.exists_one(g, has(g.name) && g.name == f.name))",
                "two fields have one name; a record has each field once",
            ),
        ),
        (*at, "parameters", "*", "fields", "*"): (
            Rule(
                "!(self.type in ['secretRef', 'list'])",
                "a list holds plain values only, no lists and no secrets; make the secret a parameter of its own",
            ),
            *_RANGE,
        ),
        (*at, "compliance", "*"): (TAG,),
        (*at, "runtime", "workload"): (
            Rule(
                "self.kind != 'CronJob' || has(self.schedule)",
                "a CronJob needs a schedule (five cron fields, or a duration such as 30m)",
                ".schedule",
                "FieldValueRequired",
            ),
            Rule(
                "self.kind == 'CronJob' || !has(self.schedule)",
                "only a CronJob runs by a schedule: remove it, or make kind CronJob",
                ".schedule",
                "FieldValueForbidden",
            ),
        ),
        (*at, "runtime", "workload", "schedule"): (
            Rule(
                _SCHEDULE,
                "the schedule is neither five cron fields, nor a duration such as 30m, 6h or 1d, nor {{ parameter }}",
            ),
        ),
        (*at, "runtime", "workload", "image"): (
            reads("the image must be pinned by digest: name@sha256:<64 hexadecimal digits>"),
        ),
        (*at, "runtime", "workload", "env", "*", "name"): (
            reads("an env variable's name is letters, digits and underscores, and does not begin with a digit"),
        ),
        (*at, "runtime", "workload", "mountPath"): (
            reads("mountPath begins with a slash and holds letters, digits, dots, dashes and slashes, such as /app"),
            Rule(
                "self != '/' && !self.contains('..') && !self.contains('//')",
                "mountPath must be a directory of its own, such as /app, without '..' or '//'",
            ),
        ),
    }


PRIMITIVE: Final[Rules] = {
    (): (
        Rule(
            "self.metadata.name == self.spec.primitiveName + '.' + self.spec.version",
            "metadata.name must be <spec.primitiveName>.<spec.version>, such as incident-sync.v1.4.2",
        ),
    ),
    _SPEC: (Rule("self == oldSelf", "a published primitive version is immutable; publish a new version"),),
    **_template_rules(_SPEC),
}

CANDIDATE: Final[Rules] = {
    _SPEC: (
        Rule(
            "!has(oldSelf.review) || self.proposal == oldSelf.proposal",
            "proposal is frozen once reviewed; propose a new candidate instead",
        ),
        Rule(
            "!has(oldSelf.review) || (has(self.review) && self.review == oldSelf.review)",
            "a review decision is final; propose a new candidate instead",
        ),
        Rule(
            "!has(oldSelf.review) || (has(self.proof) == has(oldSelf.proof) && (!has(self.proof) || self.proof == "
            "oldSelf.proof) && has(self.evidenceDigest) == has(oldSelf.evidenceDigest) && (!has(self.evidenceDigest) || "
            "self.evidenceDigest == oldSelf.evidenceDigest) && self.signal == oldSelf.signal)",
            "signal, proof and evidenceDigest are frozen once reviewed; propose a new candidate instead",
        ),
        # That the digest is the proposal's own is checked at publication: CEL cannot compute it.
        Rule(
            "self.proposal == oldSelf.proposal || !has(self.proof) || !has(oldSelf.proof) || (has(self.proof.proposalDigest) "
            "&& (!has(oldSelf.proof.proposalDigest) || self.proof.proposalDigest != oldSelf.proof.proposalDigest))",
            "a changed proposal needs a proof of its own; run the checks again, or drop the proof",
        ),
        Rule(
            "!has(self.review) || self.review.decision != 'Approved' || !has(self.proof) || !has(self.proof.acknowledge) || "
            "size(self.proof.acknowledge) == 0 || (has(self.review.acknowledged) && self.review.acknowledged)",
            "an approval must say that what the proof lists was acknowledged (review.acknowledged: true)",
        ),
        Rule(
            "!has(self.review) || self.review.reviewer != self.author.username",
            "the author may not review; another person must",
        ),
        Rule(
            "!has(self.review) || !has(self.contributors) || !(self.review.reviewer in self.contributors)",
            "a contributor may not review; another person must",
        ),
        Rule(
            "!has(oldSelf.contributors) || size(oldSelf.contributors) == 0 || has(self.contributors)",
            "contributors can only be added; put back the list that was there",
        ),
    ),
    (*_SPEC, "author"): (Rule("self == oldSelf", "author is immutable; propose a new candidate instead"),),
    (*_SPEC, "contributors"): (
        Rule("oldSelf.all(c, c in self)", "contributors can only be added; put back who was there"),
    ),
    (*_SPEC, "signal"): (
        Rule(
            "self.customers <= self.deployments",
            "customers cannot be more than deployments: each deployment is of one customer",
        ),
    ),
    (*_SPEC, "proof"): (
        Rule(
            "self.rebuilt <= self.siblings && self.siblingCustomers <= self.siblings",
            "rebuilt and siblingCustomers cannot be more than siblings",
        ),
    ),
    (*_SPEC, "review"): (
        Rule(
            "self.decision != 'Rejected' || (has(self.reason) && size(self.reason) >= 10)",
            "a rejection needs a reason of at least 10 characters",
            ".reason",
            "FieldValueRequired",
        ),
    ),
    **_template_rules((*_SPEC, "proposal")),
}

PROPOSAL: Final[Rules] = {
    (): (
        Rule(
            "!has(oldSelf.status) || !has(oldSelf.status.joinedTo) || self.spec == oldSelf.spec",
            "this proposal is joined to a candidate and frozen; submit another one",
        ),
    ),
    _SPEC: (
        Rule(
            "self.author == oldSelf.author && self.files == oldSelf.files",
            "what was submitted is immutable; submit again",
        ),
    ),
    (*_SPEC, "files", "*", "path"): (
        Rule(_BELOW, "path must be relative to the repository, such as src/sync.py, without '..' or '//'"),
    ),
}

DURATION: Final = reads("a duration reads like 90s, 45m, 8h or 2d: a whole number and its unit")
_DURATION: Final = "^[0-9]{1,6}(s|m|h|d)$"


def _seconds(text: str) -> str:
    """CEL for the seconds of a duration; its own duration() knows no days."""
    unit = f"{text}.endsWith('d') ? 86400 : {text}.endsWith('h') ? 3600 : {text}.endsWith('m') ? 60 : 1"
    return f"int({text}.substring(0, size({text}) - 1)) * ({unit})"


_BETA, _PRODUCTION = "self.beta.maxDeployTime", "self.production.maxDeployTime"
# What is off its pattern is refused for that; here it would only be an error within the rule.
_PARSES: Final = f"!({_BETA}.matches('{_DURATION}') && {_PRODUCTION}.matches('{_DURATION}'))"

LIBRARY: Final[Rules] = {
    (*_SPEC, "gates"): (
        Rule(
            "self.production.minSuccessRate >= self.beta.minSuccessRate",
            "gates.production.minSuccessRate is below beta's: production must be at least as strict",
            ".production.minSuccessRate",
        ),
        Rule(
            "self.production.minUsageCount >= self.beta.minUsageCount",
            "gates.production.minUsageCount is below beta's: production must be at least as strict",
            ".production.minUsageCount",
        ),
        Rule(
            f"{_PARSES} || {_seconds(_PRODUCTION)} <= {_seconds(_BETA)}",
            "gates.production.maxDeployTime is longer than beta's: production must be at least as strict",
            ".production.maxDeployTime",
        ),
    ),
    (*_SPEC, "gates", "beta", "maxDeployTime"): (DURATION,),
    (*_SPEC, "gates", "production", "maxDeployTime"): (DURATION,),
    (*_SPEC, "demotion"): (
        Rule(
            "self.minAttempts <= self.attempts",
            "demotion.minAttempts is more than demotion.attempts: nothing would ever be demoted",
            ".minAttempts",
        ),
    ),
}
