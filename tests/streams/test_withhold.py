"""Strict mode: the signature leaves, the application's words stay."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.event import Diagnosed, ErrorEvent, PerformanceEvent, RateLimitEvent
from fde_sidecar.pseudonym import fresh_key
from fde_sidecar.redact import Redactor
from fde_streams.near import outline_of, veto
from fde_streams.signature import signature_of
from fde_streams.withhold import withheld

STACK = """Traceback (most recent call last):
  File "/opt/aster/asterhub/jobs.py", line 20, in push_crates
    client.send(crate_secret_name)
  File "/opt/venv/lib/python3.11/site-packages/paramiko/client.py", line 9, in send
    raise SendError("no")
paramiko.errors.SendError: quota of the crate register is used up

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/opt/aster/asterhub/jobs.py", line 31, in run
    raise CrateJobFailed("aster crates did not go out") from error
asterhub.errors.CrateJobFailed: aster crates did not go out"""
OWN = ["aster", "crate_secret_name", "CrateJobFailed", "/opt/", "jobs.py", "push_crates"]


def an_error(**fields):
    base = {
        "time": "2026-05-04T03:02:01Z",
        "scope": "asterhub.crates",
        "service": "aster-sync",
        "body": "crates aborted at aster",
        "exception_type": "asterhub.errors.CrateJobFailed",
        "exception_message": "aster crates did not go out",
        "exception_stacktrace": STACK,
        "server_address": "crates.aster.internal",
        "log_file": "/opt/aster/log/app.log",
    }
    return ErrorEvent(**base | fields)


def test_nothing_that_the_application_wrote_leaves():
    text = msgspec.json.encode(withheld(an_error())).decode()
    assert not [word for word in OWN if word in text]
    assert "paramiko/client.py in send" in text
    assert "quota of the crate register is used up" in text  # the library's sentence: the masked skeleton


def test_the_signature_is_the_same_before_and_after():
    event = an_error()
    assert signature_of(withheld(event)).digest == signature_of(event).digest
    assert signature_of(withheld(withheld(event))).digest == signature_of(event).digest


@given(
    st.text(max_size=200),
    st.one_of(st.none(), st.text(max_size=80)),
    st.sampled_from(["KeyError", "ValueError", "app.errors.Broken", "Error", "stripe.RateLimitError"]),
)
def test_any_words_give_one_signature_in_both_modes(message, body, kind):
    event = ErrorEvent(time="2026-05-04T03:02:01Z", exception_type=kind, exception_message=message, body=body)
    key = fresh_key()
    plain = Redactor(key).event(event)
    strict = Redactor(key, "strict", withheld).event(event)
    assert signature_of(strict).digest == signature_of(plain).digest
    assert (strict.body, strict.scope, strict.exception_message) == (None, None, None)


def test_words_of_an_application_leave_as_a_digest_alone():
    event = ErrorEvent(time="", exception_type="KeyError", exception_message="'aster_margin'", scope="asterhub.x")
    text = msgspec.json.encode(withheld(event)).decode()
    assert "aster" not in text
    assert "words withheld" in text


@pytest.mark.parametrize(
    ("kind", "message", "stays"),
    [
        ("com.aster.vault.AsterVaultException", "vault is sealed", False),  # the catalogue knows what it means
        ("AsterJsonError", "aster at https://api.stripe.com/v1/charges", False),
        ("AsterDown", "connection refused by api.stripe.com", False),
        ("stripe.error.RateLimitError", "too many requests", True),
        ("ValueError", "aster", True),
    ],
)
def test_the_name_of_an_application_s_own_error_stays_whatever_was_diagnosed(kind, message, stays):
    event = ErrorEvent(time="", exception_type=kind, exception_message=message, server_address="api.stripe.com")
    assert withheld(event).exception_type == (kind if stays else None)


def test_what_an_application_calls_itself_stays_in_strict_mode_whatever_the_signal():
    limit = RateLimitEvent(time="", vendor="stripe", scope="asterhub.pay", service="aster-sync")
    shift = PerformanceEvent(
        time="", endpoint="/v1/x", metric="latency", direction="up", baseline=1, observed=2, unit="s", service="aster"
    )
    for event in (limit, shift):
        text = msgspec.json.encode(Redactor(fresh_key(), "strict", withheld).event(event)).decode()
        assert "aster" not in text
        assert signature_of(Redactor(fresh_key(), "strict", withheld).event(event)) == signature_of(event)


def test_strict_mode_lets_no_event_out_without_knowing_how():
    with pytest.raises(ValueError, match="withhold"):
        Redactor(fresh_key(), "strict").event(an_error())


@pytest.mark.parametrize(
    "found",
    [
        Diagnosed(rules="sig-v2", block="rate_limit/x", title="t", parts=()),
        Diagnosed(rules="other", block="error/x", title="t", parts=()),
        Diagnosed(rules="sig-v2", block="error/x", title="t", parts=(("text", "a" * 5_000),)),
        Diagnosed(rules="sig-v2", block="error/x", title="t", parts=(("text", "a"),) * 17),
    ],
)
def test_a_diagnosis_of_no_known_form_is_nobodys(found):
    signature = signature_of(ErrorEvent(time="", diagnosed=found))
    assert signature.block == "error/unknown"
    assert len(signature.title) < 100


def test_an_application_installed_as_a_package_is_no_library():
    stack = """Traceback (most recent call last):
  File "/opt/venv/lib/python3.11/site-packages/asterpost/posting.py", line 9, in post_crates
    raise AsterVaultFull("crates of aster do not fit in")
asterpost.errors.AsterVaultFull: crates of aster do not fit in"""
    event = ErrorEvent(time="", exception_stacktrace=stack, exception_type="asterpost.errors.AsterVaultFull")
    text = msgspec.json.encode(withheld(event)).decode()
    assert "aster" not in text.lower()
    assert signature_of(withheld(event)).digest == signature_of(event).digest


def test_a_sentence_of_the_applications_near_a_vendor_leaves_as_a_digest():
    body = '{"error": {"type": "AsterJsonError", "message": "aster json is bad"}, "url": "https://api.stripe.com/v1/x"}'
    event = ErrorEvent(time="", body=body)
    text = msgspec.json.encode(withheld(event)).decode()
    assert "aster" not in text.lower()
    assert signature_of(withheld(event)).digest == signature_of(event).digest


def test_sentences_of_two_unknown_libraries_never_meet():
    def of(library):
        stack = f"""Traceback (most recent call last):
  File "/opt/app/jobs.py", line 1, in run
  File "/opt/venv/lib/python3.11/site-packages/{library}/core.py", line 9, in work
    raise Refused("the register of lots is closed")
{library}.Refused: the register of lots is closed"""
        return signature_of(ErrorEvent(time="", exception_stacktrace=stack))

    one, other = of("lotslib"), of("registrylib")
    assert one.block == other.block == "error/library"
    assert one.digest != other.digest
    assert veto(outline_of(one), outline_of(other)) is not None
