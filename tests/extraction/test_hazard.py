"""Hazards of a template: what a reviewer must have seen, and what is no hazard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.primitive import Each, Hole, Language, Parameter, PrimitiveSpec, Segment, Template, TemplateFile, When
from fde_extraction.hazard import Hazard, hazards


def a_spec(language: Language, *segments: Segment | str) -> PrimitiveSpec:
    path = {"python": "feed.py", "typescript": "feed.ts", "sql": "feed.sql", "other": "feed.txt"}[language]
    parts = tuple(Segment(text=part) if isinstance(part, str) else part for part in segments)
    return PrimitiveSpec(
        primitive_name="feed", version="v0.1.0", domain="integration",
        template=Template(files=(TemplateFile(path=path, language=language, segments=parts),)),
        parameters=(Parameter(name="site", type="string", required=True),),
    )  # fmt: skip


def listed(language: Language, *segments: Segment | str) -> list[tuple[str, int, str]]:
    return [(item.kind, item.line, item.what) for item in hazards(a_spec(language, *segments))]


SITE = Segment(hole=Hole(parameter="site", place="python.string.double"))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os\nos.system('ls')\n", ("shell", 2, "os.system")),
        ("import subprocess as sp\nsp.run(['a'])\n", ("shell", 2, "subprocess.run")),
        ("from subprocess import Popen as start\nstart('a', shell=True)\n", ("shell", 2, "subprocess.Popen shell")),
        (
            "from subprocess import (\n    check_output,\n)\nx = check_output(c)\n",
            ("shell", 4, "subprocess.check_output"),
        ),
        ("client.exec_command(line)\n", ("shell", 1, ".exec_command")),
        ("x = eval(text)\n", ("eval", 1, "eval")),
        ("exec(compile(a, b, c))\n", ("eval", 1, "exec")),
        ("import importlib\nm = importlib.import_module(name)\n", ("dynamic import", 2, "importlib.import_module")),
        ("import pickle\nrows = pickle.loads(body)\n", ("deserialisation", 2, "pickle.loads")),
        ("import shutil\nshutil.rmtree(path)\n", ("destructive", 2, "shutil.rmtree")),
        ("from pathlib import Path\nPath(p).unlink()\n", ("destructive", 2, ".unlink")),
        ("cursor.execute(f'select {a} from t')\n", ("dynamic sql", 1, "execute")),
        ("cursor.execute('select %s' % a)\n", ("dynamic sql", 1, "execute")),
        ("cursor.execute('DROP TABLE x')\n", ("destructive", 1, "DROP TABLE")),
        ("URL = 'https://api.vendor.com/v1'\n", ("host", 1, "api.vendor.com")),
        ("HOST = 'api.vendor.com:8443'\n", ("host", 1, "api.vendor.com:8443")),
        ("HOST = '203.0.113.9'\n", ("host", 1, "203.0.113.9")),
        ("import requests.adapters\n", ("import", 1, "requests")),
        ("from snowflake.connector import connect\n", ("import", 1, "snowflake")),
        ("def broken(:\n    os.system('ls')\n", ("shell", 2, "os.system")),
    ],
)
def test_python(source: str, found: tuple[str, int, str]) -> None:
    assert found in listed("python", source)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('import { exec as run } from "node:child_process";\nrun("ls");\n', ("shell", 2, "child_process.exec")),
        ('const cp = require("child_process");\ncp.spawn("a", [], { shell: true });\n', ("shell", 2, "child_process.spawn shell")),
        ('const { execSync: go } = require("child_process");\ngo("a");\n', ("shell", 2, "child_process.execSync")),
        ("const f = new Function('a', body);\n", ("eval", 1, "Function")),
        ("const m = await import(name);\n", ("dynamic import", 1, "import")),
        ("const m = require(name);\n", ("dynamic import", 1, "require")),
        ('import * as fs from "fs";\nfs.rmSync(path);\n', ("destructive", 2, "fs.rmSync")),
        ('import yaml from "js-yaml";\nyaml.load(text);\n', ("deserialisation", 2, "js-yaml.load")),
        ("await db.query(`select ${name} from t`);\n", ("dynamic sql", 1, "query")),
        ('import { S3 } from "@aws-sdk/client-s3";\n', ("import", 1, "@aws-sdk/client-s3")),
        ("const url = `https://api.vendor.com/${path}`;\n", ("host", 1, "api.vendor.com")),
    ],
)  # fmt: skip
def test_typescript(source: str, found: tuple[str, int, str]) -> None:
    assert found in listed("typescript", source)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("select 1;\nEXEC sp_executesql @q;\n", ("dynamic sql", 2, "EXEC SP_EXECUTESQL")),
        ("execute immediate q;\n", ("dynamic sql", 1, "EXECUTE IMMEDIATE")),
        ("EXEC master..xp_cmdshell 'dir';\n", ("shell", 1, "XP_CMDSHELL")),
        ("copy t from program 'curl x';\n", ("shell", 1, "FROM PROGRAM")),
        ("truncate table staging.orders;\n", ("destructive", 1, "TRUNCATE TABLE STAGING")),
        ("delete from orders;\n", ("destructive", 1, "DELETE FROM ORDERS")),
        ("create stage s url = 'https://files.vendor.com/x';\n", ("host", 1, "files.vendor.com")),
    ],
)
def test_sql(source: str, found: tuple[str, int, str]) -> None:
    assert found in listed("sql", source)


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "import os\nimport json\n# os.system('ls') and eval(x)\ntext = 'eval(x)'\nx = model.evaluate(y)\n"),
        ("python", "import yaml\nx = yaml.load(f, Loader=yaml.SafeLoader)\n".replace("import yaml\n", "")),
        ("python", "cursor.execute('select a from t where b = %s', (c,))\n"),
        ("python", "from .rows import read\nrows.remove(x)\nre.compile(p)\n"),
        ("typescript", 'import { a } from "./a";\nimport fs from "node:fs";\n// eval(x)\nconst m = require("path");\n'),
        ("typescript", "const ok = pattern.exec(text); retrieval(x); obj.del(x);\n"),
        ("sql", "delete from orders where id = 1;\n-- drop table x\nselect 'exec (x)' as a from t;\n"),
        ("python", "URL = f'https://{host}/v1'\nversion = '1.2.3'\n"),
    ],
)
def test_ordinary_code_has_none(language: Language, source: str) -> None:
    assert listed(language, source) == []


def test_holes_and_blocks_are_looked_through() -> None:
    found = listed(
        "python", "import os\nURL = 'https://", SITE, "/v1'\nSELF = 'https://", SITE, ".vendor.com'\n",
        Segment(when=When(parameter="deep")), "os.system('x", SITE, "')\n", Segment(mark="end"),
        Segment(each=Each(parameter="rows")), "eval(a)\n", Segment(mark="between"), "\n", Segment(mark="end"),
        Segment(hole=Hole(parameter="site", place="python.source")), "exec(b)\n",
    )  # fmt: skip
    assert found == [("shell", 4, "os.system"), ("eval", 5, "eval"), ("eval", 7, "exec")]


def test_they_come_in_order_each_once_with_the_files_path() -> None:
    found = hazards(a_spec("python", "x = eval(a) or eval(b)\nimport requests\n"))
    assert found == (Hazard("eval", "feed.py", 1, "eval"), Hazard("import", "feed.py", 2, "requests"))


@given(st.text(max_size=120), st.sampled_from(["python", "typescript", "sql", "other"]))
def test_any_template_can_be_looked_through(text: str, language: Language) -> None:
    for item in hazards(a_spec(language, text, SITE, text)):
        assert 1 <= item.line <= text.count("\n") * 2 + 1
