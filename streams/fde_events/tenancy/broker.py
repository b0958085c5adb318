"""The plan's rim: what Kafka has, and one action carried out. Translates, and decides nothing.

observe() -> Observed;  Tenancy.execute(Action) -> Credential for a user that was made, else None
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from fde_events.errors import Refused, Unavailable
from fde_events.kafka import client_settings, metadata
from fde_events.tenancy.acl import Rule
from fde_events.tenancy.credential import Credential, generate
from fde_events.tenancy.plan import Action, Observed, Seen
from fde_events.tenancy.quota_wire import alter_quota, describe_quotas
from fde_events.tenancy.wire import Conversation
from fde_events.topics import Topic

_ITERATIONS: Final = 8192  # a 256-bit password gains nothing from more
_MECHANISMS: Final = {ScramMechanism.SCRAM_SHA_256: "SCRAM-SHA-256", ScramMechanism.SCRAM_SHA_512: "SCRAM-SHA-512"}
_RESOURCES: Final = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional_id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.BROKER,  # librdkafka's name for it
}
_RESOURCE_OF: Final = {kind: name for name, kind in _RESOURCES.items()}
_REFUSALS: Final = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.SECURITY_DISABLED,
        KafkaError.POLICY_VIOLATION,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.INVALID_CONFIG,
    }
)


class Tenancy:
    """The administration of one cluster, by whom `bootstrap` (a :class:`~fde_events.connection.Connection`) logs in.

    Every call raises :class:`Refused` with the broker's reason, or :class:`Unavailable`.
    """

    def __init__(self, bootstrap: str, *, replication: int = 1, timeout_s: float = 20.0) -> None:
        self._at, self._replication, self._timeout_s = bootstrap, replication, timeout_s
        metadata(
            bootstrap, timeout_s=timeout_s
        )  # says in seconds that the password is wrong, where a call only times out
        self._admin = AdminClient(client_settings(bootstrap))  # kept: its futures fail without it

    def observe(self) -> Observed:
        """Everything that a plan compares. :class:`Refused` for a user who may not describe the cluster."""
        # First: where the user may not, confluent-kafka 2.16 ends the process at the users, and tells no rules at the rules.
        quotas = self._quotas()
        return Observed(self._topics(), self._users(), self._rules(), quotas)

    def execute(self, action: Action) -> Credential | None:
        """Carry out one action; the password that a new user got. An action that changes nothing does nothing.

        :class:`Refused` for what is never done: another number of partitions.
        """
        if not action.changes:
            return None
        if not action.possible:
            raise Refused(f"{action.about} has {action.why}. Keys would move: make a new topic, and move its readers.")
        if action.kind == "user" and action.verdict != "remove":
            made = generate(action.about)
            self.upsert(made)
            return made
        self._CARRY_OUT[action.kind](self, action)
        return None

    def upsert(self, credential: Credential) -> None:
        """Make `credential` the user's one password."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        change = UserScramCredentialUpsertion(credential.user, info, credential.password.encode())
        self._scram([change], f"make user {credential.user}")

    # ------------------------------------------------------------ what there is

    def _topics(self) -> dict[str, Seen]:
        present = metadata(self._at, timeout_s=self._timeout_s).topics
        ours = [name for name in present if name.startswith(("fde.", "fde-engine."))]
        asked = [ConfigResource(ResourceType.TOPIC, name) for name in ours]
        configs = self._admin.describe_configs(asked, request_timeout=self._timeout_s) if asked else {}
        found = {}
        for resource, future in configs.items():
            entries = self._done(future, f"describe {resource.name}")
            config = {name: entry.value for name, entry in entries.items() if entry.value is not None}
            found[resource.name] = Seen(len(present[resource.name].partitions), config)
        return found

    def _users(self) -> dict[str, frozenset[str]]:
        future = self._admin.describe_user_scram_credentials(request_timeout=self._timeout_s)
        told = self._done(future, "list the users")
        return {
            user: frozenset(_MECHANISMS.get(info.mechanism, "?") for info in one.scram_credential_infos)
            for user, one in told.items()
        }

    def _rules(self) -> frozenset[Rule]:
        everything = AclBindingFilter(
            *(ResourceType.ANY, None, ResourcePatternType.ANY),
            *(None, None, AclOperation.ANY, AclPermissionType.ANY),
        )
        bindings = self._done(
            self._admin.describe_acls(everything, request_timeout=self._timeout_s), "list the access rules"
        )
        return frozenset(_rule_of(binding) for binding in bindings if binding.restype in _RESOURCE_OF)

    def _quotas(self) -> dict[str, dict[str, float]]:
        with Conversation(self._at, timeout_s=self._timeout_s) as talk:
            return describe_quotas(talk)

    # ------------------------------------------------------------ what is done

    def _topic(self, action: Action) -> None:
        topic = action.topic
        assert topic is not None
        if action.verdict == "create":
            request = NewTopic(topic.name, topic.partitions, self._replication, config=topic.config())
            future = self._admin.create_topics([request], request_timeout=self._timeout_s)[topic.name]
            self._done(future, f"create {topic.name}", unless=KafkaError.TOPIC_ALREADY_EXISTS)
        else:
            self._configure(topic)

    def _configure(self, topic: Topic) -> None:
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in topic.config().items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)
        future = self._admin.incremental_alter_configs([resource], request_timeout=self._timeout_s)[resource]
        self._done(future, f"change {topic.name}")

    def _rule(self, action: Action) -> None:
        assert action.rule is not None
        binding = _binding(action.rule)
        if action.verdict == "create":
            future = self._admin.create_acls([binding], request_timeout=self._timeout_s)[binding]
        else:
            exactly = AclBindingFilter(
                *(binding.restype, binding.name, binding.resource_pattern_type),
                *(binding.principal, binding.host, binding.operation, binding.permission_type),
            )
            future = self._admin.delete_acls([exactly], request_timeout=self._timeout_s)[exactly]
        self._done(future, f"{action.verdict} the rule of {action.about}: {action.rule}")

    def _quota(self, action: Action) -> None:
        with Conversation(self._at, timeout_s=self._timeout_s) as talk:
            has = describe_quotas(talk).get(action.about, {})
            lifted: dict[str, float | None] = dict.fromkeys(has)
            wanted: dict[str, float | None] = dict(action.quota.values()) if action.quota else {}
            if changes := lifted | wanted:
                alter_quota(talk, action.about, changes)

    def _remove_user(self, action: Action) -> None:
        self._quotas()  # as in `observe`: it says so where this user may not ask
        present = self._users().get(action.about, frozenset())
        named = {name: mechanism for mechanism, name in _MECHANISMS.items()}
        if changes := [UserScramCredentialDeletion(action.about, named[name]) for name in present if name in named]:
            self._scram(changes, f"remove user {action.about}")

    def _scram(self, changes: list[Any], what: str) -> None:
        for change in changes:  # one request may name a user once
            futures = self._admin.alter_user_scram_credentials([change], request_timeout=self._timeout_s)
            for future in futures.values():
                self._done(future, what, unless=KafkaError.RESOURCE_NOT_FOUND)

    _CARRY_OUT: Final[dict[str, Callable[[Tenancy, Action], None]]] = {
        "topic": _topic,
        "rule": _rule,
        "quota": _quota,
        "user": _remove_user,
    }

    def _done(self, future: Future[Any], what: str, *, unless: int | None = None) -> Any:
        try:
            return future.result(self._timeout_s + 5)
        except TimeoutError as error:
            raise Unavailable(f"Kafka at {self._at} did not {what} in {self._timeout_s:g} s.") from error
        except KafkaException as error:
            cause = error.args[0]
            if cause.code() == unless:
                return None
            said = f"Kafka at {self._at} did not {what}: {cause.str()}."
            raise (Refused(said) if cause.code() in _REFUSALS else Unavailable(said)) from error


def _rule_of(binding: AclBinding) -> Rule:
    return Rule(
        user=binding.principal.removeprefix("User:"),
        resource=_RESOURCE_OF[binding.restype],
        pattern=binding.resource_pattern_type.name.lower(),
        name=binding.name,
        operation=binding.operation.name.lower(),
        permission=binding.permission_type.name.lower(),
        host=binding.host,
    )


def _binding(rule: Rule) -> AclBinding:
    return AclBinding(
        _RESOURCES[rule.resource],
        rule.name,
        ResourcePatternType[rule.pattern.upper()],
        f"User:{rule.user}",
        rule.host,
        AclOperation[rule.operation.upper()],
        AclPermissionType[rule.permission.upper()],
    )
