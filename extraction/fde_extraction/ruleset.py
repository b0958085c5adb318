"""The second net's rules: gitleaks' default configuration, taken over for Python's regular expressions.

gitleaks.toml (a person downloads it) -> rules_of() -> gitleaks.json, committed -> read() -> Ruleset -> fde_extraction.scanner

Made by ``python -m fde_extraction.ruleset gitleaks.toml VERSION > gitleaks.json``. Rules for other kinds of files than
source are left out, and so are allowlists of literal keys: nothing in this repository looks like anybody's secret.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

ORIGIN: Final = "https://github.com/gitleaks/gitleaks config/gitleaks.toml (MIT, see gitleaks.LICENSE)"
_FLAGS: Final = re.compile(r"\(\?([imsU-]+)\)")
_KEY_LIKE: Final = re.compile(r"[A-Za-z0-9_-]{30,}")  # a text in an allowlist that is a key itself


class Allowed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is no secret after all. `target`: what `regexes` are looked for in: secret, match or line."""

    target: str = "secret"
    regexes: tuple[str, ...] = ()
    stopwords: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """One format. `regex` is looked for near one of `keywords` (lower case); `entropy`: bits a character, at least.

    `group`: which group is the secret, 0 for the first one that takes something. `lead`: the words that may stand before
    what `regex` takes belong to the match.
    """

    id: str
    regex: str
    keywords: tuple[str, ...] = ()
    entropy: float = 0.0
    group: int = 0
    lead: bool = False
    allowed: tuple[Allowed, ...] = ()


class Ruleset(msgspec.Struct, frozen=True):
    """All rules of one version. `allowed` holds for every rule."""

    origin: str
    version: str
    allowed: tuple[Allowed, ...]
    rules: tuple[Rule, ...]


@cache
def read() -> Ruleset:
    """The committed rules."""
    return msgspec.json.decode(files(__package__).joinpath("gitleaks.json").read_bytes(), type=Ruleset)


def rules_of(config: Mapping[str, Any], version: str) -> Ruleset:
    """The rules of a gitleaks configuration."""
    rules = [rule for rule in config["rules"] if "regex" in rule and "path" not in rule]
    return Ruleset(ORIGIN, version, tuple(_allowed([config["allowlist"]])), tuple(map(_rule, rules)))


def _rule(rule: Mapping[str, Any]) -> Rule:
    # Words before the keyword take a secret into no other group, and cost a search at each letter of the text.
    lead = re.match(r"((?:\(\?i\))?)\[\\w\.-\]\{0,50\}\?", rule["regex"])
    regex = lead.group(1) + rule["regex"][lead.end() :] if lead else rule["regex"]
    return Rule(
        rule["id"], for_python(regex), tuple(word.lower() for word in rule["keywords"]), float(rule.get("entropy", 0)),
        rule.get("secretGroup", 0), lead is not None, tuple(_allowed(rule.get("allowlists", ()))),
    )  # fmt: skip


def _allowed(lists: Sequence[Mapping[str, Any]]) -> Iterator[Allowed]:
    for item in lists:
        if item.get("condition", "OR") != "OR":  # they hold for paths of other kinds of files
            continue
        regexes = tuple(for_python(regex) for regex in item.get("regexes", ()) if not _KEY_LIKE.fullmatch(regex))
        stopwords = tuple(sorted(word for word in item.get("stopwords", ()) if not _KEY_LIKE.fullmatch(word)))
        if regexes or stopwords:
            yield Allowed(item.get("regexTarget", "secret"), regexes, stopwords)


def for_python(regex: str) -> str:
    """`regex` of RE2 for Python: flags in the middle hold to the end of their group, across alternatives."""
    regex = regex.replace("[:alnum:]", "a-zA-Z0-9").replace(r"\z", r"\Z")
    out, at, scoped = [], 0, [""]  # the flags that hold in each open group
    while at < len(regex):
        char = regex[at]
        if char == "\\":
            out.append(regex[at : at + 2])
            at += 2
        elif char == "[":
            end = _class_end(regex, at)
            out.append("[" + regex[at + 1 : end - 1].replace("[", r"\[") + "]")
            at = end
        elif at and (flags := _FLAGS.match(regex, at)):
            out.append((")" if scoped[-1] else "") + f"(?{flags[1]}:")
            scoped[-1] = flags[1]
            at = flags.end()
        else:
            if char == "(":
                scoped.append("")
            elif char == "|" and scoped[-1]:
                char = f")|(?{scoped[-1]}:"
            elif char == ")":
                char = "))" if scoped.pop() else ")"
            out.append(char)
            at += 1
    return "".join(out) + (")" if scoped[-1] else "")


def _class_end(regex: str, at: int) -> int:
    end = at + 2 if regex[at + 1] != "^" else at + 3  # a bracket that comes first is a character
    while regex[end - 1] == "\\" or regex[end] != "]":
        end += 2 if regex[end] == "\\" else 1
    return end + 1


def main(arguments: Sequence[str]) -> int:
    """Writes the rules of the configuration at the first argument, of the version that is the second."""
    if len(arguments) != 2:
        print("usage: python -m fde_extraction.ruleset gitleaks.toml VERSION > gitleaks.json", file=sys.stderr)
        return 2
    found = rules_of(tomllib.loads(Path(arguments[0]).read_text("utf-8")), arguments[1])
    lines = ",\n".join(msgspec.json.encode(rule).decode() for rule in found.rules)
    head = msgspec.json.encode({"origin": found.origin, "version": found.version, "allowed": found.allowed}).decode()
    print(f'{head[:-1]},"rules":[\n{lines}\n]}}')
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
