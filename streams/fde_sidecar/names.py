"""Names: what the name of a value says about it, whatever a program calls it.

`adminDbPassword2` -> words -> Named("password", sure)

A name is read like an English compound: its last word says what it is (`token_type` is a type), and the words before say
which one (`page_token` opens nothing). A name that is only weak, like `session`, needs a value that looks random.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


_PLAIN: Final = str.maketrans("ñłöäüéèç", "nloaueec")


class Named(NamedTuple):
    """The kind of secret a name stands for; `sure` if the name is enough, else the value must look random."""

    kind: str
    sure: bool


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PASSWORD: Final = _set(
    "password passwd passphrase passcode passwort kennwort pwd passwrd pswd passw psw pw mnemonic psk senha wachtwoord losenord haslo parola contrasena mdp"
)
_SECRET: Final = _set("secret secrets")
_PROOF: Final = _set("credential credentials cred creds signature sig hmac jwt tkn")
_DIGESTED: Final = _set("hash hashed digest sha md5")
# What a `sid` names besides a session.
_NO_SIDS: Final = _set(
    "account message call phone service messaging conference recording user group domain machine object oracle windows verify"
)
_FORM: Final = _set(
    "ak sk session sess sid sessid auth authentication cookie license licence pat salt assertion bearer authtoken"
)
# Written together: `dbpassword`, `clientsecret`, `apikey`. Longest first.
_GLUED: Final = (
    *((end, "password", True) for end in ("password", "passwd", "passphrase", "passwort", "pwd")),
    *((end, "password", True) for end in ("bindpw", "rootpw", "dbpw", "userpw", "adminpw", "authpw", "svcpw", "motdepasse")),
    ("keypass", "password", True), ("storepass", "password", True), ("apikey", "api-key", True), ("secretkey", "secret", True),
    ("privatekey", "secret", True), ("masterkey", "secret", True), ("licensekey", "secret", True), ("signingkey", "secret", True),
    ("encryptionkey", "secret", True), ("sharedkey", "api-key", True), ("accountkey", "api-key", True), ("authkey", "api-key", True),
    ("accesskey", "api-key", False), ("secret", "secret", True), ("token", "token", False), ("sessionid", "token", False),
    ("sessid", "token", False), ("signature", "token", True), ("pass", "password", False),
)  # fmt: skip
_SURE_KEYS: Final = _set(
    "api secret private master license licence signing sign encryption encrypt decryption decrypt subscription account shared "
    "function webhook aes hmac auth jwt cipher crypto secure unseal"
)
_WORDS_IN_PASS: Final = _set("bypass compass trespass overpass underpass encompass surpass")
# Keys of tables, caches, maps and messages.
NO_KEYS: Final = _set(
    "primary foreign public partition sort cache object row idempotency dedupe range unique index dedup deduplication group "
    "grouping message record lock queue job shard bucket entity item map redis limit i18n translation locale natural surrogate "
    "composite search lookup config setting feature metric label tag order event correlation trace request fk pk project issue "
    "host known s3 hash etag blob column field file kv topic sequence version cluster node pod resource part image asset pub "
    "page next last start publishable site browser rsa dsa ecdsa eddsa gpg pgp join duplicate conflict error exception ssh document"
)
# Tokens that open nothing: they page, count, cancel or fence.
NO_TOKENS: Final = _set(
    "next page continuation sync cancel cancellation prompt completion stop eos bos pad unk start end cursor idempotency "
    "continue after before batch bookmark concurrency fencing fence lock lease change sequence ack receipt watch scroll list paging pagination pager position iterator dedup "
    "dedupe snapshot checkpoint ordering visibility tracking nft erc20 delta stream offset revision resume skip max min total input output unexpected invalid illegal previous prev marker num reasoning cached echo correlation card"
)
# Words behind the head that change nothing: the password's old, encoded, hashed or second form is one as well.
_SAME: Final = _set(
    "base value val data b64 base64 hex enc encrypted encoded raw plain text plaintext cleartext str hash hashed digest "
    "old new current previous prev confirm confirmation confirmed again repeat prod production live test staging stage dev "
    "sandbox primary secondary main default env body content header bytes param override"
)
# Words behind it that make it something else: facts about a secret.
_ABOUT: Final = _set(
    "type types name names count counts length len size policy policies path paths file files filename dir url uri host "
    "endpoint id ids kid ttl expiry expires expired expiration exp at time timestamp age date algorithm algo alg version status "
    "state method provider manager service store format prefix kind scope scopes limit limits usage used max min rate budget "
    "field fields hint reset strength rotation enabled disabled required valid invalid present missing match ok error errors "
    "failed failure attempts retries retry window bucket index ref reference arn issuer audience encryption hashing complexity class label mode rounds cost "
    "strategy schema table column refresh refreshed changed updated created source location mount group role user username "
    "owner vault engine resolver generator validator encoder parser factory handler filter interceptor config options settings "
    "accessor address symbol decimals supply hit hits miss misses total sum duration renewable renewed challenge requirements description "
    "fingerprint thumbprint serial number public cert certificate request response info pool cluster message event code"
)


@lru_cache(maxsize=4096)
def named(name: str) -> Named | None:
    """What a name stands for; None if it is no secret's."""
    if len(name) > 100:
        name = name[-100:]
    if not name.isascii():
        name = name.translate(_PLAIN)
    words = [word.lower() for word in _WORDS.findall(name)]
    tail: list[str] = []
    while words:
        found = _headed(words, tail)
        if found is not None:
            return None if found is _NOT else found
        word = words.pop()
        if word in _ABOUT and word not in _SAME:
            return None
        tail.append(word)
    return None


# Keys that are hex because their issuer draws them so; others that are hex are digests of what lies under them.
HEX_KEYS: Final = _SURE_KEYS | _set(
    "app application integration routing write ingest ingestion instrumentation client server user service deploy device bot consumer data root "
    "admin priv enc mac seed merchant partner vendor agent session security access license"
)


def digested(name: str) -> bool:
    """Whether a key of this name that is hex is the digest of a thing rather than a secret. An environment's is none."""
    words = _WORDS.findall(name)
    return len(words) > 1 and words[-1].lower() == "key" and not name.isupper() and words[-2].lower() not in HEX_KEYS


_NOT: Final = Named("no", False)


def _headed(words: list[str], tail: list[str]) -> Named | None:
    """What a name is whose last word is the last of `words`; `tail` is what stood behind it. None to look further ahead."""
    head, before = words[-1], words[-2] if len(words) > 1 else ""
    plain = all(word in _SAME or word.isdigit() for word in tail)  # the tail adds nothing
    kind: str
    sure: bool
    if head in _PASSWORD or (head == "pass" and (before or not tail)):
        kind, sure = "password", True
    elif head == "answer" and before in ("secret", "security"):
        kind, sure = "password", True
    elif head == "phrase" and before in ("pass", "seed", "recovery"):
        kind, sure = "password", True
    elif head in _SECRET:
        kind, sure = ("api-key" if before == "api" else "secret"), head == "secret"
    elif head == "token":
        if (
            before in NO_TOKENS
            or (before == "key" and "public" in words)
            or (before == "request" and "client" in words)
        ):
            return _NOT
        kind, sure = ("api-key", True) if before == "api" else ("token", True)
    elif head == "key":
        if before == "access" and "secret" in words[:-2]:
            kind, sure = "aws-secret-access-key", True
        elif before == "access":
            kind, sure = "api-key", "shared" in words[:-2] or "api" in words[:-2]
        elif before == "session":
            kind, sure = "token", True
        elif not before or before in NO_KEYS or before.isdigit():
            return _NOT
        elif words[0] == "x" and len(words) > 2:  # a header of a call: `X-App-Key`
            kind, sure = "api-key", True
        else:
            kind, sure = (
                ("api-key" if before in ("api", "subscription", "account", "shared", "function", "auth") else "secret"),
                before in _SURE_KEYS,
            )
    elif head in _PROOF:
        kind, sure = "token", True
    elif head == "id" and before in ("session", "sess"):
        kind, sure = "token", False
    elif head == "response" and before == "saml":
        kind, sure = "token", False
    elif head == "salt" and before in ("signing", "encryption", "secret", "password", "session", "cookie", "hash"):
        kind, sure = "secret", True
    elif head == "sid" and before in _NO_SIDS:
        return _NOT
    elif head == "verifier" or (
        head == "code"
        and before in ("auth", "authorization", "oauth", "recovery", "backup", "access", "reset", "device")
    ):
        kind, sure = "token", head == "verifier" and before == "code"
    elif head in _FORM or (head in ("code", "ticket") and not before):
        kind, sure = "token", False
    else:
        if head in _WORDS_IN_PASS:
            return _NOT
        for end, glued, certain in _GLUED:
            if end == "token" and head[:-5] in NO_TOKENS:
                return _NOT
            if (head.endswith(end) and len(head) > len(end) + (end == "pass")) or head == end:
                return Named(glued, certain and plain)
        return None
    if tail and not plain and kind == "token" and not sure:
        return _NOT
    if kind in ("token", "api-key") and _DIGESTED.intersection(tail):
        return _NOT  # the digest of what was drawn at random tells nothing
    return Named(kind, sure and plain)
