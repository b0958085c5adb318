"""The catalogue of vendors."""

from fde_events.vendors import SYSTEMS, VENDORS, system_of_host, vendor_of_host, vendor_of_library, vendor_of_word


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
