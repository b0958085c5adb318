"""A deployment's parameters against the primitive's schema: every wrong one in one message, no value in any."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given as law
from hypothesis import strategies as st

from fde_api.deployment import FDEDeployment
from fde_api.primitive import DeploymentPrimitive
from fde_operator.desired import desired
from fde_operator.errors import Held
from fde_operator.parameters import unexpanded
from fde_operator.settings import OperatorSettings

SECRET = {"secretRef": {"name": "servicenow", "key": "client-secret"}}
OUTSIDE = {"vaultRef": {"path": "tenants/customer-northgate/servicenow", "key": "client-secret"}}


def primitive(given: Any, *, store: str = "kubernetes", more: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    spec: dict[str, Any] = given.with_secret(given.spec())
    spec["parameters"] += copy.deepcopy(list(more))
    spec["runtime"]["securityContext"] = {"secretsStore": store}
    return spec


def held(given: Any, spec: dict[str, Any], **deployment: Any) -> Held:
    with pytest.raises(Held) as refused:
        run(given, spec, **deployment)
    return refused.value


def run(given: Any, spec: dict[str, Any], **deployment: Any) -> Any:
    body = given.deployment(**deployment)
    body["metadata"]["uid"] = "uid-1"
    return desired(
        msgspec.convert(body, FDEDeployment),
        msgspec.convert(given.primitive(spec), DeploymentPrimitive),
        (),
        "northgate",
        OperatorSettings(),
    )


def test_all_that_is_wrong_is_in_one_message_and_no_value_is(given: Any) -> None:
    number = {"name": "pageSize", "type": "int", "minimum": 1, "maximum": 500}
    parameters = {
        "syncFrequency": "20m",
        "ratio": "fast-hunter2",
        "verbose": "perhaps-hunter2",
        "pageSize": 501,
        "hostname": "hunter2",
        "clientSecret": "hunter2",
    }
    refused = held(given, primitive(given, more=(number,)), parameters=parameters)
    assert refused.reason == "ParametersInvalid"
    for sentence in (
        "7 things are wrong",
        "parameter syncFrequency: is not one of the allowed values (15m, 30m, 1h)",
        "parameter ratio: takes a number",
        "parameter verbose: takes true or false",
        "parameter pageSize: takes a number of at least 1 and at most 500",
        "parameter hostname is not one of the primitive's; it has: clientSecret, instanceHost",
        "parameter clientSecret is a secret: give secretRef: {name, key}, never the value itself",
        "parameter instanceHost needs a value (host)",
    ):
        assert sentence in str(refused)
    assert "hunter2" not in str(refused)


@pytest.mark.parametrize(
    ("declared", "value", "fits"),
    [
        ({"type": "int", "minimum": 1}, 1, True),
        ({"type": "int", "minimum": 1}, 0, False),
        ({"type": "int", "minimum": 1}, "-3", False),
        ({"type": "int", "maximum": 1000}, "1_001", False),
        ({"type": "int", "maximum": 1000}, "1_000", True),
        ({"type": "float", "minimum": 0.1, "maximum": 0.5}, 0.1, True),
        ({"type": "float", "minimum": 0.1, "maximum": 0.5}, "5e-1", True),
        ({"type": "float", "minimum": 0.1, "maximum": 0.5}, 0.50001, False),
        ({"type": "int", "maximum": 9007199254740992}, 9007199254740993, False),  # equal as floats
    ],
)
def test_a_number_has_a_range_with_both_ends(given: Any, declared: dict[str, Any], value: Any, fits: bool) -> None:
    spec = given.spec()
    spec["parameters"].append({"name": "limit", **declared})
    parameters = {"instanceHost": "a.example", "limit": value}
    if fits:
        run(given, spec, parameters=parameters)
    else:
        assert "parameter limit: takes a number of at" in str(held(given, spec, parameters=parameters))


@pytest.mark.parametrize(
    "declared",
    [{"type": "string", "minimum": 1}, {"type": "bool", "maximum": 1}, {"type": "int", "minimum": 2, "maximum": 1}],
)
def test_a_range_that_makes_no_sense_is_no_schema(given: Any, declared: dict[str, Any]) -> None:
    spec = given.spec()
    spec["parameters"].append({"name": "limit", **declared})
    with pytest.raises(msgspec.ValidationError, match="limit"):
        msgspec.convert(given.primitive(spec), DeploymentPrimitive)


@pytest.mark.parametrize(
    ("store", "value", "sentence"),
    [
        ("kubernetes", OUTSIDE, "secretsStore is kubernetes, which takes secretRef: {name, key}"),
        ("vault", SECRET, "secretsStore is vault, which takes vaultRef: {path, key}"),
        ("external-secrets", SECRET, "secretsStore is external-secrets, which takes vaultRef: {path, key}"),
        ("vault", None, "parameter clientSecret needs a vaultRef: {path, key}"),
        ("vault", "hunter2", "give vaultRef: {path, key}, never the value itself"),
    ],
)
def test_a_secret_is_referred_to_as_the_primitive_s_store_has_it(
    given: Any, store: str, value: Any, sentence: str
) -> None:
    parameters = {"instanceHost": "a.example"} | ({"clientSecret": value} if value else {})
    assert sentence in str(held(given, primitive(given, store=store), parameters=parameters))


@pytest.mark.parametrize(
    "path",
    [
        "tenants/customer-rival/servicenow",
        "tenants/customer-northgate-2/x",
        "tenants/customer-northgate/../customer-rival/x",
    ],
)
@pytest.mark.parametrize("store", ["vault", "external-secrets"])
def test_a_path_of_another_customer_s_is_refused_though_admission_let_it_pass(
    given: Any, store: str, path: str
) -> None:
    spec = primitive(given, store=store)
    reference = {"vaultRef": {"path": path, "key": "k"}}
    parameters = {"instanceHost": "a.example", "clientSecret": reference}
    try:
        refused = held(given, spec, parameters=parameters)
    except msgspec.ValidationError:  # the schema's pattern
        assert ".." in path
        return
    assert "vaultRef.path must lie under tenants/customer-northgate/" in str(refused)


@pytest.mark.parametrize("name", ["fde-kafka.sync", "fde-telemetry"])
def test_our_own_secrets_are_no_parameter_s(given: Any, name: str) -> None:
    parameters = {"instanceHost": "a.example", "clientSecret": {"secretRef": {"name": name, "key": "kafka.yaml"}}}
    body = given.deployment(parameters=parameters)
    body["metadata"]["uid"] = "uid-1"
    settings = OperatorSettings(telemetry_secret="fde-telemetry")
    deployment = msgspec.convert(body, FDEDeployment)
    with pytest.raises(Held, match=f"Secret {name} is the sidecar's"):
        desired(deployment, msgspec.convert(given.primitive(primitive(given)), DeploymentPrimitive), (), "n", settings)


def test_both_forms_at_once_are_no_secret() -> None:
    from fde_api.deployment import SecretValue

    with pytest.raises(msgspec.ValidationError, match="one of secretRef"):
        msgspec.convert({**SECRET, **OUTSIDE}, SecretValue)
    with pytest.raises(msgspec.ValidationError, match="one of secretRef"):
        msgspec.convert({}, SecretValue)


def test_a_default_that_the_schema_itself_refuses_is_said_to_be_the_primitive_s(given: Any) -> None:
    spec = given.spec()
    spec["parameters"] += [
        {"name": "limit", "type": "int", "default": 9, "maximum": 5},
        {"name": "mode", "type": "enum", "default": "c", "allowedValues": ["a", "b"]},
    ]
    refused = held(given, spec)
    assert str(refused).startswith("2 things are wrong")
    assert "own default does not fit its schema: parameter limit: takes a number of at most 5" in str(refused)
    run(given, spec, parameters={"instanceHost": "a.example", "limit": 5, "mode": "b"})


def _broken(segments: list[dict[str, Any]]) -> dict[str, Any]:
    return {"path": "conf/broken.py", "language": "python", "segments": segments}


def test_every_file_that_cannot_be_rendered_is_named_with_its_parameter(given: Any) -> None:
    spec = given.spec()
    spec["parameters"] += [{"name": "title", "type": "string"}, {"name": "note", "type": "string"}]
    for path, *names in (("a.py", "title"), ("b.py", "note", "title"), ("c.py", "title", "title")):
        segments: list[dict[str, Any]] = []
        for name in names:
            hole = {"parameter": name, "place": "python.comment.line"}
            segments += [{"text": "# "}, {"hole": hole}, {"text": "\n"}]
        spec["template"]["files"].append({"path": path, "language": "python", "segments": segments})
    parameters = {"instanceHost": "a.example", "title": "one\nimport os", "note": "two\nimport os"}
    refused = held(given, spec, parameters=parameters)
    assert refused.reason == "ParametersInvalid"
    for file, name in (("a.py", "title"), ("b.py", "note"), ("b.py", "title"), ("c.py", "title")):
        assert f"{file}: parameter {name}" in str(refused)
    assert str(refused).startswith("4 things are wrong")
    assert "import os" not in str(refused)


@pytest.mark.parametrize(
    "segments",
    [
        [{"when": {"parameter": "verbose"}}, {"text": "x = 1\n"}],  # does not end
        [{"mark": "end"}],
        [{"hole": {"parameter": "instanceHost", "place": "python.nowhere"}}],
        [{"hole": {"parameter": "instanceHost", "place": "python.string.double", "filters": ["unknown"]}}],
        [{"hole": {"parameter": "undeclared", "place": "python.string.double"}}],
        [{"each": {"parameter": "instanceHost"}}, {"text": "x"}, {"mark": "end"}],
    ],
)
def test_a_template_that_is_broken_holds_the_deployment_and_names_the_file(
    given: Any, segments: list[dict[str, Any]]
) -> None:
    spec = given.spec()
    spec["template"]["files"].append(_broken(segments))
    refused = held(given, spec)
    assert refused.reason in ("TemplateInvalid", "ParametersInvalid")
    assert "conf/broken.py" in str(refused)


def test_files_that_no_config_map_holds_are_refused_with_their_size_and_the_largest_s_name(given: Any) -> None:
    spec = given.spec()
    text = "x = 1\n" * 40_000  # 240 kB
    for number in range(4):
        body = [{"text": text}]
        spec["template"]["files"].append({"path": f"big{number}.py", "language": "python", "segments": body})
    refused = held(given, spec)
    assert refused.reason == "TemplateTooLarge"
    assert "960" in str(refused) and "big0.py" in str(refused)


def test_a_job_with_too_much_to_render_is_refused_too(given: Any) -> None:
    spec = primitive(given)
    spec["template"]["files"][-1]["segments"] += [{"text": "# " + "é" * 100_000 + "\n"} for _ in range(5)]
    parameters = {"instanceHost": "a.example", "clientSecret": SECRET}
    assert held(given, spec, parameters=parameters).reason == "TemplateTooLarge"


def test_a_path_too_long_for_a_key_still_has_one(given: Any) -> None:
    from fde_operator.files import keys

    deep = "a/" * 120 + "b.py"
    found = keys({deep: b"", deep + "x": b"", "c/d.py": b""})
    assert len(set(found.values())) == 3 and all(len(key) <= 253 for key in found.values())
    assert found["c/d.py"] == "c__d.py"


@pytest.mark.parametrize("path", ["/", "/tmp/x", "/fde", "/fde/secrets", "/app/../etc/cron.d", "/var", "/proc/self"])
def test_a_mount_over_what_the_pod_needs_is_refused(given: Any, path: str) -> None:
    spec = given.spec()
    spec["runtime"]["workload"]["mountPath"] = path
    assert held(given, spec).reason == "MountPathTaken"


@pytest.mark.parametrize("path", ["/app", "/srv/app", "/var/app", "/opt/fde"])
def test_a_folder_of_its_own_is_the_app_s(given: Any, path: str) -> None:
    spec = given.spec()
    spec["runtime"]["workload"]["mountPath"] = path
    run(given, spec)


def kubelet(value: str, variables: dict[str, str]) -> str:
    """Kubernetes' third_party/forked/golang/expansion, Expand: what a container gets for a value of its env."""
    found, at = "", 0
    while at < len(value):
        if value[at] != "$" or at + 1 == len(value):
            found, at = found + value[at], at + 1
        elif value[at + 1] == "(" and ")" in value[at:]:
            name = value[at + 2 : value.index(")", at)]
            found, at = found + variables.get(name, f"$({name})"), at + len(name) + 3
        else:
            found, at = found + ("$" if value[at + 1] == "$" else value[at : at + 2]), at + 2
    return found


def in_the_app(given: Any, env: str, **parameters: str) -> str:
    """The variable of that text as the app sees it."""
    spec = primitive(given, more=tuple({"name": name, "type": "string"} for name in parameters))
    spec["runtime"]["workload"]["env"] = [
        {"name": "TOKEN", "value": "{{ clientSecret }}"},
        {"name": "SEEN", "value": env},
    ]
    objects, _ = run(given, spec, parameters={"instanceHost": "a.example", "clientSecret": SECRET, **parameters})
    (app,) = objects[-1].manifest["spec"]["template"]["spec"]["containers"]
    return kubelet(next(one["value"] for one in app["env"] if one["name"] == "SEEN"), {"TOKEN": "the secret"})


@pytest.mark.parametrize("value", ["https://evil.example/$(TOKEN)", "pa$$word", "$", "a$b", "$(", "$$(TOKEN)", "$$$"])
def test_the_app_gets_a_parameter_as_it_was_given(given: Any, value: str) -> None:
    assert in_the_app(given, "{{ one }}", one=value) == value
    assert in_the_app(given, "<{{ one }}>", one=value) == f"<{value}>"


@pytest.mark.parametrize(
    ("env", "parameters", "seen"),
    [
        ("${{ one }}", {"one": "(TOKEN)"}, "$(TOKEN)"),
        ("$({{ one }})", {"one": "TOKEN"}, "$(TOKEN)"),
        ("$(TO{{ one }}", {"one": "KEN)"}, "$(TOKEN)"),
        ("{{ one }}{{ two }}", {"one": "$", "two": "(TOKEN)"}, "$(TOKEN)"),
        ("{{ one }}(TOKEN)", {"one": "$"}, "$(TOKEN)"),
        ("$$${{ one }}", {"one": "(TOKEN)"}, "$$(TOKEN)"),
    ],
)
def test_neither_together_with_the_author_s_text_nor_with_another_does_a_parameter_name_a_variable(
    given: Any, env: str, parameters: dict[str, str], seen: str
) -> None:
    assert in_the_app(given, env, **parameters) == seen


@law(st.data())
def test_whatever_is_put_together_no_secret_is_in_it(data: Any) -> None:
    texts = st.text("$()TOKEN", max_size=8)
    pieces = data.draw(st.lists(texts, min_size=3, max_size=7).filter(lambda found: len(found) % 2))
    own = [part for part in pieces[::2]]
    pieces[::2] = [part.replace("$(TOKEN)", "") for part in own]
    seen = kubelet(unexpanded(pieces), {"TOKEN": "the secret"})
    assert "the secret" not in seen


def test_an_author_may_name_a_variable(given: Any) -> None:
    assert in_the_app(given, "Bearer $(TOKEN) of {{ one }}", one="a$b") == "Bearer the secret of a$b"
    assert in_the_app(given, "$(TOKEN) costs $$5") == "the secret costs $5"
