from __future__ import annotations

import hashlib
from itertools import combinations, permutations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fde_events.signed import Signature
from fde_streams.mask import template
from fde_streams.near import POSTING, THRESHOLD, Near, Outline, likeness, likeness_parts, outline_of, veto

BLOCK = "error/vendor"


def an_outline(text: str = "", block: str = BLOCK, **parts: str) -> Outline:
    """The outline of a signature with a raw text (masked here, as a signature masks it) and other parts."""
    named = tuple(parts.items()) + ((("text", template(text)),) if text else ())
    digest = hashlib.blake2b(repr((block, named)).encode(), digest_size=16).hexdigest()
    return outline_of(Signature(digest=digest, rules="test", block=block, title="", parts=named))


def joins(a: Outline, b: Outline) -> bool:
    index = Near()
    index.add(a)
    return index.nearest(b) is not None


# ---------------------------------------------------------------- what meets

MEETS = [
    ("Please reduce your request rate for this bucket.", "SlowDownError: please reduce your request rate for this bucket."),
    ("Timestamp outside the tolerance zone (1773495812)", "Timestamp outside the tolerance zone"),
    ("could not read table order_lines in time", "could not read table invoice_heads in time"),
    ("The bucket OrdersProd does not exist in region", "The bucket InvoicesTest does not exist in region"),
    ("no pg_hba.conf entry for host 10.0.0.1", "connection to server at 10.1.2.3, port 5432 failed: FATAL: no pg_hba.conf entry for host 10.0.0.1"),
    ("Daily sending quota exceeded for sender", "Daily sending quotas exceeded for the sender."),
    ("The session was expired by an administrator. Please try again later.", "The session was expired by an administrator"),
    ("Unable to create record: the number is not reachable from this carrier", "The number is not reachable from this carrier"),
    ("Resource not accessible by this integration", "vendor repos: Resource not accessible by this integration"),
    ("Connection slots are reserved for superusers (request id: req_8Hh2kq91)", "Connection slots are reserved for superusers"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), MEETS)
def test_texts_that_differ_in_values_alone_meet(a: str, b: str) -> None:
    assert joins(an_outline(a), an_outline(b))


def test_a_code_that_one_client_keeps_to_itself_splits_no_group() -> None:
    text = "unable to obtain exclusive access to this record"
    assert joins(an_outline(text, code="UNABLE_TO_LOCK_ROW"), an_outline(text))


# ---------------------------------------------------------------- what never meets

APART = [
    ("HTTP 401 returned by the orders endpoint of the gateway", "HTTP 403 returned by the orders endpoint of the gateway"),
    ("virtual machine Started on the requested hypervisor", "virtual machine Paused on the requested hypervisor"),
    ("required field 'tax_code' is missing in the order document", "required field 'currency' is missing in the order document"),
    ("the property tax_code of the order is not allowed here", "the property ship_to of the order is not allowed here"),
    ("order service timed out while waiting for an answer", "license service timed out while waiting for an answer"),
    ("replication is enabled for this cluster configuration", "replication is disabled for this cluster configuration"),
    ("no permission to read objects of this storage account", "no permission to write objects of this storage account"),
    ("connect timed out after waiting for the gateway", "read timed out after waiting for the gateway"),
    ("upload of the attachment was rejected by policy", "download of the attachment was rejected by policy"),
    ("the given attachment is too small for this channel", "the given attachment is too large for this channel"),
    ("certificate is used before its validity period", "certificate is used after its validity period"),
    ("sending quota per minute exceeded for account", "sending quota per day exceeded for account"),
    ("the record can be deleted by its owner", "the record can not be deleted by its owner"),
    ("the record can be deleted by its owner", "the record can't be deleted by its owner"),
    ("could not lock record before update of parent", "could not update record before lock of parent"),
    ("access to source denied by target policy", "access to target denied by source policy"),
    ("quota RATE_PER_USER is used up for project", "quota RATE_PER_PROJECT is used up for project"),
    ("the grant is refused with reason invalid_scope", "the grant is refused with reason invalid_client"),
    ("server answered with NoSuchBucket to the call", "server answered with NoSuchKey to the call"),
    ("database is read-only during the failover", "database is read-write during the failover"),
    ("failed assertion H12 at the routing layer", "failed assertion H13 at the routing layer"),
    ("cipher sha256 is not accepted by peer", "cipher sha512 is not accepted by peer"),
    ("connection to primary lost during commit", "connection from primary lost during commit"),
    ("An error occurred while processing your request", "An error occurred while processing your request: insufficient funds"),
    ("read failed: permission denied on shared storage volume", "write failed: permission denied on shared storage volume"),
    ("order service failed: no answer before deadline of call", "license service failed: no answer before deadline of call"),
    ("argument attr1 of this call is not accepted here", "argument attr2 of this call is not accepted here"),
    ("delivery to region was rejected by carrier", "delivery from region was rejected by carrier"),
    ("card number is missing from the payment", "card number is present in the payment"),
    ("too many rows selected for one page", "too many columns selected for one page"),
    ("refresh token presented by client has expired", "access token presented by client has expired"),
    ("primary rate limit exceeded for this installation", "secondary rate limit exceeded for this installation"),
    ("no more than 10 webhooks per store", "no more than 10 webhooks per account"),
    ("user unknown to this directory tenant", "user disabled in this directory tenant"),
    ("could not open input file of batch", "could not open output file of batch"),
    ("record is locked by user approval process", "record is locked by system approval process"),
    ("billing address: value must be a known code", "shipping address: value must be a known code"),
    ("payment method was declined by the issuer", "payment method was authorized by the issuer"),
    ("subscription user_locked refuses further calls now", "subscription user_unlocked refuses further calls now"),
    ("job timed_out on the shared worker queue", "job not_started on the shared worker queue"),
    ("API version v1 is not served any more", "API version v2 is not served any more"),
    ("Errno 104 while talking to the broker socket", "Errno 111 while talking to the broker socket"),
    ("message exceeds maximum length for subject line", "message exceeds minimum length for subject line"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), APART)
def test_texts_that_differ_in_a_cause_stay_apart(a: str, b: str) -> None:
    assert not joins(an_outline(a), an_outline(b))
    assert not joins(an_outline(b), an_outline(a))


@pytest.mark.parametrize(("a", "b"), [pair for pair in APART if ":" not in pair[1]])
def test_what_stays_apart_by_a_word_says_why(a: str, b: str) -> None:
    reason = veto(an_outline(a), an_outline(b))
    assert reason


@pytest.mark.parametrize(
    "name",
    ["cause", "finding", "condition", "code", "status", "type", "limit", "operation", "field", "change", "endpoint", "metric"],
)  # fmt: skip
def test_a_part_that_differs_keeps_two_signatures_apart(name: str) -> None:
    text = "the nightly export of ledger entries stopped"
    a, b = an_outline(text, **{name: "one"}), an_outline(text, **{name: "two"})
    assert veto(a, b)
    assert not joins(a, b)


def test_time_outs_at_different_places_of_a_library_stay_apart() -> None:
    text = "operation timed out after waiting for lease"
    a, b = an_outline(text, anchor="lib/connect.py"), an_outline(text, anchor="lib/read.py")
    assert "place" in (veto(a, b) or "")


def test_blocks_never_meet() -> None:
    text = "the specified storage container does not exist"
    assert veto(an_outline(text, block="error/a"), an_outline(text, block="error/b"))
    assert not joins(an_outline(text, block="error/a"), an_outline(text, block="error/b"))


def test_an_applications_own_words_meet_only_when_equal() -> None:
    a = an_outline("unable to allocate a buffer for table order_lines", block="error/memoryerror", type="MemoryError")
    b = an_outline("unable to allocate a buffer for table invoice_heads", block="error/memoryerror", type="MemoryError")
    assert a.key is None
    assert veto(a, b)


def test_a_short_sentence_is_near_nothing() -> None:
    assert not joins(an_outline("Bad request"), an_outline("Bad requests"))


def test_sentences_said_of_any_failure_need_the_same_code() -> None:
    text = "An unexpected internal error occurred while processing request"
    assert not joins(an_outline(text), an_outline(text, code="CARD_DECLINED"))


LONG = (
    "The posted document was refused by the schema of the receiving ledger since its closing balance carries more decimals "
    "than the target currency allows and rounding towards even numbers is not agreed between both parties of the contract"
)


def test_a_text_that_was_cut_off_meets_the_whole_one() -> None:
    for cut in (LONG[:188], LONG[:201], LONG[:-4]):
        assert joins(an_outline(LONG), an_outline(cut))
        assert joins(an_outline(cut), an_outline(LONG))
    assert not joins(an_outline(LONG), an_outline(LONG[:60]))


def test_long_texts_that_end_differently_stay_apart() -> None:
    others = [
        LONG.replace("parties of", "signers of"),
        LONG.replace("is not agreed", "is agreed"),
        f"{LONG[:190]} HTTP 409",
    ]
    for other in others:
        assert not joins(an_outline(LONG), an_outline(other)), other


# ---------------------------------------------------------------- laws

WORDS = "the order record session token was not rejected expired before after upload of table bucket 401 <*> tax_code".split()
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
outlines = st.builds(
    lambda text, code, block: an_outline(text, block=block, **({"code": code} if code else {})),
    st.one_of(texts, st.text(max_size=60)),
    st.sampled_from(["", "A_ONE", "B_TWO"]),
    st.sampled_from([BLOCK, "error/other"]),
)


@given(outlines, outlines)
def test_likeness_is_symmetric_and_between_0_and_1(a: Outline, b: Outline) -> None:
    assert likeness(a, b) == likeness(b, a)
    assert 0.0 <= likeness(a, b) <= 1.0
    assert likeness(a, a) == 1.0


@given(outlines, outlines)
def test_only_equal_signatures_are_wholly_alike(a: Outline, b: Outline) -> None:
    assume(a.digest != b.digest)
    assert likeness(a, b) < 1.0


@given(outlines, outlines)
def test_veto_is_symmetric(a: Outline, b: Outline) -> None:
    assert veto(a, b) == veto(b, a)


@given(outlines, outlines)
def test_a_joined_pair_has_no_veto_and_enough_in_common(a: Outline, b: Outline) -> None:
    assume(a.digest != b.digest)
    if joins(a, b):
        assert veto(a, b) is None
        assert likeness(a, b) >= THRESHOLD
        assert joins(b, a)


@settings(max_examples=50)
@given(st.lists(outlines, min_size=2, max_size=4, unique_by=lambda o: o.digest), outlines)
def test_the_nearest_does_not_hang_on_the_order_of_adding(founders: list[Outline], unknown: Outline) -> None:
    answers = set()
    for order in permutations(founders):
        index = Near()
        for founder in order:
            index.add(founder)
        answers.add(index.nearest(unknown))
    assert len(answers) == 1


# a name that reads like a technology's ("sql00") is kept as a word, at the cost of a join
names = st.from_regex(
    r"[A-Z][a-z]{3,7}[A-Z][a-z]{3,7}|(acme|north|kiosk)\d{2,4}|q[a-z]{3,6}_[a-z]{3,6}_tbl", fullmatch=True
)
SENTENCES = [
    "could not lock table {0} for user {1} during nightly export",
    "queue {0} on host {1} rejected further messages",
    "tenant {0} may not read bucket {1} of this region",
]


@given(st.sampled_from(SENTENCES), st.sampled_from(SENTENCES), names, names, names, names)
def test_renaming_what_customers_call_things_turns_no_veto(a: str, b: str, n1: str, n2: str, n3: str, n4: str) -> None:
    plain = veto(an_outline(a.format(n1, n2)), an_outline(b.format(n1, n2)))
    renamed = veto(an_outline(a.format(n1, n2)), an_outline(b.format(n3, n4)))
    assert (plain is None) == (renamed is None)


# ---------------------------------------------------------------- the index


def test_founders_that_were_discarded_are_found_no_more() -> None:
    a = an_outline("could not read table order_lines in time")
    index = Near()
    index.add(a)
    index.add(a)
    assert len(index) == 1
    index.discard(a.digest)
    index.discard(a.digest)
    assert index.nearest(an_outline("could not read table invoice_heads in time")) is None
    assert len(index) == 0


def test_founders_of_one_key_are_bounded_and_the_smallest_digests_stay() -> None:
    many = [an_outline("the nightly ledger export stopped early", code=f"C_{n}") for n in range(3 * POSTING)]
    assert len({outline.key for outline in many}) == 1
    kept = []
    for order in (many, many[::-1]):
        index = Near()
        for founder in order:
            index.add(founder)
        assert len(index) == POSTING
        kept.append(index.all_near(an_outline("the nightly ledger export stopped early")))
    assert kept[0] == kept[1]


def test_likeness_says_what_was_shared_and_what_not() -> None:
    a = an_outline("could not read table in time", code="LATE")
    b = an_outline("could not write table in time")
    why = likeness_parts(a, b)
    assert "table" in why.shared
    assert why.only_a == ("read",)
    assert why.only_b == ("write",)
    assert why.different == ("code LATE",)
    assert "read" in why.sentence


def test_no_two_adversarial_texts_of_different_pairs_meet_either() -> None:
    outlines = [an_outline(text) for pair in APART for text in pair]
    for a, b in combinations(outlines, 2):
        if a.digest != b.digest:
            assert not joins(a, b), (a.parts, b.parts)
