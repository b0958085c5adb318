"""A kubeconfig that nobody can connect with is a sentence that says what to mend, and wrong use: before anything is asked."""

from __future__ import annotations

import base64
import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fde_cli.kube.kubeconfig import checked
from fde_cli.main import run
from fde_events.errors import Misuse

WHOLE: dict[str, Any] = {
    "current-context": "here",
    "contexts": [{"name": "here", "context": {"cluster": "one", "user": "ana", "namespace": "customer-a"}}],
    "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "ana", "user": {"token": "none"}}],
}
Change = Callable[[dict[str, Any]], object]


def text(change: Change = lambda _: None) -> str:
    config = copy.deepcopy(WHOLE)
    change(config)
    return yaml.safe_dump(config)


def user(**fields: Any) -> Change:
    return lambda config: config["users"][0].update(user=fields)


def cluster(**fields: str) -> Change:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return lambda config: config["clusters"][0]["cluster"].update(named)


def exec_(version: str, command: str) -> Change:
    return user(exec={"apiVersion": f"client.authentication.k8s.io/{version}", "command": command})


NO_CERTIFICATE = base64.b64encode(b"no certificate").decode()
UNUSABLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is no kubeconfig"),
    "no YAML": (b"{broken: [", "is no kubeconfig"),
    "binary": (b"\xff\xfe\x00", "is no kubeconfig"),
    "a list": (b"[]", "is no kubeconfig"),
    "a sentence": (b"hello world", "is no kubeconfig"),
    **{
        name: (text(change).encode(), sentence)
        for name, (change, sentence) in {
            "no current context": (
                lambda config: config.pop("current-context"),
                "names no current context; `kubectl config use-context` sets it",
            ),
            "an empty one": (lambda config: config.update({"current-context": ""}), "names no current context"),
            "a missing context": (lambda config: config.update({"current-context": "away"}), "no context 'away'"),
            "no contexts": (lambda config: config.update(contexts=[]), "no context 'here'"),
            "a missing cluster": (lambda config: config.update(clusters=[]), "no cluster 'one'"),
            "a missing user": (lambda config: config.update(users=[]), "no user 'ana'"),
            "no users": (lambda config: config.update(users=None), "is no kubeconfig"),
            "a context of nobody": (
                lambda config: config["contexts"][0]["context"].pop("user"),
                "context 'here' names no user",
            ),
            "a context without a name": (lambda config: config["contexts"][0].pop("name"), "is no kubeconfig"),
            "a number for a token": (user(token=5), "is no kubeconfig"),
            "an address that is none": (cluster(server="not a url"), "'not a url' is no address"),
            "a missing authority": (cluster(certificate_authority="away.crt"), "away.crt, and there is no such file"),
            "an authority that is none": (cluster(certificate_authority_data=NO_CERTIFICATE), "certificate"),
            "a missing certificate": (
                user(**{"client-certificate": "/nowhere/c.crt", "client-key": "/nowhere/c.key"}),
                "/nowhere/c.crt, and there is no such file",
            ),
            "a certificate without a key": (user(**{"client-certificate-data": NO_CERTIFICATE}), "client-key"),
            "a missing token": (user(tokenFile="/nowhere/token"), "/nowhere/token, and there is no such file"),
            "a missing plugin": (exec_("v1beta1", "/nowhere/plugin"), "/nowhere/plugin"),
            "a plugin that fails": (exec_("v1beta1", "false"), "returned 1"),
            "a plugin that says nothing": (exec_("v1beta1", "true"), "gives no credentials"),
            "a plugin of another version": (exec_("v1", "true"), "v1 not implemented"),
            "a provider of old": (user(**{"auth-provider": {"name": "gcp"}}), "auth-provider not supported"),
        }.items()
    },
}


@pytest.mark.parametrize(("content", "sentence"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_connected_with_is_said(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    with pytest.raises(Misuse) as refused:
        checked(str(file))
    assert sentence in str(refused.value)
    assert str(file) in str(refused.value)


COMMANDS = (
    ["operator", "--no-leader-election"],
    ["operator", "install"],
    ["audit", "export", "--customer", "northgate", "--brokers", "127.0.0.1:1"],
    ["audit", "collect", "--brokers", "127.0.0.1:1", "--state", "state", "--file", "audit.log"],
    ["audit", "forget", "--customer", "northgate", "--confirm", "northgate"],
    ["kube", "status"],
    ["kube", "plan", "sync"],
    ["kube", "history", "sync"],
    ["kube", "explain", "sync"],
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("case", ["empty", "a context of nobody", "a missing authority", "a plugin that fails"])
def test_each_command_says_it_and_ends(
    arguments: list[str], case: str, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    content, sentence = UNUSABLE[case]
    file = tmp_path / "config"
    file.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert run([*arguments, "--kubeconfig", str(file)]) == 2
    told = capsys.readouterr()
    assert told.out == "" and sentence in told.err


@pytest.mark.parametrize("case", ["empty", "no YAML", "a missing user", "a context of nobody", "a plugin that fails"])
def test_the_doctor_says_it_too(
    case: str, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    content, sentence = UNUSABLE[case]
    (tmp_path / "config").write_bytes(content)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    assert run(["doctor", "--registry", "kubernetes", "--brokers", "127.0.0.1:1", "--timeout", "0.1"]) == 1
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wrong ")]
    told = [line for line in wrong if not line.startswith("wrong  broker")]
    assert len(told) == 3 and all(sentence in line for line in told)  # registry, cluster, audit


def test_of_several_files_the_first_that_is_there_is_read(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "one").write_text(text())
    (tmp_path / "two").write_text("")
    several = os.pathsep.join(("/nowhere/config", "", str(tmp_path / "one"), str(tmp_path / "two")))
    found = checked(several)
    assert (found.file, found.namespace) == (str(tmp_path / "one"), "customer-a")
    with pytest.raises(Misuse, match="of several files the first that is there is read alone"):
        checked(os.pathsep.join((str(tmp_path / "two"), str(tmp_path / "one"))))
    with pytest.raises(Misuse, match="there is no kubeconfig file /nowhere/a:/nowhere/b"):
        checked("/nowhere/a:/nowhere/b")


def test_a_file_whose_name_looks_like_several_is_one(tmp_path: Path) -> None:
    odd = tmp_path / "a:b"
    odd.write_text(text())
    assert checked(str(odd)).file == str(odd)


def test_a_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="there is no kubeconfig file"):
        checked(str(tmp_path))


@pytest.mark.parametrize("empty", ["", None, os.pathsep])
def test_an_empty_variable_is_like_none(empty: str | None, tmp_path: Path, monkeypatch: Any) -> None:
    """As kubectl has it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    if empty is not None:
        monkeypatch.setenv("KUBECONFIG", empty)
    with pytest.raises(Misuse, match=r"give --kubeconfig FILE or set KUBECONFIG"):
        checked(empty)
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(text())
    assert checked(empty).namespace == "customer-a"


def test_the_home_directory_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").write_text(text())
    assert checked("~/config").file == str(tmp_path / "config")


def test_every_command_reads_the_variable(tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config").write_text("[]")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", f"/nowhere/config{os.pathsep}{tmp_path / 'config'}")
    for arguments in COMMANDS:
        assert run(list(arguments)) == 2
        assert f"{tmp_path / 'config'} is no kubeconfig" in capsys.readouterr().err
