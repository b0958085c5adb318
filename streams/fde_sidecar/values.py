"""Values: what the form of a text says: masked already, random, a password, a word, source code."""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.rule import TOKEN

# Words that stand where a value would, and are none.
NO_VALUES: Final = frozenset(
    "none null nil true false undefined missing invalid expired required empty string int bool redacted masked hidden unset "
    "not is was must has failed error unknown unauthorized forbidden denied rejected revoked the for and or of in str bytes "
    "changeme example object number value default yes no refreshed rotated ok filtered scrubbed removed omitted sensitive "
    "protected stripped obfuscated suppressed secret n/a unspecified boolean float array list dict function anonymous optional "
    "provided supplied configured present loaded found enabled disabled placeholder dummy todo tbd replaceme replace-me replace_me "
    "not-set not_set notset not-configured not_configured not-found not_found not-provided fetch rejected accepted verified".split()
)
# What help texts and messages say after an option's name.
PROSE: Final = NO_VALUES | frozenset(
    "expected option options flag argument arguments parameter with from to in on at may can cannot can't should given takes take "
    "requires requiring needs via instead when if only by as are be been it its this that value= too short long least blank "
    "incorrect wrong match does doesn't did didn't please enter your you used using characters contain contains found already "
    "file read loading loaded a an but do will won't provided length".split()
)
_MASK: Final = re.compile(
    rf"(?:{TOKEN}|(?:hmac-)?sha(?:1|224|256|384|512)[:-][0-9a-f]{{32,128}}|(?:sha\d{{1,3}}|md5|len(?:gth)?)[=:][0-9a-f]{{1,31}}|[\w-]{{0,12}}(?:\.{{3,}}|…|\*{{3,}}|[xX]{{4,}})[\w-]{{0,8}}|\*{{1,2}}|[*xX.•●·_#=?-]{{3,}}|\$\{{?\w+\}}?|\$\{{[^}}]*\}}?|\$\([^)]*\)?|%\(\w+\)[a-z]|%[a-z]|%[A-Z_]+%?|\{{+[^{{}}]*\}}*|<[^<>]{{0,80}}>?"
    r"|:[a-z_]{2,40}|@[A-Za-z_]{3,40}|@_{0,2}p\w{0,3}\d{1,3}|@__\w{1,40}"  # a statement's parameters
    r"|[\[(*]{1,3}[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ _-]{2,30}[\])*]{1,3}|\[[\d-]{1,8} ?(?:chars?|bytes?|characters|Zeichen)\]"  # whatever the language
    r"|[\[(*]{1,3}(?i:redacted|filtered|masked|hidden|removed|secret|sensitive|omitted|scrubbed|protected|private|stripped|obfuscated"
    r"|suppressed|not set|unset|none|null|empty|known after apply|sensitive value|[*x]+)\b[^\]()]{0,40}[\])*]{0,3})"
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_%~.:-]+={0,2}")
UUID: Final = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KIND: Final = str.maketrans(
    {
        **dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "a"),
        **dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "A"),
        **dict.fromkeys("0123456789", "0"),
    }
)
_CHANGE: Final = re.compile(r"a(?=[A0])|A(?=0)|A(?=a)|0(?=[aA])")


def masked(value: str) -> bool:
    """Whether somebody took the value out already, or a program has yet to put it in."""
    return _MASK.fullmatch(value) is not None or "***" in value or "•••" in value or "…" in value


# Where a secret lies instead of the secret: a store's path, a file, a variable, an object in memory.
_REFERENCE: Final = re.compile(
    r"(?i)(?:vault|op|ref\+\w{1,20}|ssm|secretsmanager|aws-?sm|gcp-?sm|gcpsecretmanager|azurekv|akv|keyvault|conjur|doppler|infisical|chamber"
    r"|env|file|secret|k8s|kubernetes|keychain|keyring|arn|urn|credstash|berglas|sops|lookup|path)(?:://?|:)[\w{~/.@$-].*"
    r"|ENC(?:RYPTED)?\[.*|@Microsoft\.KeyVault.*|projects/[^/\s]+/secrets/.*|(?:process\.)?env\.[A-Z_]+|(?-i:[a-z][\w$]*(?:\.[\w$]+)+@[0-9a-f]{1,8})"
    r"|0x[0-9a-f]{1,16}|(?:your|my|the|some|any|insert|enter|add|put|paste)[-_ ](?:[a-z]+[-_ ])*(?:password|passwd|secret|token|key|here|value|credentials?)(?:[-_ ]here)?"
    r"|(?-i:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|KEY|PWD|CREDENTIALS?))"
)
_FILE: Final = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[\\/](?:[\w.@+-]{1,60}[\\/]){1,12}[\w.@+-]{1,80}")
# An object of MongoDB and a ULID begin with their time; a wallet, a message and a file have names; one kind of key is published.
_IDENTIFIER: Final = re.compile(
    r"(?!(?:sk|rk|ak|tk|st|pat|tok|key|sec|api|app|bot|jwt|ssk|pass|pwd|cred|auth|sess|svc|usr|acc|ref)_)[a-z]{2,5}_[A-Za-z0-9]{8,40}|[0-9A-F]{40}"
    r"|[4-7][0-9a-f]{23}|01[0-9A-HJKMNP-TV-Z]{24}|0x[0-9a-fA-F]{8,40}|(?!SK)[A-Z]{2}[0-9a-f]{32}|pk_(?:live|test)_\w+|\S*/\S*\.[a-z0-9]{2,5}"
)


def identifies(value: str) -> bool:
    """Whether a text is an identifier by its form, however random it looks."""
    return UUID.fullmatch(value) is not None or _IDENTIFIER.fullmatch(value) is not None


def refers(value: str) -> bool:
    """Whether a text says where a secret is, or where one should stand, rather than being one."""
    if _REFERENCE.fullmatch(value):
        return True
    return _FILE.fullmatch(value) is not None and not any(
        drawn(part) or (passwordish(part) and not part.islower()) for part in re.split(r"[\\/]", value)
    )


def looks_random(value: str) -> bool:
    """Letters and digits mixed, or very long: what people do not write as a word."""
    digits = sum(character.isdigit() for character in value)
    letters = sum(character.isalpha() for character in value)
    mixed_case = not (value.islower() or value.isupper())
    return len(value) >= 8 and letters >= 2 and (digits >= 2 or (len(value) >= 20 and mixed_case)) and "/" != value[0]


def texture(value: str) -> float:
    """How often the class of a character changes: half the time in base64, seldom in words with numbers behind them."""
    return len(_CHANGE.findall(value.translate(_KIND))) / max(1, len(value) - 1)


def drawn(value: str, least: int = 16) -> bool:
    """Whether a value was drawn at random rather than written: hex, base 32, base 64, each by its texture. No UUID, no path."""
    value = value.removeprefix("base64:").removeprefix("hex:").rstrip("=")
    if (
        len(value) < least
        or not _BASE64.fullmatch(value)
        or UUID.fullmatch(value)
        or "://" in value
        or _IDENTIFIER.fullmatch(value)
    ):
        return False
    runs = re.split(r"[^A-Za-z0-9]", value)
    longest = max(runs, key=len)
    if len(longest) < 8:
        return False
    if sum(character.isdigit() for character in value) < 2:
        # Letters alone: words joined by capitals have seldom two capitals in a row.
        return len(longest) >= 20 and texture(longest) >= 0.35 and len(re.findall("[A-Z](?=[A-Z])", longest)) >= 2
    lower, upper = any(c.islower() for c in value), any(c.isupper() for c in value)
    if lower and upper:
        # A word of many capitals with a number behind it is none.
        return texture(value) >= (0.28 if any(c.isdigit() for c in value.rstrip("0123456789")) else 0.42)
    # One case alone: names and numbers joined by hyphens are common, so the run itself must be long.
    return (lower or upper) and len(longest) >= max(16, least) and texture(longest) >= 0.22


def passwordish(value: str) -> bool:
    """Letters and digits mixed, as no word of prose has them, and neither a name with a number behind it."""
    value = value.rstrip(".,;:!?)")
    digits, letters = sum(c.isdigit() for c in value), sum(c.isalpha() for c in value)
    if (
        not digits
        or letters < 2
        or len(value) < 6
        or value[0] in "/.<-[("
        or "://" in value
        or "=" in value
        or masked(value)
    ):
        return False
    return not re.fullmatch(r"\d[\d.:/,-]*[a-zA-Z%]{0,3}|\d[\d:.T+-]+Z?|[\w-]+\.[a-z]{2,4}(?::\d+)?", value)


def written(value: str) -> bool:
    """Whether a password-like text is no lower-case word with a number behind it (`user42`, `sha256`)."""
    return passwordish(value) and not re.fullmatch(r"[a-z]+[-_]?\d{1,4}[a-z]{0,2}", value.rstrip(".,;:!?)"))


def is_value(value: str, *, quoted: bool, assigned: bool, kind: str) -> bool:
    """Whether what stands under a name that is sure is a value at all, and not a word about one."""
    if len(value) < 3 or masked(value) or value.startswith("<") or refers(value):
        return False
    word = value.strip(".:;,!?[](){}\\").lower()
    if word in NO_VALUES or not word:
        return False
    if " " in value:
        words = value.lower().replace(",", " ").split()
        if len(words) > 3 and PROSE.intersection(words) and not any(character.isdigit() for character in value):
            return False  # `{"password": ["The password field is required."]}`
        random = any(passwordish(one.strip(".,:;!?")) for one in value.split())
        if not (len(words) > 3 and PROSE.intersection(words)):  # `is too short (minimum is 12 characters)`
            random = random or looks_random(value.replace(" ", ""))
        if not random and (not quoted or kind in ("token", "api-key") or len(words) > 12 or PROSE.intersection(words)):
            return False
        if kind != "password" and not random and not (kind == "secret" and quoted):
            return False
    if kind in ("token", "api-key") and ((value.isdigit() and len(value) < 12) or value.startswith("(")):
        return False  # a number of words, a method's signature
    if kind == "password":
        return quoted or assigned or not word.isalpha() or len(word) >= 12
    if not quoted and word.isalpha() and word.islower() and len(word) < 16:
        return False  # a word, or a variable of source code: no issuer makes keys like that
    if quoted or assigned:
        return kind != "token" or len(value) >= 8 or looks_random(value)
    return looks_random(value)
