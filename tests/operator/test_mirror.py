"""The mirror: newest version wins, what has gone stays gone, indexes agree with a scan."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fde_operator.key import Key
from fde_operator.mirror import Mirror

KEY = Key("FDEDeployment", "n", "a")


def made(name: str = "a", version: int = 1, uid: str = "u", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "n", "uid": uid, "resourceVersion": str(version)}
    return {"kind": "FDEDeployment", "metadata": metadata, "spec": {}, **more}


def mirror() -> Mirror:
    return Mirror({"FDEDeployment", "ConfigMap"})


def test_what_is_older_than_what_is_known_is_no_news() -> None:
    held = mirror()
    assert held.put(made(version=5, status={"x": 1}))
    assert not held.put(made(version=5))
    assert not held.put(made(version=4))
    assert held.get(KEY) == made(version=5, status={"x": 1})
    assert held.put(made(version=1, uid="another"))  # made anew under the same name: its versions are its own


def test_an_answer_that_comes_after_its_object_s_end_brings_no_ghost() -> None:
    held = mirror()
    held.put(made(version=1))
    assert held.remove(KEY, uid="u")
    assert not held.put(made(version=2))
    assert held.get(KEY) is None
    assert not held.remove(KEY, uid="u")
    assert held.put(made(version=3, uid="v"))
    assert not held.remove(KEY, uid="u")  # the end of the one before is no end of this one
    assert held.get(KEY) is not None


def test_a_copy_is_its_reader_s_own() -> None:
    held = mirror()
    held.put(made())
    first = held.get(KEY)
    assert first is not None
    first["spec"]["changed"] = True
    assert held.get(KEY) == made()


def test_a_complete_list_takes_away_what_it_does_not_show_unless_it_is_newer() -> None:
    held = mirror()
    held.put(made("old", 3, "u1"))
    held.put(made("new", 12, "u2"))
    held.put(made("again", 3, "u3"))
    gone = held.prune("FDEDeployment", {("n", "again"): "u4"}, version=10)
    assert {one["metadata"]["name"] for one in gone} == {"old", "again"}
    assert [key.name for key in held.keys("FDEDeployment")] == ["new"]


def test_what_we_deleted_is_on_its_way_out_until_the_event_comes() -> None:
    held = mirror()
    held.put(made())
    held.doom(KEY, uid="another", at="2026-11-21T00:00:00Z")
    assert held.get(KEY) == made()
    held.doom(KEY, uid="u", at="2026-11-21T00:00:00Z")
    found = held.get(KEY)
    assert found is not None
    assert found["metadata"]["deletionTimestamp"] == "2026-11-21T00:00:00Z"


def test_who_manages_a_field_is_not_kept() -> None:
    held = mirror()
    one = made()
    one["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    held.put(one)
    assert held.get(KEY) == made()


NAMES = st.sampled_from("abcd")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("put", "put", "put", "remove")),
        NAMES,
        st.sampled_from(("n", "m")),
        st.sampled_from(("p", "q", None)),
        st.sampled_from(("x", "y", None)),
    ),
    max_size=30,
)


@given(STEPS)
def test_every_question_is_answered_as_a_scan_would(steps: list[Any]) -> None:
    held, plain = mirror(), {}
    for version, (what, name, namespace, primitive, label) in enumerate(steps, start=1):
        if what == "remove":
            held.remove(Key("FDEDeployment", namespace, name))
            plain.pop((namespace, name), None)
            continue
        one = made(name, version, uid=str(version))
        one["metadata"]["namespace"] = namespace
        one["spec"] = {"primitiveRef": {"name": primitive}} if primitive else {}
        one["metadata"]["labels"] = {"fde.io/deployment": label} if label else {}
        assert held.put(one)
        plain[namespace, name] = one
    for namespace in ("", "n", "m"):
        for labels in ({}, {"fde.io/deployment": "x"}, {"fde.io/deployment": "z"}):
            for fields in ({}, {"spec.primitiveRef.name": "p"}, {"metadata.name": "a"}):
                wanted = [
                    one
                    for (place, name), one in sorted(plain.items())
                    if (not namespace or place == namespace)
                    and all(one["metadata"]["labels"].get(k) == v for k, v in labels.items())
                    and ("metadata.name" not in fields or name == fields["metadata.name"])
                    and (
                        "spec.primitiveRef.name" not in fields
                        or one["spec"].get("primitiveRef", {}).get("name") == fields["spec.primitiveRef.name"]
                    )
                ]
                assert held.list("FDEDeployment", namespace=namespace, labels=labels, fields=fields) == wanted


def test_what_comes_back_under_its_own_uid_had_not_ended() -> None:
    """It lost the label by which it is watched, which looks like its end, and got it again."""
    held = mirror()
    held.put(made(version=3))
    assert held.remove(KEY, uid="u", version=7)
    assert not held.put(made(version=6))  # an answer from before
    assert held.put(made(version=8))
    assert held.get(KEY) == made(version=8)
    held.prune("FDEDeployment", {}, version=20)
    assert not held.put(made(version=20))
    assert held.put(made(version=21))
