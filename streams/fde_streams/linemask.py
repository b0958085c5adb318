"""The tables of masks for a log line, before and after the typed masks run over it.

An application's own line is no vendor's sentence: what it holds beside its words is data. Every rule says why, and what it
misses; each has to make sense for any log. The catalogues (accounts, kinds of things, units, endings of files) are closed
lists of what systems come with.
"""

from __future__ import annotations

import re
from typing import Final

from fde_streams.masking import DIGITS, Mask
from fde_streams.typed import CODE_KEYS, VOCABULARY, is_token

_TOKEN: Final = r"<[a-z][a-z0-9-]{0,30}>"  # noqa: S105  a token of ours, no secret


def _words(alternatives: str) -> frozenset[str]:
    """First words of plain alternatives: `a|b-c` is a and b."""
    return frozenset(re.findall(r"[a-z0-9]+", one.lower())[0] for one in alternatives.split("|"))


_PAIR: Final = r"[A-Za-z_][\w.$-]{0,80}\s?="
METHODS: Final = r"GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|PROPFIND"
_REQUEST: Final = (
    rf"(?P<quote>\")?\b(?P<lead>(?:{METHODS}) )(?(quote)[^\"\n]{{1,2000}}\"|[^\s\"]{{1,2000}} HTTP/\d(?:\.\d)?\"?)"
)


def _is_call_of_ours(found: re.Match[str]) -> bool:
    """A client's record starts with the URL it called: the status is the vendor's answer, which tells causes apart."""
    return bool(re.match(r"\W{0,3}[a-z]{2,10}://", found.string))


BEFORE: Final[tuple[Mask, ...]] = (
    Mask(
        "served",
        re.compile(
            rf"{_REQUEST}"
            r"[ ,]{1,2}(?:status(?:[ _]?code)?[:= ]{1,3})?[1-4]\d\d(?![\w.])"
        ),
        "who asked for what and was told what: a served request that the server itself did not fail (1xx to 4xx)",
        "5xx stay: the service's own failures; so do answers to calls that this application made",
        (DIGITS,),
        _is_call_of_ours,
        words=_words(METHODS),
    ),
    Mask(
        "request",
        re.compile(_REQUEST),
        "a request line; its method says which statement of a protocol it is",
        "request lines without quotes and protocol are read by path and by number",
        (),
        words=_words(METHODS),
    ),
    Mask(
        "entry",
        re.compile(r"(?P<lead>[A-Za-z]:)[a-z]\w{0,40}(?:\.\w{1,40}){1,6}=[^\n]*"),
        "one entry of a map that is printed entry by entry: `environment:java.home=/usr/lib/jvm`",
        "a colon without a blank before a setting that an error is about",
        (":", "="),
    ),
    Mask(
        "object",
        re.compile(r"(?P<lead>(?<![\w$.])[A-Z][\w$.]{0,80})(?:@[0-9a-f]{1,16}\b|\{(?=[^{}]*\d)[^{}]{0,400}\})"),
        "a printed object: class and content",
        "objects without a number in them; nested ones, from the inside, to eight levels",
        ("@{",),
    ),
)  # fmt: skip

# ---------------------------------------------------------------- after the typed masks

# How a sentence goes on after the word "user" where it names nobody.
_GOES_ON: Final = (
    "unknown|not|is|was|are|has|have|had|does|did|do|can|cannot|could|may|must|will|would|should|with|without|and|or|but|"
    "names?|ids?|agents?|data|input|errors?|requests?|sessions?|accounts?|groups?|profiles?|space|mode|level|process|processes|"
    "to|from|for|in|on|at|by|of|the|an?|this|that|who|which|if|when|while|as|than|via|"
    "defaults?|settings?|preferences?|tokens?|passwords?|keys?|logins?|logouts?|roles?|rights|type|lists?|count|code|files?|"
    "info|details|interface|exists?|login|logout|limit|quota|cache|table|database|manager|service|store|privacy|switch"
)
# Accounts that systems come with and that are no word of prose (Unix, Windows, images of clouds).
_ACCOUNTS: Final = "root|admin|administrator|nobody|guest|anonymous|www-data|ec2-user|superuser|sysadmin"
# What is followed by the name that somebody gave to one of its kind.
_KINDS: Final = (
    "host|hostname|node|server|client|device|interface|nic|volume|disk|drive|mount|package|app|process|program|service|daemon|"
    "job|task|thread|worker|executor|queue|topic|table|index|bucket|container|pod|namespace|cluster|domain|realm|zone|group|"
    "module|class|partition|pool|channel|stream|session|tenant|account|repository|repo|branch|image|database|schema|instance|"
    "endpoint|upstream|broker|cell|rack|region|shard|replica|vm|machine|component|plugin|driver|command|"
    "file|directory|folder|library|kernel|key"
)
_SHAPED: Final = r"(?=\w*(?:[_.$/-]\w|[a-z][A-Z]))[A-Za-z_][\w.$/-]{1,120}(?<![.$/-])"  # a name, by its form: snake, kebab, dotted, camel
_ERRORS: Final = re.compile(r".*(?:Error|Exception|Throwable|Failure|Fault|Timeout)s?|.*[.:/$_-]?\b[A-Z][A-Z0-9_]+")
_ROOTS: Final = (
    "com|org|net|io|edu|gov|de|uk|fr|cn|jp|ru|android|androidx|java|javax|jdk|sun|scala|kotlin|akka|dev|me|app"
)
_ENDINGS: Final = (
    "log|txt|conf|cfg|ini|json|xml|yaml|yml|csv|tsv|jar|war|so|dll|exe|sys|py|sh|bat|cmd|gz|zip|tar|tgz|tmp|bak|pid|sock|sqlite|parquet|"
    "avro|orc|pdf|png|jpg|jpeg|htm|html|properties|plist|kext|img|iso|rpm|deb|apk|ko|msi|mui|lock|pem|crt|xsd|proto|sql"
)
_UNITS: Final = (
    r"[kmgtp]i?b(?:ytes?|its?)?(?:/s(?:ec)?)?|bytes?|bits?|[mun]s|µs|s(?:ec(?:ond)?s?)?|min(?:ute)?s?|h(?:ou)?rs?|hours?|days?|weeks?|"
    r"milli(?:second)?s?|micro(?:second)?s?|nano(?:second)?s?|[kmg]?hz|percent|%"
)


def _is_error(found: re.Match[str]) -> bool:
    return bool(_ERRORS.fullmatch(found["word"]))


def _is_constant(found: re.Match[str]) -> bool:
    """Words with a digit that are words: `utf-8`, `ssh2`, `L3`; and functions, which their parentheses tell."""
    word = found.group()
    if VOCABULARY.fullmatch(word):
        return True
    following = found.string[found.end() : found.end() + 2]
    return (
        following[:1] == "("
        and not following[1:].isdigit()
        and bool(re.fullmatch(r"[A-Za-z]{2}[A-Za-z_]*\d?[A-Za-z_]*", word))
    )


def _is_speech(found: re.Match[str]) -> bool:
    """A list is of names, each one word; `[client, which was late]` is said in words, `(no session, yet)` too."""
    return not all(re.fullmatch(rf"(?:[\w.$:@/#*+-]|{_TOKEN})*", item.strip()) for item in found["items"].split(","))


AFTER: Final[tuple[Mask, ...]] = (
    Mask(
        "value",
        re.compile(
            rf"(?P<lead>(?<![\w<])(?!{CODE_KEYS}\s?=)(?:[A-Za-z_][\w.$-]{{0,80}}|[\])>])[ ]?=)(?![=>~])"
            rf"(?:[ ]{{0,3}}(?!{_PAIR})"
            rf"(?P<value>(?:{_TOKEN}|\"[^\"\n]{{0,300}}\"|'[^'\n]{{0,300}}'|\[[^\[\]\n]{{0,400}}\]|\([^()\n]{{0,400}}\)|\{{[^{{}}\n]{{0,400}}\}}|<[^<>\n]{{1,400}}>|[^\s,;|)\]}}'\"<>(\[{{])"
            rf"(?:{_TOKEN}|[^\s,;|)\]}}'\"<>\[{{])*(?<![:.])"
            rf"(?:(?: [^\s,;|=()<>\[\]{{}}'\"]{{1,60}}){{1,8}}(?=, ?{_PAIR}))?))?"
        ),
        "the value of a key, also none: `ruser=` and `ruser=bob` are one statement",
        "values of several words that no comma and next key end; keys that name a code keep theirs",
        ("=",),
        is_token,
    ),
    Mask(
        "user",
        re.compile(
            rf"(?P<lead>\b(?:[Uu]ser|USER|[Uu]sername|[Ll]ogin user)(?: name)?(?: ?[:=])? )(?!(?:{_GOES_ON})\b|[a-z]{{2,}}(?:ed|ing|tion)\b)"
            r"[A-Za-z_][\w.@\\$+-]{0,63}(?![\w(<])(?<![.])"
        ),
        "whose account",
        "users named like a word that may follow `user`",
        (" ",),
        words=frozenset(("user", "username")),
    ),
    Mask(
        "user",
        re.compile(rf"(?P<lead>\b(?i:invalid|illegal|unknown|unauthorized) user )[\w.@\\$+-]{{1,64}}(?= (?:from|at|on) {_TOKEN}| \[)"),
        "a name that nobody has: it may be any word",
        "`invalid user input` before a bracket",
        (),
        words=frozenset(("invalid", "illegal", "unknown", "unauthorized")),
        literals=(" user ",),
    ),
    Mask(
        "user",
        re.compile(rf"(?P<lead>\b(?:for|FOR|by|as) )[A-Za-z_][\w.@\\$+-]{{0,63}}(?= (?:from|FROM|at|on) (?:{_TOKEN}|host\b))"),
        "whose account: `for NAME from ADDRESS`",
        "names of several words; `for` a thing that came from an address",
        (),
        words=frozenset(("for", "by", "as")),
        literals=(" from ", " FROM ", " at ", " on "),
    ),
    Mask(
        "user",
        re.compile(rf"(?P<lead>\b(?:for|by|as|from|to|of|user|owner|account) |[(\[])(?i:{_ACCOUNTS})(?![\w.=-])"),
        "an account that systems come with",
        "accounts of products: their names are the products'",
        (),
        words=_words(_ACCOUNTS),
    ),
    Mask(
        "user",
        re.compile(r"(?P<lead>^\()[a-z_][\w.-]{0,63}(?=\) [A-Z]{2,})"),
        "whose line it is: `(NAME) COMMAND`",
        "none known",
        ("(",),
    ),
    Mask(
        "user",
        re.compile(r"(?P<lead>\b(?:by|for|as) )(?:[A-Za-z_][\w.-]{0,63})?(?=\(uid)"),
        "who did it: `by (uid=0)`, `by root(uid=0)`",
        "none known",
        (),
        literals=("(uid",),
    ),
    Mask(
        "class",
        re.compile(rf"(?<![\w.$/@-])(?P<word>(?:{_ROOTS})(?:\.[A-Za-z_$][\w$]{{0,80}}){{2,12}}(?:/[\w.$]{{1,200}})?)(?![\w$]|\.[\w$\ue000])"),
        "a class or package: code's name for what it works on",
        "classes of errors and constants stay; packages under roots not listed",
        (".",),
        _is_error,
        _words(_ROOTS),
    ),
    Mask(
        "file",
        re.compile(
            rf"(?<![\w.<>/-])[\w$~-]{{1,100}}(?:\.[\w-]{{1,40}}){{0,4}}\.(?:{_ENDINGS})(?:\.\d{{1,3}})?(?![\w-]|\.\w)"
        ),
        "a file of one machine",
        "endings not listed",
        (".",),
        words=_words(_ENDINGS),
    ),
    Mask(
        "name",
        re.compile(
            rf"(?P<lead>\b(?i:{_KINDS})(?: name| id| named| called)?(?: ?[:=] ?| )(?:is )?)(?P<word>{_SHAPED})(?![\w(=:<])"
        ),
        "the name of one thing of a kind, known by its form: snake_case, kebab-case, dotted, camelCase",
        "names that read like a word",
        (" :=",),
        _is_error,
        _words(_KINDS),
    ),
    Mask(
        "list",
        re.compile(r"\[(?P<items>[^\[\]\n]{0,600},[^\[\]\n]{0,600}|[ ]{0,2})\]"),
        "a list: how many there are varies as much as which",
        "lists of texts of several words",
        ("[",),
        _is_speech,
    ),
    Mask(
        "list",
        re.compile(r"(?<![\w.])(?:[A-Z]\w{1,40})\((?P<items>[^()\n]{0,600},[^()\n]{0,600}|)\)"),
        "a printed collection: `Set(yarn, curi)`, and an empty one",
        "collections in lower case, which look like calls",
        ("(",),
        _is_speech,
    ),
    Mask(
        "list",
        re.compile(r"(?<![\w])\((?P<items>(?: {0,2}(?:on|off|yes|no|ok|up|down|\*{2,}|-?\d+(?:\.\d+)?|<number>),? {0,2}){1,64})\)"),
        "a list of states or readings, in parentheses",
        "states not listed",
        ("(",),
    ),
    Mask(
        "bool",
        re.compile(r"(?<![\w<.-])(?:true|false|True|False|TRUE|FALSE)(?![\w>-])"),
        "a printed truth value",
        "yes and no in a sentence",
        (),
        words=frozenset(("true", "false")),
    ),
    Mask(
        "nothing",
        re.compile(r"(?P<lead>[\w\"'] ?[:=] ?)(?:(?:null|nil|None|NULL|N/A|NaN|undefined)(?=[\s,;)\]}]|$)|(?:none|yes|no|on|off)(?=[,;)\]}]|$))"),
        "a printed value that says there is none, or a switch, after its label",
        "a switch that a blank and more words follow: `FATAL: no entry` is a sentence",
        (":=",),
        words=frozenset("null nil none n nan undefined yes no on off".split()),
    ),
    Mask(
        "path",
        re.compile(
            rf"(?<![\w.<>/$-])[\w.$-]{{1,80}}(?:/[\w.$-]{{1,80}}|/{_TOKEN}){{2,20}}(?![\w/])"
        ),
        "a path that starts at no root: two slashes or more",
        "one slash: `read/write` is said so",
        ("/",),
    ),
    Mask(
        "number",
        re.compile(rf"(?<![\w=>-])[<>~≈]=? ?\d+(?:[.,]\d+)?(?: ?(?:(?i:{_UNITS})|B))?(?![\w>])"),
        "less or more than an amount",
        "units not listed",
        ("<>~≈", DIGITS),
    ),
    Mask(
        "reading",
        re.compile(r"(?<=[\w)\]])\.{3,} ?-?\w+"),
        "what a table says after its leaders: `parity error......0`",
        "a word after three dots, in a sentence that hesitates",
        (".", DIGITS),
        literals=("...",),
    ),
    Mask(
        "id",
        re.compile(r"(?<![\w$~@#%+*.<-])[\w$~@#%+*.-]*\d(?:[\w$~@#%+*.-]*[\w$%+*])?(?![\w>])"),
        "whatever has a digit in it: an identifier, a version, an address, a reading",
        "names of encodings, protocols and digests stay by vocabulary; functions by their parentheses",
        (DIGITS,),
        _is_constant,
    ),
    Mask(
        "number",
        re.compile(rf"<(?:number|id)> ?(?:(?i:{_UNITS})|B)(?![\w>])"),
        "an amount with its unit: `93.0 B` and `5.4 KB` are one reading",
        "units not listed",
        (),
        literals=("<number>", "<id>"),
    ),
)  # fmt: skip
