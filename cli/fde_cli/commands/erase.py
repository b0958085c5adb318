"""`fde erase`: one customer leaves the engine, for good."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fde_cli.options import Brokers, KafkaConfig, Kubeconfig, Seconds, reached

Registry = Annotated[str | None, Parameter(env_var="FDE_REGISTRY")]


def erase(
    *,
    customer: str,
    reason: str,
    confirm: str = "",
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    registry: Registry = None,
    evidence: Annotated[Path | None, Parameter(env_var="FDE_EVIDENCE")] = None,
    spools: tuple[Path, ...] = (),
    keys: tuple[Path, ...] = (),
    audit_keys: Annotated[str | None, Parameter(env_var="FDE_AUDIT_KEYS")] = None,
    kubeconfig: Kubeconfig = None,
    wait: Seconds = 600.0,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Erase a customer from topics, dead letters, state, evidence, spools and archives. It cannot be taken back.

    The fold must be running: it takes the customer out of its state. Stop the customer's sidecars and revoke their users
    first (`fde kafka revoke`), or they begin anew. Brokers remove the files of what was cut at their next look
    (log.retention.check.interval.ms and log.segment.delete.delay.ms: about six minutes where nobody changed them).

    Parameters
    ----------
    customer
        The customer's name, a DNS label.
    reason
        Why; it is kept and audited.
    confirm
        The customer's name again; without it nothing is erased, and what would be is printed.
    brokers
        Kafka, host:port[,host:port]. Without it only what lies in the given directories is erased.
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    registry
        directory:PATH or kubernetes[:NAMESPACE]: who you are is asked there.
    evidence
        Extraction's own directory.
    spools
        Directories of the customer alone, removed whole: spools with their egress logs, bundles, archives.
    keys
        Files of the customer's pseudonym keys: destroyed, so that nobody can tell any more what a token stood for.
    audit_keys
        Where the customers' audit keys are, kubernetes or a directory: its own is destroyed, so that its names in audit records
        become unreadable. The records stay: who did what, when.
    kubeconfig
        For --audit-keys kubernetes: a kubeconfig file; without one, the pod's own service account.
    wait
        Seconds to wait for the fold and for compaction.
    as_json
        One JSON object saying what was done.
    """
    import msgspec

    from fde_cli.registry_option import registry_at
    from fde_events.errors import Misuse
    from fde_events.order import MAX_REASON, Erase, named
    from fde_events.topics import check_customer
    from fde_review.decision import now

    check_customer(customer)
    if not 10 <= len(reason.strip()) <= MAX_REASON:
        raise Misuse(f"--reason says why in 10 to {MAX_REASON} characters: others will read it.")
    if brokers is None and evidence is None and not spools and not keys and audit_keys is None:
        raise Misuse("nothing to erase from: give --brokers, --evidence, --spools, --keys or --audit-keys.")
    missing = [str(path) for path in (*spools, *keys) if not path.exists()]
    if missing:
        raise Misuse(f"{missing[0]} is not there; nothing was erased.")
    if confirm != customer:
        _plan(customer, brokers, evidence, spools, keys)
        if audit_keys is not None:
            print(f"destroy its audit keys ({audit_keys}): its names in audit records become unreadable")
        print(f"fde erase: nothing was erased; say --confirm {customer} to do it", file=sys.stderr)
        return 1
    author = registry_at(registry).whoami()
    done: dict[str, object] = {"customer": customer}
    compacted = True
    if brokers is not None:
        from fde_streams.erase import erase_customer

        order = named(Erase(customer=customer, author=author, time=now(), reason=reason.strip()))
        erased = erase_customer(reached(brokers, kafka_config), order, tell=_tell, limit_s=wait)
        done |= msgspec.to_builtins(erased)
        compacted = erased.compacted
    if evidence is not None:
        from fde_extraction.evidence import EvidenceStore

        done["evidence"] = EvidenceStore(evidence).erase(customer, who=author, why=reason.strip())
        _tell(f"{len(done['evidence'])} pieces of evidence removed")  # type: ignore[arg-type]
    done["directories"] = [_removed(path) for path in spools]
    done["keys"] = [one for path in keys for one in _destroyed(path)]
    if audit_keys is not None:
        from fde_cli.commands.audit import destroy

        done["audit_keys"] = destroy(customer, audit_keys, kubeconfig)
        _tell(f"destroyed {done['audit_keys']} audit keys")
    if as_json:
        print(msgspec.json.encode(done).decode())
    if not compacted:
        _tell("Kafka had not compacted everything in time; erase again to see it done")
        return 1
    _tell(f"{customer} is erased; brokers remove the files of what was cut at their next look")
    return 0


def _plan(
    customer: str, brokers: str | None, evidence: Path | None, spools: tuple[Path, ...], keys: tuple[Path, ...]
) -> None:
    if brokers is not None:
        from fde_events.topics import solutions, telemetry

        print(f"delete topics {telemetry(customer).name}, {solutions(customer).name}")
        print("take it out of the fold's state, and cut signatures and state before that")
        print("compact its accounts out of the ledger and its evidence out of challenges; take out its dead letters")
    if evidence is not None:
        print(f"remove the evidence in {evidence} that holds a sibling of it")
    for path in spools:
        print(f"remove {path} with all that is in it")
    for path in keys:
        print(f"destroy the keys in {path}")


def _removed(path: Path) -> str:
    import shutil

    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    _tell(f"removed {path}")
    return str(path)


def _destroyed(path: Path) -> list[str]:
    from fde_sidecar.pseudonym import destroy

    gone = destroy(path)
    _tell(f"destroyed {len(gone)} keys in {path}")
    return gone


def _tell(text: str) -> None:
    print(f"fde erase: {text}", file=sys.stderr, flush=True)
