"""An outage: why nothing gets to the broker, since when, what to do about it, and when to try again.

delivery error -> Outage.fail() -> retry later, said once a minute with the next step -> Outage.reached()
"""

from __future__ import annotations

import time
from typing import Final

import structlog
from confluent_kafka import KafkaError

log = structlog.get_logger(__name__)

SAY_EVERY_S: Final = 60.0
SAY_AFTER_S: Final = 1.0
_RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
_ADDRESS: Final = "nothing is lost until the cap; check the broker's address, DNS and network policy"
_NEXT_STEP: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "nothing is lost until the cap; create the topic: fde kafka apply",
    KafkaError._UNKNOWN_TOPIC: "nothing is lost until the cap; create the topic: fde kafka apply",
    KafkaError._UNKNOWN_PARTITION: "nothing is lost until the cap; create the topic: fde kafka apply",
    KafkaError._AUTHENTICATION: "nothing is lost until the cap; check sasl.username and sasl.password in the settings file",
    KafkaError.SASL_AUTHENTICATION_FAILED: "nothing is lost until the cap; check sasl.username and sasl.password",
    KafkaError._SSL: "nothing is lost until the cap; check ssl.ca.location and the broker's certificate",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "nothing is lost until the cap; grant WRITE on the topic: fde kafka apply",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "nothing is lost until the cap; grant IDEMPOTENT_WRITE: fde kafka apply",
}
# A timeout follows every other trouble, and a list of brokers that are down follows a refused password: neither says why.
_VAGUE: Final = frozenset(
    {KafkaError._MSG_TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._PURGE_QUEUE}
)
REFUSED: Final = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._SSL})
TOPIC_MISSING: Final = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
)


class Outage:
    """Of one publisher. `why` is None while the broker takes what it is given."""

    def __init__(self, deployment: str) -> None:
        self._deployment = deployment
        self.why: str | None = None
        self.code: int | None = None
        self.not_before = 0.0  # monotonic
        self.since = time.monotonic()
        self.failures = 0
        self._said = float("-inf")

    def heard(self, error: KafkaError) -> None:
        """The client complains beside its calls. Nothing failed yet; the reason is kept for when it does."""
        code = error.code()
        if code in _VAGUE and self.why is not None:
            return
        if code in _NEXT_STEP or code in _VAGUE or code in (KafkaError._TRANSPORT, KafkaError._RESOLVE):
            self._because(error.str(), code)

    def fail(self, why: str, code: int | None = None) -> None:
        """Something was not delivered: wait before the next attempt, longer each time."""
        if not (code in _VAGUE and self.why is not None):
            self._because(why, code)
        self.not_before = time.monotonic() + _RETRY_S[min(self.failures, len(_RETRY_S) - 1)]
        self.failures += 1

    def reached(self, spooled_bytes: int) -> None:
        """The broker took something."""
        if self.why is not None:
            log.info("broker_reached", deployment=self._deployment, spooled_bytes=spooled_bytes)
        self.why, self.code, self.failures = None, None, 0

    def speak(self, moment: float, spooled_bytes: int, cap_bytes: int) -> None:
        """Once a minute while it lasts, and not of what is over within a second."""
        if self.why is None:
            self.since = moment
            return
        if moment - self.since < SAY_AFTER_S or moment - self._said < SAY_EVERY_S:
            return
        self._said = moment
        log.warning(
            "broker_away_spooling",
            deployment=self._deployment,
            reason=self.why,
            spooled_bytes=spooled_bytes,
            cap_bytes=cap_bytes,
            next_step=_way_out(self.code),
        )

    def _because(self, why: str, code: int | None) -> None:
        if self.why is not None and code in _NEXT_STEP and _way_out(code) != _way_out(self.code):
            self._said = float("-inf")  # another reason with another way out is worth a line of its own
        self.why, self.code = why[:300], code


def _way_out(code: int | None) -> str:
    return _ADDRESS if code is None else _NEXT_STEP.get(code, _ADDRESS)
