"""What `kubectl explain` says of each field, by model and by the field's name in YAML. A test proves that none is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_CONDITIONS: Final = (
    "Ready, Reconciling and Stalled as kstatus reads them, and what else there is to say; each with a sentence."
)
_OBSERVED: Final = "The metadata.generation that the rest of this status is about."
_ON_STATUS: Final = {"conditions": _CONDITIONS, "observedGeneration": _OBSERVED}
_SIGHTINGS: Final = {
    "firstSeen": "When the challenge was first seen anywhere, RFC 3339.",
    "thresholdMet": "When enough deployments had seen it, RFC 3339.",
}
_GATE: Final = {
    "minSuccessRate": "Least share, 0 to 1, of settled attempts that became Ready and did not fail within 24 hours.",
    "maxDeployTime": "Longest median time from an attempt's start to its first Ready, such as 90s, 45m, 8h or 2d.",
    "minUsageCount": "Least number of distinct customers that the version succeeded for.",
}
_RANGE: Final = {
    "minimum": "The least value there may be; for types int and float.",
    "maximum": "The greatest value there may be; for types int and float.",
}

# What is published.
_PATTERNS: Final[Mapping[str, Mapping[str, str]]] = {
    "PrimitiveSpec": {
        "primitiveName": "The primitive's name, the same for all its versions.",
        "version": "This version, such as v1.4.2. A pre-release such as v2.0.0-rc.1 is never updated to.",
        "domain": "The field it belongs to, such as data-integration; libraries select by it.",
        "pattern": "What it connects, in words.",
        "template": "The files, with holes where deployments differ.",
        "complexity": "How hard it is to take into use.",
        "tags": "Words to find it by, such as servicenow or elt; libraries select by them.",
        "parameters": "What a deployment gives values for.",
        "runtime": "How it runs.",
        "compliance": "What it was reviewed for, such as soc2; a deployment that requires more is held.",
        "provenance": "Who made it, from what, and when.",
    },
    "Template": {"files": "The files, each by its path below the mount path."},
    "TemplateFile": {
        "path": "Where the file lies below the mount path, such as conf/sync.py.",
        "language": "What it is written in; values are escaped by it.",
        "segments": "Literal text, holes and blocks; joined and encoded they are the file, byte for byte.",
        "encoding": "How its text becomes bytes; utf-8-sig begins with a byte order mark.",
        "newline": "Which line ends the file has; told, not applied.",
        "shape": "Digest of the kinds of nodes in its syntax tree.",
        "region": "Whether it is a part of a file only.",
        "imports": "Statements that the file around a region needs.",
    },
    "Segment": {
        "text": "Text that stands here as it is.",
        "hole": "A place that a parameter's value fills.",
        "when": "Begins a block that stands here under a condition, up to its end.",
        "each": "Begins a block that stands here once for each item of a list, up to its end.",
        "mark": "Ends a block, or begins what stands between two items.",
    },
    "Hole": {
        "parameter": "The parameter whose value stands here.",
        "field": "The field of the list's record whose value stands here.",
        "place": "What the text is part of, such as python.string.double; it is escaped for that.",
        "filters": "What turns the value into the text, left to right, such as snake or upper.",
    },
    "When": {
        "parameter": "The parameter that decides.",
        "field": "The field of the list's record that decides.",
        "equals": "The text that it must have for the block to stand there.",
    },
    "Each": {"parameter": "The list parameter whose items the block is repeated for."},
    "Parameter": {
        "name": "How deployments name it, in camelCase.",
        "type": "What values it takes. A secretRef takes a reference to a secret, never the secret.",
        "description": "What it is for, in words.",
        "required": "Whether a deployment must give it; it has no default then.",
        "default": "The value where a deployment gives none: a string, a number or a boolean.",
        "allowedValues": "The only values there may be; none listed: any of the type.",
        **_RANGE,
        "fields": "Of a list: the fields of its records, or one without a name when its items are scalars.",
        "when": "It is needed only while another parameter has this text.",
    },
    "Field": {
        "name": "The field's name; empty: the items themselves.",
        "type": "What values it takes; no secrets and no lists.",
        "description": "What it is for, in words.",
        "allowedValues": "The only values there may be; none listed: any of the type.",
        **_RANGE,
    },
    "Pattern": {
        "source": "Where data comes from.",
        "transform": "What happens in between.",
        "destination": "Where data goes to.",
    },
    "Endpoint": {
        "type": "The system, such as servicenow or bigquery.",
        "authMethod": "How one proves to it who one is.",
        "rateLimitHandling": "What is done when it says that there were too many requests.",
        "loadStrategy": "How data is written to it, such as merge.",
    },
    "Transform": {
        "type": "What does the work, such as python.",
        "schemaMapping": "How fields of the source become those of the destination.",
        "dataQualityChecks": "What is checked on the way.",
    },
    "Runtime": {
        "resourceProfile": "How much CPU and memory its pods get.",
        "deployable": "false: for the library only, never run by an FDEDeployment.",
        "workload": "What runs.",
        "securityContext": "What isolation it asks for.",
    },
    "Workload": {
        "kind": "Deployment for what runs always, CronJob for what runs by a schedule, Job for what runs once.",
        "image": "The image by digest: name@sha256:<64 hexadecimal digits>.",
        "command": "The program and its first arguments.",
        "args": "More arguments.",
        "schedule": "Of a CronJob: five cron fields, a duration such as 30m, or {{ parameter }}.",
        "mountPath": "The directory where the files lie.",
        "env": "Environment variables.",
    },
    "EnvVar": {
        "name": "The variable's name.",
        "value": "Its value; {{ parameter }} in it is filled, and alone may be a secretRef.",
    },
    "SecurityContext": {
        "networkPolicy": "restricted: only what the network zone allows goes out; open: anything does.",
        "secretsStore": "Where secrets come from.",
    },
    "Provenance": {
        "candidateRef": "The candidate it was published from.",
        "challenge": "The challenge that it answers.",
        "approvedBy": "Who approved it.",
        "proposalDigest": "Digest of the proposal that was approved.",
        "contributors": "Whose work it came from, as admission saw them.",
        "sources": "Pseudonyms of the deployments it came from.",
        "visibleTo": "Pseudonyms of the only customers that may use it; none listed: everybody may.",
        **_SIGHTINGS,
        "publishedAt": "When it was published, RFC 3339.",
    },
    "CandidateRef": {
        "namespace": "The candidate's namespace.",
        "name": "The candidate's name.",
        "uid": "The candidate's uid.",
    },
    "PrimitiveStatus": {
        **_ON_STATUS,
        "maturity": "The lowest that any library selecting it grants; deprecated by its annotation fde.io/deprecated.",
        "supersededBy": "Which version to take instead of a deprecated one.",
        "usage": "How it did, in numbers.",
        "outcomes": "How its last 100 attempts ended, newest first; they outlive their deployments.",
        "customerTokens": "One item for each customer that it succeeded for, sorted, 1000 at most: the tokens of that customer's "
        "namespaces, the 20 oldest, each 16 hexadecimal digits, with a space in between. A token is a digest over this object's "
        "name and the namespace's uid, so it says nothing about who that is and is another one in every version.",
    },
    "Usage": {
        "deployments": "FDEDeployments that run it now.",
        "ready": "Those of them that are Ready.",
        "attempts": "Attempts that settled, of the last 100.",
        "pending": "Attempts that became Ready less than 24 hours ago; they count as neither.",
        "customers": "Distinct customers that it ever succeeded for.",
        "successRate": "Share, 0 to 1, of settled attempts that became Ready and did not fail within 24 hours.",
        "p50DeploySeconds": "Median seconds from an attempt's start to its first Ready.",
    },
    "Outcome": {
        "id": "Tells this attempt from others, and says nothing else about it.",
        "at": "When its end was certain, RFC 3339.",
        "ok": "Whether it became Ready and did not fail within 24 hours.",
        "deploySeconds": "Seconds from its start to its first Ready; absent when it never was.",
    },
    "PatternLibrarySpec": {
        "selector": "Which primitives it holds.",
        "gates": "What a version must have shown to be promoted.",
        "demotion": "When a version loses its level again.",
    },
    "Selector": {
        "domain": "Primitives of this domain; not given: of any.",
        "tags": "Primitives that carry all of these tags; none given: any.",
    },
    "Gates": {
        "beta": "The gate from experimental to beta.",
        "production": "The gate from beta to production, at least as strict as beta's.",
    },
    "BetaGate": _GATE,
    "ProductionGate": _GATE,
    "Demotion": {
        "attempts": "How many of the last settled attempts are looked at.",
        "minAttempts": "With fewer than these nothing is demoted.",
        "tolerance": "How much, 0 to 1, the success rate may lie below its gate, and the deploy time above it in parts of it.",
    },
    "PatternLibraryStatus": {
        **_ON_STATUS,
        "counts": "How many versions stand at each level.",
        "entries": "Each version, by name, the newest first.",
    },
    "LibraryEntry": {
        "name": "The primitive's name.",
        "version": "The version.",
        "maturity": "The level that this library grants it.",
        "since": "When it came to this level, RFC 3339.",
        "reason": "Why it is where it is.",
        "attempts": "Attempts that settled, of the last 100.",
        "pending": "Attempts that became Ready less than 24 hours ago; they count as neither.",
        "usageCount": "Distinct customers that it ever succeeded for.",
        "successRate": "Share, 0 to 1, of settled attempts that became Ready and did not fail within 24 hours.",
        "deploySeconds": "Median seconds from an attempt's start to its first Ready.",
        "lacks": "What it lacks for the next level, one sentence for each gate that it misses.",
    },
    "Counts": {
        "experimental": "Versions that have not passed the gate to beta.",
        "beta": "Versions that have passed the gate to beta.",
        "production": "Versions that have passed the gate to production.",
        "deprecated": "Versions that should not be taken any more.",
    },
}

# What is handed in and decided on.
_PROPOSALS: Final[Mapping[str, Mapping[str, str]]] = {
    "PatternCandidateSpec": {
        "author": "Who proposed it; admission proves that it was they.",
        "signal": "Why there is a candidate.",
        "proposal": "The spec of the DeploymentPrimitive that it would become.",
        "contributors": "Users whose work is in it; none of them may review it.",
        "evidenceDigest": "Digest of the evidence, which lies with the extraction engine.",
        "explained": "Why each parameter is one.",
        "proof": "What was checked before it was proposed.",
        "review": "A person's decision; final once it is made.",
    },
    "Identity": {"username": "The user as admission saw it."},
    "Signal": {
        "challenge": "The challenge that it answers.",
        "title": "The challenge in words.",
        "kind": "What kind of signal it was.",
        "deployments": "In how many deployments it was seen.",
        "customers": "At how many customers it was seen.",
        "events": "How many times it was seen.",
        **_SIGHTINGS,
        "lastSeen": "When it was last seen, RFC 3339.",
    },
    "Proof": {
        "siblings": "How many solutions the template was made from.",
        "rebuilt": "How many of them it gives back byte for byte.",
        "siblingCustomers": "From how many customers they are.",
        "leaks": "How many values of a customer's own were found in the proposal.",
        "gate": "Which version of the leak gate looked.",
        "proposalDigest": "The proposal that was checked; it proves no other one.",
        "acknowledge": "What no check can decide and the reviewer must have seen.",
    },
    "Acknowledgement": {
        "kind": "What sort of thing it is, such as word, shell, eval, host or import.",
        "what": "The thing, as the template spells it.",
        "path": "The file it is in.",
        "line": "The line it is on, from 1; 0: the file as a whole.",
    },
    "Review": {
        "decision": "Approved or Rejected.",
        "reviewer": "Who decided; must be the requester, with verb approve, and neither author nor contributor.",
        "reviewedGeneration": "The metadata.generation that was looked at.",
        "acknowledged": "Whether all that the proof lists was seen.",
        "reason": "Why; a rejection needs one.",
        "at": "When, RFC 3339.",
    },
    "Explanation": {
        "parameter": "The parameter.",
        "typeReason": "Why it has its type.",
        "nameReason": "Why it has its name.",
        "holes": "Why each of its holes belongs to it.",
    },
    "HoleReason": {
        "path": "The file the hole is in.",
        "line": "The line it is on, from 1.",
        "reason": "Why it belongs to the parameter.",
    },
    "PatternCandidateStatus": {**_ON_STATUS, "publishedAs": "The DeploymentPrimitive that it became."},
    "PatternProposalSpec": {
        "author": "Who submitted it; admission proves that it was they.",
        "files": "The files that were submitted, by digest.",
        "challenge": "The challenge that they answer.",
        "signatures": "Signatures of the errors that they answer.",
        "reuse": "Who may use what is made of them; not said: nobody.",
    },
    "ProposedFile": {
        "path": "Where it lies in its repository, such as src/sync.py.",
        "language": "What it is written in.",
        "digest": "Digest of its bytes.",
    },
    "PatternProposalStatus": {**_ON_STATUS, "joinedTo": "The candidate that it became part of; it is frozen then."},
}

# What runs in customers' namespaces.
_CUSTOMERS: Final[Mapping[str, Mapping[str, str]]] = {
    "FDEDeploymentSpec": {
        "primitiveRef": "Which primitive runs, from which version on.",
        "environment": "Where it runs.",
        "lifecycle": "What it is for, and when it may change.",
        "parameters": "Values by the names of the primitive's parameters; secrets by reference only.",
        "rollout": "How a new version is taken in.",
        "suspend": "true: nothing runs, and everything else stays.",
    },
    "PrimitiveRef": {
        "name": "The primitive's name.",
        "version": "The version to run; with an update policy the lowest one. status.resolvedVersion is the one that runs.",
    },
    "Environment": {
        "networkZone": "Which places its pods may reach.",
        "complianceRequirements": "What must hold here, such as soc2; a primitive that does not carry it is not run.",
        "dataResidency": "Where its pods must run, such as eu-west; can never be changed.",
    },
    "Lifecycle": {
        "phase": "What it is for. retired takes everything away and is final.",
        "maintenanceWindow": "When it may change by itself, such as sun 02:00-04:00 or daily 23:00-01:00.",
        "timeZone": "IANA name of the zone of the window and of a CronJob's schedule, such as Europe/Dublin.",
        "autoUpdatePolicy": "Which newer versions it takes by itself, inside the window only.",
    },
    "Rollout": {
        "canary": "A share of replicas that moves first.",
        "autoRollback": "Whether it goes back by itself when a new version fails.",
    },
    "Canary": {"percent": "The share in percent."},
    "SecretValue": {
        "secretRef": "A key of a Secret in the same namespace.",
        "vaultRef": "A key of a secret in the customer's part of an outside store.",
    },
    "SecretKeyRef": {"name": "The Secret's name.", "key": "The key in it."},
    "VaultKeyRef": {"path": "Where it lies, below tenants/<namespace>/.", "key": "The key in it."},
    "FDEDeploymentStatus": {
        **_ON_STATUS,
        "resolvedVersion": "The version that runs, or is being rolled out.",
        "requestedVersion": "spec.primitiveRef.version when that was chosen.",
        "availableVersion": "The highest version that it could run, when that is higher.",
        "nextWindow": "When a waiting update is taken, RFC 3339 with the zone's offset.",
        "handledUpdateNow": "The value of annotation fde.io/update-now that has had its effect.",
        "filesDigest": "Digest of the rendered files.",
        "templateDigest": "Digest of the pods that were begun last: what makes the same ones again is a repair.",
        "completedJob": "The Job that has done its work, and is not run again.",
        "attempts": "Tries to run a version, newest first.",
        "history": "Which versions ran from when on, newest first.",
        "inventory": "What was made for it.",
        "appliedCompliance": "The primitive's compliance tags and its own, together.",
    },
    "Attempt": {
        "version": "The version that was tried.",
        "generation": "The metadata.generation that was tried.",
        "startedAt": "When it began, RFC 3339; of the first one, when the deployment was created.",
        "rolloutAt": "When something was made for it, RFC 3339, where that was later than startedAt.",
        "runAt": "When the run of a CronJob began whose end is readyAt, RFC 3339.",
        "readyAt": "When it was first Ready, RFC 3339.",
        "failedAt": "When it failed, RFC 3339; within 24 hours of readyAt, or before it ever was Ready.",
        "reason": "Why it failed, or was left.",
    },
    "CompletedJob": {
        "name": "The Job's name.",
        "digest": "Digest of what it ran: version, values, files, references to secrets.",
        "at": "When it was done, RFC 3339.",
    },
    "VersionChange": {
        "version": "The version.",
        "at": "From when on, RFC 3339.",
        "reason": "FirstDeployment, SpecEdited, AutoUpdate, AutoUpdateOff, UpdateNow or Withdrawn.",
    },
    "InventoryEntry": {"kind": "The object's kind.", "name": "The object's name."},
    "TelemetryFeedSpec": {
        "deploymentRef": "The FDEDeployment, of the same namespace, that it is of.",
        "workloadSelector": "Workloads of others, of the same namespace, that opted in.",
        "signals": "What leaves: errors, performance, rateLimit, schemaDrift.",
        "redaction": "What is taken out before anything leaves.",
        "sampling": "How much leaves of what repeats.",
        "egress": "Whether anything leaves; the customer's to say.",
        "solutionPaths": "Files of shared volumes that may leave as solutions; none by default.",
        "sink": "The broker that it is sent to.",
        "sidecar": "The sidecar's container.",
    },
    "DeploymentRef": {"name": "The FDEDeployment's name."},
    "WorkloadSelector": {"matchLabels": "Labels that a workload must carry, all of them."},
    "Redaction": {
        "mode": "strict takes out more than standard does.",
        "rules": "Rules of the customer's own, on top of the mode's.",
    },
    "RedactionRule": {
        "name": "The rule's name.",
        "pattern": "A regular expression; what it matches is taken out.",
        "kind": "The word that stands there instead; not given: the rule's name.",
    },
    "Sampling": {"full": "How many events of one signature leave in full before they are only counted."},
    "Egress": {
        "state": "on: sends. hold: reads and keeps. off: neither (in quotes: YAML 1.1 reads a bare off as false).",
        "source": "Whether source code may be submitted from here.",
    },
    "Sink": {"bootstrapServers": "host:port of its brokers, separated by commas; not given: the operator's."},
    "SidecarImage": {"image": "The image by digest: name@sha256:<64 hexadecimal digits>; not given: the operator's."},
    "TelemetryFeedStatus": {**_ON_STATUS, "kafka": "What was made for it on Kafka."},
    "KafkaAccess": {
        "user": "The user on Kafka.",
        "secret": "The Secret of the same namespace that holds its settings.",
        "settled": "Whether Kafka and the Secret have the same password.",
        "secretVersion": "The Secret's resource version as the operator wrote it: with another one it is made anew.",
    },
}

FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    **_PATTERNS,
    **_PROPOSALS,
    **_CUSTOMERS,
    "Condition": {
        "type": "What it is about, such as Ready.",
        "status": "True, False or Unknown.",
        "reason": "One word for programs.",
        "message": "A sentence for people: what, where, and what to do.",
        "observedGeneration": "The metadata.generation that it is about.",
        "lastTransitionTime": "When its status last changed, RFC 3339.",
    },
}
