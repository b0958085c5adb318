"""`fde`: entry point, exit codes, and the table of subcommands.

Exit codes: 0 ok; 1 found nothing or refused; 2 wrong use; 3 input that cannot be used (with the line and the reason).
"""

from __future__ import annotations

import sys
from typing import Final

from cyclopts import App
from cyclopts.exceptions import CycloptsError


def _version() -> str:
    from importlib.metadata import version

    return version("fde")


app = App(
    name="fde",
    help="The Full Loop for forward deployed engineering.",
    version=_version,
    version_flags=["--version"],
    help_format="plaintext",  # `<customer>/*.log` is a path here, and no markup
)

# Imported when called, so that the sidecar image needs the sidecar extra only.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "abstract": ("abstract:abstract", "Sibling files to one parameterized primitive, with private bindings."),
    "audit": ("audit:app", "Who did what to whose objects: verify the record, export a customer's part, collect."),
    "challenge": ("challenge:app", "List and show challenges; merge, split, pin and ignore them."),
    "dead-letter": ("deadletter:app", "List records off contract, and give them back."),
    "demo": ("demo:demo", "The whole loop on the shipped fleet, with the review page."),
    "doctor": ("doctor:doctor", "What is reachable, permitted and set, with the next step for what is not."),
    "drift": ("drift:drift", "Where a source's payloads changed their shape, from a file."),
    "egress": ("egress:app", "What left this place: list, show, verify."),
    "erase": ("erase:erase", "One customer leaves topics, state, evidence and archives, for good."),
    "export": ("export:export", "A primitive as a copier template, or as Jinja that people edit."),
    "fit": ("fit:fit", "The values that give a file back byte for byte."),
    "group": ("group:group", "Signatures and groups of events in a file, offline."),
    "ingest": ("ingest:ingest", "Take in bundles carried from where no outbound Kafka is allowed."),
    "instantiate": ("instantiate:instantiate", "A primitive and values to source bytes."),
    "kafka": ("kafka:app", "Topics, users, access rules and quotas: plan, apply, revoke."),
    "key": ("key:app", "The keys of a customer's pseudonyms: list, rotate, destroy."),
    "kube": ("kube:app", "How deployments stand, what would change, what did, and why; also `kubectl fde`."),
    "ledger": ("ledger:ledger", "Per deployment: published, received, duplicates, gaps, unproven."),
    "operator": ("operator:app", "The operator process."),
    "redact": ("redact:redact", "What the sidecar would let out of a log."),
    "review": ("review:app", "List, show, approve and reject candidates; the review page."),
    "search": ("search:search", "Find published primitives by words or by an error."),
    "sidecar": ("sidecar:sidecar", "The sidecar of one or more TelemetryFeeds."),
    "submit": ("submit:submit", "Hand in the files that solved a challenge."),
    "tee": ("tee:tee", "Run a program and copy its output to a log the sidecar reads."),
    "up": ("up:up", "The whole pipeline, embedded, with the review page."),
    "upgrade": ("upgrade:upgrade", "A newer version of a primitive, merged with local edits."),
    "worker": ("worker:app", "The workers: ingest, fold, extraction."),
    "bench": ("bench:bench", "The benchmarks, as ratios against named peers in one run."),
}
for _name, (_path, _help) in sorted(COMMANDS.items()):
    app.command(f"fde_cli.commands.{_path}", name=_name, help=_help)


def main(arguments: list[str] | None = None) -> None:
    """Run `fde` and exit with its code. A user's mistake is a sentence, never a traceback."""
    from fde_cli.standard import fill, flushed, let_go, said

    fill()
    code = run(arguments)
    if (broken := flushed()) is not None:
        if code == 0:
            if not isinstance(broken, BrokenPipeError):
                print(f"fde: {said(broken)}", file=sys.stderr)
            code = 1
        let_go()
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run `fde`; returns the exit code."""
    from fde_events.errors import FdeError, Unavailable

    try:
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        print(f"fde: {error}\nSee `fde --help`.", file=sys.stderr)
        return 2
    except Unavailable as error:  # `what` alone: a command that ends does not try again by itself
        print(f"fde: {error.what}", file=sys.stderr)
        return error.exit_code
    except FdeError as error:
        print(f"fde: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print("fde: stopped", file=sys.stderr)
        return 130
    except OSError as error:  # a full disk, an output that is closed, a path nobody looked at before
        from fde_cli.standard import said

        print(f"fde: {said(error)}", file=sys.stderr)
        return 1
    except Exception as error:
        code = getattr(error, "exit_code", None)  # fde_api's tree, without importing it for the sidecar
        if not isinstance(code, int):
            raise
        print(f"fde: {error}", file=sys.stderr)
        return code
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


if __name__ == "__main__":
    main()
