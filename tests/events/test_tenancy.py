import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.errors import BadInput, Misuse
from fde_events.tenancy.acl import Rule, feed_rules, reaches_in, submit_rules
from fde_events.tenancy.credential import CredentialFolder, carried, generate
from fde_events.tenancy.plan import Observed, Seen, TenantPlan, desired, plan, removal
from fde_events.tenancy.quota import FEED_QUOTA, Quota
from fde_events.tenancy.role import ROLES, rules_of
from fde_events.tenancy.user import FeedRef, feed_of, is_ours
from fde_events.topics import ENGINE, SIGNATURES, Topic, telemetry

ACME = FeedRef("acme", "customer-acme", "orders")
labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=3).map(".".join)
feeds = st.builds(FeedRef, labels, labels, names)


def carried_out(observed, actions):
    """What Kafka is after the actions: the plan's own account of them."""
    topics, users = dict(observed.topics), dict(observed.users)
    rules, quotas = set(observed.rules), dict(observed.quotas)
    for action in actions:
        if not action.possible:
            continue
        if action.kind == "topic":
            topics[action.about] = Seen(action.topic.partitions, action.topic.config())
        elif action.kind == "user" and action.verdict == "remove":
            users.pop(action.about)
        elif action.kind == "user":
            users[action.about] = frozenset({"SCRAM-SHA-512"})
        elif action.kind == "rule" and action.verdict == "remove":
            rules.discard(action.rule)
        elif action.kind == "rule":
            rules.add(action.rule)
        elif action.verdict == "remove":
            quotas.pop(action.about)
        else:
            quotas[action.about] = action.quota.values()
    return Observed(topics, users, frozenset(rules), quotas)


def allowed(rules, resource, name, operation):
    return any(
        rule.resource == resource
        and rule.operation == operation
        and (name.startswith(rule.name) if rule.pattern == "prefixed" else name == rule.name)
        for rule in rules
    )


@given(feeds)
def test_a_feeds_user_names_exactly_one_feed(feed):
    assert feed_of(feed.user) == feed and is_ours(feed.user)


@pytest.mark.parametrize(
    "parts", [("a.b", "n", "f"), ("a", "n.m", "f"), ("a", "n", "f_"), ("", "n", "f"), ("a", "n", "f" * 254)]
)
def test_what_is_no_label_makes_no_user(parts):
    with pytest.raises(Misuse):
        FeedRef(*parts)


@given(labels, labels)
def test_a_feed_writes_its_customers_telemetry_and_no_other_topic(mine, other):
    rules = list(feed_rules(FeedRef(mine, "n", "f")))
    assert allowed(rules, "topic", telemetry(mine).name, "write")
    assert {rule.operation for rule in rules} == {"write", "describe"}
    if mine != other:
        assert not allowed(rules, "topic", telemetry(other).name, "write")
    for topic in [*ENGINE, Topic(f"fde.{mine}.solutions", 1, 1, False, "", "")]:
        assert not allowed(rules, "topic", topic.name, "write")


def test_a_submitter_writes_solutions_alone():
    rules = list(submit_rules("acme"))
    assert allowed(rules, "topic", "fde.acme.solutions", "write")
    assert not allowed(rules, "topic", "fde.acme.telemetry", "write")
    assert not any(rule.operation == "read" for rule in rules)


def test_besides_the_eraser_telemetry_is_read_by_ingest_alone_and_solutions_by_extraction_alone():
    readers = {
        topic: {role.name for role in ROLES if allowed(rules_of(role, ["acme"]), "topic", topic, "read")}
        for topic in ("fde.acme.telemetry", "fde.acme.solutions", "fde-engine.state", "fde-engine.dead-letter")
    }
    assert readers == {
        "fde.acme.telemetry": {"ingest", "eraser"},
        "fde.acme.solutions": {"extraction", "eraser"},
        "fde-engine.state": {"fold", "eraser"},
        "fde-engine.dead-letter": {"keeper", "eraser"},
    }


def test_no_role_reaches_a_customer_that_is_not_served():
    for role in ROLES:
        if not role.topics:
            assert not any(
                allowed(rules_of(role, ["acme"]), "topic", "fde.north.telemetry", op) for op in ("read", "write")
            )


@given(st.lists(feeds, max_size=4), st.lists(labels, max_size=3))
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(named, customers):
    wanted = desired(customers, named)
    after = carried_out(Observed(), plan(Observed(), wanted))
    assert not any(action.changes for action in plan(after, wanted))


@given(st.lists(feeds, min_size=1, max_size=4, unique=True), st.data())
def test_removing_one_feed_leaves_all_others_as_they_were(named, data):
    wanted = desired([], named)
    before = carried_out(Observed(), plan(Observed(), wanted))
    gone = data.draw(st.sampled_from(named))
    after = carried_out(before, removal(before, gone.user))
    assert gone.user not in after.users and gone.user not in after.quotas
    assert {rule for rule in before.rules if rule.user != gone.user} == set(after.rules)
    assert not any(a.changes for a in plan(after, desired([], [f for f in named if f != gone], engine=False)))


@given(labels, labels)
def test_planning_one_customer_takes_nothing_from_another(mine, other):
    before = carried_out(Observed(), plan(Observed(), desired([other], [FeedRef(other, "n", "f")])))
    actions = plan(before, desired([mine], [FeedRef(mine, "n", "g")]))
    assert not any(action.verdict == "remove" for action in actions)


def test_pruning_takes_away_who_is_not_named_and_nobody_elses_users():
    stranger = Rule("mirror", "topic", "literal", "backup", "write")
    before = carried_out(Observed(), plan(Observed(), desired(["north"], [ACME])))
    before = Observed(before.topics, {**before.users, "mirror": frozenset()}, before.rules | {stranger}, before.quotas)
    after = carried_out(before, plan(before, desired(["north"]), prune=True))
    assert ACME.user not in after.users and "mirror" in after.users
    assert stranger in after.rules and not any("acme" in rule.name for rule in after.rules)


def test_a_rule_too_many_is_removed():
    wide = Rule(ACME.user, "topic", "prefixed", "fde.", "read")
    before = carried_out(Observed(), plan(Observed(), desired([], [ACME])))
    after = carried_out(
        before, plan(Observed(before.topics, before.users, before.rules | {wide}, before.quotas), desired([], [ACME]))
    )
    assert wide not in after.rules


def test_nobody_is_let_in_before_the_quota_holds_and_out_after_the_rules_are_gone():
    into = [a.kind for a in plan(Observed(), TenantPlan((), desired([], [ACME], engine=False).tenants[:1]))]
    assert into == ["quota", "user", "rule", "rule"]
    there = carried_out(Observed(), plan(Observed(), desired([], [ACME])))
    assert [a.kind for a in removal(there, ACME.user)] == ["rule", "rule", "user", "quota"]


def test_a_quota_or_setting_that_differs_is_told_and_mended_and_partitions_are_not():
    seen = {SIGNATURES: Seen(3, {})}
    actions = plan(Observed(topics=seen), desired([]))
    partitions = next(a for a in actions if a.about == SIGNATURES)
    assert partitions.verdict == "differs" and partitions.changes and not partitions.possible
    wanted = desired([], [ACME], quota=Quota(10, 5))
    there = carried_out(Observed(), plan(Observed(), desired([], [ACME], quota=FEED_QUOTA)))
    there.topics[SIGNATURES] = Seen(8, {"cleanup.policy": "delete", "retention.ms": "1"})
    differing = {(a.kind, a.about) for a in plan(there, wanted) if a.verdict == "differs"}
    assert differing == {("quota", ACME.user), ("quota", "fde-submit.acme"), ("topic", SIGNATURES)}


def test_a_new_password_is_given_on_request_alone():
    there = carried_out(Observed(), plan(Observed(), desired([], [ACME])))
    assert [a.about for a in plan(there, desired([], [ACME]), rotate=[ACME.user]) if a.changes] == [ACME.user]


@pytest.mark.parametrize(
    ("rule", "opens"),
    [
        (Rule("mirror", "topic", "literal", "*", "read"), True),
        (Rule("mirror", "topic", "prefixed", "fd", "read"), True),
        (Rule("*", "topic", "prefixed", "fde.acme.", "write"), True),
        (Rule("mirror", "topic", "literal", "fde-engine.state", "read"), True),
        (Rule("mirror", "topic", "prefixed", "fdex", "read"), False),
        (Rule("mirror", "group", "literal", "*", "read"), False),
        (Rule("mirror", "topic", "literal", "*", "read", permission="deny"), False),
        (Rule("fde-engine.fold", "topic", "literal", "fde-engine.state", "read"), False),
    ],
)
def test_a_strangers_rule_on_our_topics_is_told_and_left(rule, opens):
    told = [a for a in plan(Observed(rules=frozenset({rule})), TenantPlan()) if a.verdict == "foreign"]
    assert bool(told) is opens is reaches_in(rule)
    assert not any(a.changes for a in told)


def test_a_password_is_in_one_file_that_its_owner_alone_reads(tmp_path):
    folder, made = CredentialFolder(tmp_path / "c"), generate(ACME.user)
    assert made.password not in repr(made) and len(made.password) >= 43
    folder.draft(made, {"security.protocol": "SASL_SSL", "ssl.ca.location": "/ca.pem", "sasl.password": "admins"})
    assert folder.interrupted(ACME.user) and not folder.has(ACME.user)
    file = folder.settle(ACME.user)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    written = json.loads(file.read_text())
    assert written["sasl.password"] == made.password and written["ssl.ca.location"] == "/ca.pem"
    assert "admins" not in file.read_text()
    assert folder.has(ACME.user) and not folder.interrupted(ACME.user)
    folder.forget(ACME.user)
    assert not list(folder.path.iterdir())


def test_a_users_settings_carry_the_authority_itself(tmp_path):
    authority = tmp_path / "ca.pem"
    authority.write_text("-----BEGIN\nx\n")
    made = carried({"ssl.ca.location": str(authority), "security.protocol": "SASL_SSL"})
    assert generate(ACME.user).settings(made)["ssl.ca.pem"] == "-----BEGIN\nx\n" and "ssl.ca.location" not in made
    assert carried({"ssl.ca.location": str(tmp_path)}) == {"ssl.ca.location": str(tmp_path)}
    with pytest.raises(BadInput, match="gone"):
        carried({"ssl.ca.location": str(tmp_path / "gone.pem")})


@pytest.mark.parametrize("user", ["../other", "fde-feed.a/../../b", "admin", ""])
def test_a_user_that_is_none_of_ours_leads_to_no_file(tmp_path, user):
    with pytest.raises(BadInput):
        CredentialFolder(tmp_path).forget(user)


def test_no_two_passwords_are_alike():
    assert len({generate("u").password for _ in range(100)}) == 100
