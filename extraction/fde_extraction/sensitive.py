"""Sensitive classes: texts that may never be constants of a published template, even when every sibling has them.

leaf's text and names -> find() -> spans with a class

Classes: host (internal names, private addresses, resources of one cloud account, shares), url, email, account (ids of clouds'
accounts, projects, tenants and resources, locators, ARNs), user, phone, person, channel, ticket (fde_extraction.person), customer.
What standards and vendors publish is left alone (fde_extraction.public).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from fde_extraction import secrets
from fde_extraction.ordinary import is_ordinary
from fde_extraction.person import NAME, NEXT, persons
from fde_extraction.public import TENANTED, VENDORS_OWN, is_public
from fde_extraction.slot import singular
from fde_template.words import words

_VENDORS: Final = 3  # dots in a vendor's own host
_INTERNAL: Final = (
    r"(?:[\w-]+\.)+(?:internal|corp|local|lan|intra|intranet|private|priv|test|example|invalid|home\.arpa)"
)
# Documentation addresses (RFC 5737) stand for real ones in samples; loopback and any-address say nothing of anyone.
_ADDRESS: Final = (
    r"(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|169\.254(?:\.\d{1,3}){2}|"
    r"192\.0\.2\.\d{1,3}|198\.51\.100\.\d{1,3}|203\.0\.113\.\d{1,3}|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])(?:\.\d{1,3}){2})"
)
_SIGNING: Final = frozenset("author authors owner contact maintainer maintainers".split())
# Order matters: the wider text first, so that an address in an ARN is part of it.
_CLASSES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}")),
    (
        "email",
        re.compile(
            r"(?i)\b[\w.+-]+(?: at [\w-]+(?: dot [a-z]{2,12}){1,3}| ?[(\[]at[)\]] ?[\w-]+(?: ?(?:[(\[]dot[)\]]|\.| dot ) ?[a-z]{2,12}){1,3})\b"
        ),
    ),
    (
        "phone",
        re.compile(
            r"(?<![\w.)\]+])\+[1-9]\d{0,2}(?=[ .()-])(?:[ .-]?\(?\d{1,5}\)?){2,6}(?!\w)|(?<=\btel:)\+?\d[\d .-]{6,18}\d|(?<![\w-])(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}(?![\w-])"
        ),
    ),
    ("account", re.compile(r"arn:aws[\w-]*:[\w-]*:[\w-]*:\d{12}:[^\s\"'`$,;{}]+")),
    (
        "url",
        re.compile(
            rf"[a-z][a-z0-9+.-]*://(?:{_INTERNAL}|{_ADDRESS})(?::\d+)?/(?=[^\s\"'`]*[A-Za-z])[^\s\"'`${{}}<>?#]*"
        ),
    ),
    ("host", re.compile(rf"(?<![\w.-]){_INTERNAL}(?![\w-]|\.\w)")),
    (
        "host",
        re.compile(
            r"(?<![\w.@-])(?:[\w-]+\.)+(?:internal|corp|intra|intranet|lan|priv)\.(?:[\w-]+\.)+[a-z]{2,}(?![\w-]|\.\w)"
        ),
    ),
    (
        "host",
        re.compile(
            r"(?<![\w.@-])(?:[A-Za-z0-9][\w-]*\.)+(?:" + "|".join(suffix for suffix, _ in TENANTED) + r")(?![\w-]|\.\w)"
        ),
    ),
    ("host", re.compile(r"(?<=://)(?:[^\s/@'\"]*@)?(?P<only>[A-Za-z][\w-]*)(?=:\d|/|$|[\s'\"`?])")),
    ("host", re.compile(r"(?<![\w-])[A-Za-z]+(?:-[A-Za-z0-9]+)*-?\d+(?=:\d{2,5}(?!\w))")),
    ("host", re.compile(rf"(?<![\w.]){_ADDRESS}(?:/\d{{1,2}})?(?![\w.])")),
    ("account", re.compile(r"(?<![\w.-])(?:\d{12}|\d{4}-\d{4}-\d{4})(?![\w-]|\.\d)")),
    (
        "account",
        re.compile(
            r"\b(?:vpc|subnet|sg|vpce|igw|rtb|eni|vol|snap|nat|acl|tgw|eipalloc|fs|i)-(?=[a-f]*\d)(?:[0-9a-f]{17}|[0-9a-f]{8})\b"
        ),
    ),
    ("account", re.compile(r"(?<=\bprojects/)(?=[a-z-]*\d)[a-z][a-z0-9-]{4,28}[a-z0-9](?![\w-])")),
    ("account", re.compile(r"(?<![\w.-])[a-z][a-z0-9-]{3,22}-(?!(?:19|20)\d\d\.)\d{4,6}(?=\.\w+\.\w)")),
    ("account", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)),
    (
        "account",
        re.compile(
            r"\b(?:[A-Z][A-Z0-9]{1,15}-)?(?!(?:INC|CHG|RITM|REQ|PRB|TASK)\d)[A-Z]{2,4}\d{5,}(?:\.[A-Za-z][A-Za-z0-9_]*)?\b|\b[a-z]{2}\d{5}\.[a-z]+-[a-z]+-\d\b"
        ),
    ),
    ("user", re.compile(r"(?i)(?<=\buser=)(?=[\w.-]*\d)[\w.-]{4,}|(?<=\buid=)(?=[\w.-]*\d)[\w.-]{4,}")),
    (
        "user",
        re.compile(r"\b[A-Z][A-Z0-9_]*(?:BREAK_?GLASS|ADMIN|SVC|USER|LOGIN|SERVICE)(?:_[A-Z0-9]+)*_\d{2,}\b"),
    ),
)
# What is somebody's by what stands before it, unless anybody would call it so: accounts of services, entries of a directory
# (RFC 4514), keys of connection strings, buckets (whose names are one customer's in all the world), projects.
_VALUE: Final = r"(?P<only>[A-Za-z0-9][^;=\s\"'`{}$%<>(),]{2,})"
_SET_APART: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("user", re.compile(r"(?<![\w./-])(?P<only>(?:svc|srv|adm|usr|robot)-[a-z0-9][\w-]*\w)|(?<=[\"'`])(?P<quoted>(?:svc|srv)_\w+)(?=[\"'`])")),
    ("user", re.compile(r"(?i)(?<![\w-])(?:cn|uid|samaccountname)=(?P<only>[\w][\w .@-]*\w)(?=,\s*(?:ou|cn|dc|o)=)")),
    ("host", re.compile(r"(?i)(?<![\w-])dc=(?P<only>[\w-]+)(?=,\s*dc=)")),
    ("account", re.compile(r"(?i)(?<![\w-])ou=(?P<only>[\w][\w .-]*\w)(?=,\s*(?:ou|dc|o)=)")),
    ("account", re.compile(rf"(?i)(?:\A|[;\"'`])\s*(?:account ?name|account|sharedaccesskeyname|initial catalog)\s*=\s*{_VALUE}(?=;)")),
    ("user", re.compile(rf"(?i)(?:\A|[;\"'`])\s*(?:user ?id|user ?name|user|uid)\s*=\s*{_VALUE}(?=;)")),
    ("host", re.compile(rf"(?i)(?:\A|[;\"'`])\s*(?:server|data source|host|hostname|failover partner)\s*=\s*(?:tcp:)?{_VALUE}(?=;)")),
    ("host", re.compile(rf"(?i)(?:\A|[\s\"'`])host={_VALUE}(?=\s+(?:port|user|dbname|password|sslmode)=)")),
    ("user", re.compile(r"(?<=://)(?P<only>[^\s:/@{}$%'\"`]{3,})(?=:[^\s/@]+@)")),
    ("user", re.compile(rf"(?i)(?<=\s)user={_VALUE}(?=\s+(?:port|host|dbname|password|sslmode)=)")),
    ("account", re.compile(r"(?:(?<![\w-])(?:s3[an]?|gs|gcs|r2|oss)://|arn:aws[\w-]*:s3:::)(?P<only>[a-z0-9][a-z0-9.-]{2,61})(?![\w$%{])")),
    ("account", re.compile(r"(?<=\bprojects/)(?P<only>[a-z][a-z0-9]*(?:-[a-z0-9]+)+)(?![\w-])")),
    # Names that were made unique by a number: `acme-terraform-state-4821`.
    ("account", re.compile(r"\A(?P<only>[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)+-(?!(?:19|20)\d\d\Z)\d{3,6})\Z")),
)  # fmt: skip
# Schemes whose first part is a host; s3:// and gs:// name buckets.
_HOSTED: Final = re.compile(
    r"(?i)(?:https?|wss?|rediss?|postgres(?:ql)?(?:\+\w+)?|mysql(?:\+\w+)?|mariadb|amqps?|kafka|mongodb(?:\+srv)?|ldaps?|s?ftps?|ssh|tcp|"
    r"nats|smtps?|smb|cifs|nfs|mqtts?|mssql(?:\+\w+)?|sqlserver|jdbc:\w+|oracle(?:\+\w+)?|clickhouse)://\Z"
)
# What every compose file and every example calls its services.
SERVICES: Final = frozenset(
    "localhost redis kafka zookeeper postgres postgresql db database mysql mariadb rabbitmq mongo mongodb minio elasticsearch opensearch host "
    "hostname server broker vault proxy api web app backend frontend nginx consul etcd nats keycloak localstack memcached clickhouse cassandra "
    "prometheus grafana otel collector jaeger smtp mail ftp sftp example user username account tenant domain".split()
)
# Such words are members in code (`pattern.test(text)`, `threading.local`) as well as the last part of a host.
_MEMBERS: Final = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]+)+")
_NAMELIKE: Final = re.compile(r"[A-Za-z_]*|\s*")
_OWNERS: Final = ("self.", "this.", "cls.", "super.", "module.", "window.", "process.", "os.", "sys.")
_CODE_AFTER: Final = re.compile(r"\s+(?:import|as|if|else|and|or|in|is|of)\b|\s*(?:[(\[;,)=+*<>!&|?:{}\]]|\Z|\n)")
_CODE_BEFORE: Final = re.compile(
    r"(?:^|[=({\[,:;!&|?+*<>]|\b(?:return|if|elif|while|when|case|assert|const|let|var|async|and|or|not|await|in|is|import|from|with|yield|new|typeof))\s*\Z"
)
_USERS: Final = frozenset("user username login owner principal assignee".split())
_LOCATED: Final = (("account",), ("locator",))
_LOGINS: Final = frozenset("user username login".split())
_ACCOUNTS: Final = frozenset(
    "account accountid tenantid subscription subscriptionid projectid organizationid organisationid orgid workspaceid directoryid locator "
    "instanceid clusterid".split()
)
_STORES: Final = frozenset("bucket buckets bucketname".split())
_CHANNELS: Final = frozenset("channel channels slack".split())
_PHONES: Final = frozenset("phone mobile msisdn hotline pager sms fax telephone".split())
# What code calls the parties it serves: a value of that name is somebody's name.
PARTY: Final = frozenset(
    "customer tenant client company organization organisation org brand partner merchant owner firm".split()
)
_SHORTEST: Final = 2
_WORD: Final = 4
_ALONE: Final = 6
# Two and three letters that code is full of: they abbreviate nobody's name.
_LANGUAGE: Final = frozenset(
    "and any api app as asc at by csv cte db def del dev env eof end etl fde for get gcp aws sap url uri uid id if in int ip is io iso key log max "
    "min not now null of on or out own pk put qa row run set sha sql ssl sum tag the tls to tmp top ttl two one try udf use utc utf var via xml "
    "yes no http json dml ddl pii sla s3 kms iam vpc ec2 sns sqs jwt sso dlq mfa ok pg ts py tsv add all avg day new old us eu uk de".split()
)
_ABBREVIATION: Final = 3
# Abbreviations in the names of accounts and stores that are trades, systems and stages, and no one's initials.
_SHORT_FORMS: Final = _LANGUAGE | frozenset(
    "cdc crm erp mes wms tms oms pim plm hcm hrm ehr emr fhir lms cms cdn dns vpn ftp sys tmp ops prd prod stg uat dwh edw lake bot agg raw bin ext "
    "int pub sub src dst ref fin acc mgr svc srv usr adm rds emr efs kms ecs eks gke aks lab bus ods odp mdm iot ads seo pos rpt job dag bqx".split()
)
_PLAIN: Final = frozenset(
    "root admin postgres system user default guest anonymous public sa dbo nobody self current_user".split()
)


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A span of a text, in characters."""

    kind: str
    start: int
    end: int


def find(
    text: str,
    hints: Sequence[str] = (),
    customers: Sequence[str] = (),
    *,
    bare: frozenset[str] = frozenset(),
    wide: bool = True,
    own: Collection[str] = (),
) -> list[Sensitive]:
    """Sensitive spans in the text of one literal or comment, called `hints`; never overlapping, in order.

    `wide` false, or a text of `bare` in it: no whole URL or ARN, only the sensitive text within. `own`: words that the
    code's own names say, which make a bucket or an account nobody's.
    """
    # A name without digits is of no class by its looks; most leaves of code are such.
    found = [] if _NAMELIKE.fullmatch(text) else list(_looked(text, bare, wide=wide))
    found += _named(text, hints, own)
    found += [Sensitive("customer", *span) for name in customers for span in spelled(name, text)]
    kept: list[Sensitive] = []
    for item in found:  # in order of the classes: the first one that takes a stretch has it
        if all(item.end <= other.start or other.end <= item.start for other in kept):
            kept.append(item)
    return sorted(kept, key=lambda item: item.start)


def _looked(text: str, bare: frozenset[str], *, wide: bool) -> Iterator[Sensitive]:
    for kind, pattern in _CLASSES:
        group = "only" if "only" in pattern.groupindex else 0
        for match in pattern.finditer(text):
            whole = kind == "url" or match.group().startswith("arn:")
            if whole and (not wide or any(part in match.group() for part in bare)):
                continue
            if not _harmless(kind, text, *match.span(group)):
                yield Sensitive(kind, *match.span(group))
    yield from _apart(text, bare, wide=wide)
    yield from (Sensitive(*item) for item in persons(text))


_SERVICE_ACCOUNT: Final = re.compile(r"(?i)(?:svc|srv|adm|usr|robot)[-_]")
# A directory's name of an entry that ends in a domain: all of it is one value.
_DISTINGUISHED: Final = re.compile(
    r"(?i)(?<![\w-])(?:cn|ou|uid|o|l|st|dc)=[\w .@-]*[\w](?:,\s*(?:cn|ou|uid|o|l|st|dc)=[\w .@-]*\w)*,\s*dc=[\w-]+"
)


def _apart(text: str, bare: frozenset[str], *, wide: bool) -> Iterator[Sensitive]:
    """What is somebody's by what stands before it, unless all of its words are ordinary."""
    found = []
    for kind, pattern in _SET_APART:
        for match in pattern.finditer(text):
            group = match.lastgroup or 0
            shown = match[group]
            if not is_public(kind, shown) and not _anybodys(shown):
                found.append(Sensitive(kind, *match.span(group)))
    for match in _DISTINGUISHED.finditer(text) if wide and "=" in text else ():
        inside = [item for item in found if match.start() <= item.start and item.end <= match.end()]
        if inside and not any(part in match.group() for part in bare):
            yield Sensitive("account", *match.span())
    yield from found


def _anybodys(text: str, own: Collection[str] = ()) -> bool:
    """Whether no word of a name tells of anybody: ordinary, short, of the code's `own`, or what samples call such things."""
    if text.lower() in _PLAIN:
        return True
    if _SERVICE_ACCOUNT.match(text):
        return False
    return not any(_tells(word.strip("0123456789"), own) for word in words(text))


def _tells(word: str, own: Collection[str]) -> bool:
    if not word.isalpha() or len(word) < _ABBREVIATION or word in own or word in SERVICES or is_ordinary(word):
        return False
    return len(word) >= _WORD or word not in _SHORT_FORMS


def _harmless(kind: str, text: str, start: int, end: int) -> bool:
    """Whether what looks sensitive is everybody's, or is no text of its class where it stands."""
    shown = text[start:end]
    before, after = text[text.rfind("\n", 0, start) + 1 : start], text[end : end + 16]
    if kind == "host" and (width := re.fullmatch(r"([\d.]+)/(\d+)", shown)):
        return bool(re.fullmatch(r"[\d.]+\.0(?:\.0)+", width[1])) and is_public(kind, width[1])
    if is_public(kind, shown):
        # A range is public with its width; an address in it is somebody's.
        return not re.fullmatch(r"[\d.]+\.0\.0", shown) or after[:1] == "/"
    if kind == "url" and (host := re.match(r"\w+://([^/:]+)", shown)):
        return is_public("host", host[1])
    if kind == "email":
        return before.endswith("://")  # a container, or a user, before a URL's host
    if kind != "host":
        return False
    if re.fullmatch(r"[\d./]+", shown):
        return re.search(r"(?i)(?:version|ver|v|release|driver)[\s=:\"'/-]*\Z|\b[A-Z]\w*/\Z", before) is not None
    if "." not in shown:
        if _HOSTED.search(before.removesuffix(before.rpartition("://")[2])) is None and "://" in before[-80:]:
            return True
        return shown.lower() in SERVICES or ("://" not in before and not re.search(r"[\"'`,=@]\Z|^\Z", before))
    if shown.lower().split(".")[0] in VENDORS_OWN and any(
        re.search(rf"\.(?:{suffix})\Z", shown) for suffix, _ in TENANTED
    ):
        return shown.count(".") <= _VENDORS
    if not _MEMBERS.fullmatch(shown) or any(mark in before for mark in ("'", '"', "`", "#", "//", "--", "@")):
        return False
    return shown.startswith(_OWNERS) or (
        bool(before or after) and bool(_CODE_AFTER.match(after)) and bool(_CODE_BEFORE.search(before))
    )


def _named(text: str, hints: Sequence[str], own: Collection[str]) -> Iterator[Sensitive]:
    for hint in hints[:1]:
        called = words(hint)
        parts = {*called, *map(singular, called), "".join(called), *(one + other for one, other in pairwise(called))}
        if (
            parts & _USERS
            and re.fullmatch(r"[\w.@\\-]{3,64}", text)
            and text.lower() not in _PLAIN
            and (
                re.search(r"\d", text)
                or (parts & _LOGINS and not re.fullmatch(r"[A-Z]+", text) and not _anybodys(text, own))
            )
            and not is_public("user", text)
        ):
            yield Sensitive("user", 0, len(text))
        if parts & _STORES and re.fullmatch(r"[a-z0-9][a-z0-9.-]{2,62}", text) and not _anybodys(text, own):
            yield Sensitive("account", 0, len(text))
        if parts & _SIGNING and re.fullmatch(rf"{NAME}(?:{NEXT}){{1,3}}", text):
            yield Sensitive("person", 0, len(text))
        named = "slack" in parts and re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)+", text)
        if named or (parts & _CHANNELS and re.fullmatch(r"#[\w-]+|[CGD][A-Z0-9]{8,10}", text)):
            yield Sensitive("channel", 0, len(text))
        if parts & _PHONES and re.fullmatch(r"\+?[\d ().-]{7,20}", text) and not is_public("phone", text):
            yield Sensitive("phone", 0, len(text))
        if called[-1:] == ("id",) and secrets.drawn(text, named=True):
            yield Sensitive("account", 0, len(text))
        if (
            parts & _ACCOUNTS
            and re.fullmatch(r"[\w.-]{4,64}", text)
            and (re.search(r"\d", text) or (called[-1:] in _LOCATED and not _anybodys(text, own)))
            and not is_public("account", text)
        ):
            yield Sensitive("account", 0, len(text))


def spelled(name: str, text: str) -> Iterator[tuple[int, int]]:
    """Where `name` stands in `text` in any case and with any separators between its words.

    From six letters anywhere, from four as words of their own (``orderGate`` holds ``gate``, ``delegate`` does not); shorter
    ones are abbreviations, which are capitals and no words of a language (``HF_ORDERS``).
    """
    parts = words(name)
    size = sum(map(len, parts))
    if size < _SHORTEST or (size < _ALONE and not parts[0].isalpha() and size < _WORD):
        return
    if size < _WORD:
        if len(parts) == 1 and name.lower() not in _LANGUAGE and name.isalpha():
            yield from (
                match.span()
                for match in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(name.upper())}(?![A-Za-z0-9])", text)
            )
        return
    pattern = r"[\W_]*".join(map(re.escape, parts))
    for match in re.finditer(pattern, text, re.IGNORECASE):
        start, end = match.span()
        if size >= _ALONE or (_edge(text, start) and _edge(text, end)):
            yield start, end


def _edge(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at : at + 1]
    return (
        not (before.isalnum() and after.isalnum())
        or (before.islower() and after.isupper())
        or before.isdigit()
        or after.isdigit()
    )
