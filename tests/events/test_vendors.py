"""The catalogue of vendors."""

import subprocess
import sys
import tomllib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.flat import read_flat
from fde_events.vendors import (
    CATALOGUE,
    SYSTEMS,
    VENDORS,
    read_vendor,
    system_of_host,
    vendor_of_host,
    vendor_of_library,
    vendor_of_word,
)

FILES = sorted(CATALOGUE.glob("*.toml"))


def test_a_vendor_is_known_by_the_longest_suffix_of_a_host():
    assert vendor_of_host("api.stripe.com") == "stripe"
    assert vendor_of_host("acme.my.salesforce.com") == "salesforce"
    assert vendor_of_host("notstripe.com") is None
    assert vendor_of_host("stripe.com.evil.example") is None


def test_a_redacted_tenant_does_not_hide_the_vendor():
    assert vendor_of_host("<host:3fa9c2d1>.atlassian.net") == "jira"


def test_an_internal_system_is_known_by_the_first_label_of_its_host():
    assert system_of_host("wms6.acme.example") == "wms"
    assert system_of_host("erp.<host:3fa9c2d1>") == "erp"
    assert system_of_host("crmx.acme.example") is None


def test_an_sdk_names_its_vendor_and_a_general_library_none():
    assert vendor_of_library("simple_salesforce") == "salesforce"
    assert vendor_of_library("@aws-sdk/client-s3") == "aws"
    assert vendor_of_library("requests") is None


def test_no_name_stands_for_two_vendors():
    for column in ("domains", "libraries", "words"):
        names = [name for vendor in (*VENDORS, *SYSTEMS) for name in getattr(vendor, column)]
        assert len(names) == len(set(names)), column
    assert vendor_of_word("warehouse") == "wms"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_file_is_read_as_tomllib_reads_it(path):
    text = path.read_text("utf-8")
    assert read_flat(text) == tomllib.loads(text)
    if not path.stem.startswith("_"):
        assert read_vendor(path).name == path.stem


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    'a = ["x"]',
                    'b = "t"',
                    '[cause."k.1"]',
                    "[cause]",
                    "[a]",
                    "",
                    "# c",
                    'a = ["x", "y"]',
                    "c = 1",
                    "c = [1, 2]",
                ]
            ),
            st.text(alphabet='[]"=.,\\ab1/ \t#', max_size=14),
        ),
        max_size=6,
    )
)
def test_whatever_is_written_is_read_or_refused_as_tomllib_does(lines):
    text = "\n".join(lines)
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(tomllib.TOMLDecodeError):
            read_flat(text)
        return
    assert read_flat(text) == expected


@pytest.mark.parametrize("vendor", VENDORS, ids=[vendor.name for vendor in VENDORS])
def test_nothing_means_two_causes_at_one_vendor(vendor):
    for column in ("codes", "types", "conditions", "status"):
        told = Counter(
            name
            for meaning in vendor.meanings
            for name in {one.lower() if isinstance(one, str) else one for one in getattr(meaning, column)}
        )
        assert not [name for name, times in told.items() if times > 1], column
    phrases = Counter(text for meaning in vendor.meanings for text in {*meaning.tells, *meaning.says})
    assert not [text for text, times in phrases.items() if times > 1]


def test_no_two_vendors_are_told_by_one_phrase():
    telling = Counter(text for vendor in VENDORS for meaning in vendor.meanings for text in {*meaning.tells})
    assert not [text for text, times in telling.items() if times > 1]


def test_every_vendor_can_be_known_by_something():
    assert not [vendor.name for vendor in VENDORS if not (vendor.domains or vendor.libraries or vendor.words)]


def test_what_watches_every_application_names_no_vendor():
    for library in ("sentry_sdk", "@sentry/node", "ddtrace", "dd-trace", "newrelic", "opentelemetry", "elasticapm"):
        assert vendor_of_library(library) is None, library


def test_the_catalogue_costs_a_process_little():
    """CPU time: the machine may be busy with other work. Measured 100 ms with 143 vendors beside a busy neighbour, the interpreter's own modules aside."""
    code = (
        "import dataclasses, json, pathlib, re, time, tomllib, msgspec\n"
        "start = time.process_time()\nimport fde_streams.cause\nprint(time.process_time() - start)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60).stdout)
        for _ in range(3)
    ]
    assert min(times) < 0.15


@pytest.mark.parametrize(
    ("library", "vendor"),
    [
        ("hubspot.crm.contacts", "hubspot"), ("@hubspot/api-client", "hubspot"), ("zenpy.lib.api", "zendesk"),
        ("azure.identity.aio", "microsoft"), ("azure.storage.blob", "azure"), ("@azure/msal-node", "microsoft"),
        ("google.genai.errors", "gemini"), ("googleapiclient.http", "google"), ("@google/generative-ai", "gemini"),
        ("sp_api.base", "amazon_sp"), ("atlassian.bitbucket.cloud", "bitbucket"), ("atlassian.confluence", "jira"),
        ("docusign_esign.client", "docusign"), ("com.netsuite.webservices", "netsuite"),
    ],
)  # fmt: skip
def test_sdks_of_every_language_name_their_vendor(library, vendor):
    assert vendor_of_library(library) == vendor


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("cause = 3", "a cause is a table of its own"),
        ('[cause]\n"auth.expired" = 5', "a cause is a table of its own"),
        ('[cause."auth.expired"]', "nothing means it"),
        ('[cause."auth.expired"]\nstatus = 401', "status is a list of HTTP statuses"),
        ('[cause."auth.expired"]\nstatuses = [401]', "unknown key 'statuses'"),
    ],
)
def test_a_cause_that_cannot_be_read_is_named_with_its_file(tmp_path, rules, says):
    path = tmp_path / "acme.toml"
    path.write_text(f'name = "acme"\ndomains = ["acme.example"]\n{rules}\n')
    with pytest.raises(ValueError, match=says) as refused:
        read_vendor(path)
    assert "acme.toml" in str(refused.value)
