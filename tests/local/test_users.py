import csv
from pathlib import Path

import pytest
import yaml

from fde_local.users import USERS, new_tokens, short_name, write_kubeconfig, write_token_file


def test_a_user_is_known_by_short_and_by_full_name():
    assert short_name("dana") == short_name("dana@company.example") == "dana"
    assert short_name("system:serviceaccount:fde-system:pattern-engine") == "engine"


def test_an_unknown_user_is_refused_with_the_users_there_are():
    with pytest.raises(KeyError, match=r"no user 'eve' .* there are admin, engine, operator"):
        short_name("eve")


def test_the_token_file_gives_each_user_a_token_a_name_and_groups(tmp_path: Path):
    tokens = new_tokens()
    write_token_file(tmp_path / "tokens.csv", tokens)
    rows = {row[1]: row for row in csv.reader((tmp_path / "tokens.csv").open())}
    assert set(rows) == {user.name for user in USERS.values()}
    assert rows["admin"][0] == tokens["admin"]
    assert rows["admin"][3] == "system:masters"
    assert rows["dana@company.example"][3] == "fde-reviewers"
    assert rows["nobody@company.example"][3] == ""
    assert len(set(tokens.values())) == len(USERS)


def test_secrets_are_for_their_owner_only(tmp_path: Path):
    write_token_file(tmp_path / "tokens.csv", new_tokens())
    path = tmp_path / "ana.kubeconfig"
    write_kubeconfig(path, url="https://127.0.0.1:1", certificate_authority=tmp_path / "ca.crt", user="ana", token="t")
    assert (tmp_path / "tokens.csv").stat().st_mode & 0o077 == 0
    assert path.stat().st_mode & 0o077 == 0
    assert yaml.safe_load(path.read_text())["users"] == [{"name": "ana", "user": {"token": "t"}}]
