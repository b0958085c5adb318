"""Endpoints: what stands for a value, what stays, and how many there may be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.event import PerformanceEvent
from fde_sidecar.endpoint import OTHER, Endpoints, endpoint_of, host_of, shown, template_of
from fde_sidecar.redact import Redactor


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/orders/4711?page=2#top", "/v1/orders/{id}"),
        ("/v1/orders/59833787-2cf9-4fdf-8782-e53db20768a5/items", "/v1/orders/{id}/items"),
        ("/files/d41d8cd98f00b204e9800998ecf8427e", "/files/{id}"),
        ("/charges/ch_3PqA17xY", "/charges/{id}"),
        ("/people/jane.doe@acme.example/inbox", "/people/{email}/inbox"),
        ("/people/jane.doe%40acme.example", "/people/{email}"),
        ("/reports/2026-10-11/daily", "/reports/{date}/daily"),
        ("/services/data/v58.0/sobjects/Account", "/services/data/v58.0/sobjects/Account"),
        ("/admin/api/2026-10/products.json", "/admin/api/2026-10/products.json"),
        ("/rest/api/3/issue/SHOP-17", "/rest/api/3/issue/{id}"),
        ("/odata/Orders('A-1')/Items(5)", "/odata/Orders({id})/Items({id})"),
        ("/tenants/acme/orders", "/tenants/{id}/orders"),
        ("/repos/acme/shop/issues", "/repos/{id}/{id}/issues"),
        ("/users/me/messages", "/users/me/messages"),
        ("/a;jsessionid=AB12/b", "/a/b"),
        ("/suche/größe", "/suche/{id}"),
        ("/orders/{orderId}", "/orders/{orderId}"),
        ("/orders/:id", "/orders/{id}"),
        ("/oauth2/token", "/oauth2/token"),
        ("", "/"),
    ],
)
def test_a_path_keeps_its_words_and_loses_its_values(path: str, template: str) -> None:
    assert template_of(path) == template


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("API.Acme.Example:443", "api.acme.example"),
        ("user:pass@api.acme.example:8443", "api.acme.example:8443"),
        ("10.0.0.7:8080", "{ip}:8080"),
        ("[2001:db8::1]:80", "{ip}"),
        ("not a host", ""),
        (None, ""),
    ],
)
def test_a_host_is_told_without_credentials_and_an_address_is_nobodys_name(host: str | None, name: str) -> None:
    assert host_of(host) == name


@settings(deadline=None)
@given(st.text(max_size=400), st.text(max_size=80) | st.none(), st.text(max_size=10) | st.none())
def test_an_endpoint_is_one_short_line_whatever_comes(path: str, host: str | None, method: str | None) -> None:
    endpoint = endpoint_of(method, host, path)
    assert len(endpoint) <= 512
    assert endpoint.isascii()
    assert "\n" not in endpoint
    assert "?" not in endpoint


addresses = st.from_regex(r"[a-z]{1,9}[.]?[a-z]{1,9}@[a-z]{2,9}[.]example", fullmatch=True)


@settings(deadline=None)
@given(st.integers(10, 10**12) | st.uuids() | addresses | st.dates())
def test_whatever_names_one_thing_of_many_is_not_in_the_template(value: object) -> None:
    assert template_of(f"/v1/things/{value}/parts") in {
        f"/v1/things/{{{name}}}/parts" for name in ("id", "email", "date")
    }


@settings(deadline=None)
@given(st.from_regex(r"(/[a-z]{2,10}){1,6}", fullmatch=True))
def test_a_template_is_its_own_template(path: str) -> None:
    assert template_of(template_of(path)) == template_of(path)


def test_names_at_one_place_are_found_by_their_number() -> None:
    endpoints = Endpoints(1000)
    words = [f"{a}{b}{c}" for a in "abcd" for b in "efgh" for c in "ijkl"]
    for word in words:
        endpoints.of(f"GET api.acme.example/shelf/{word}/books")
    assert endpoints.of("GET api.acme.example/shelf/zzz/books") == "GET api.acme.example/shelf/{name}/books"
    assert len(endpoints.known) <= 34


def test_there_are_no_more_endpoints_than_allowed_and_the_others_are_one() -> None:
    endpoints = Endpoints(10)
    told = {endpoints.of(f"GET host{number}.example/") for number in range(100)}
    assert len(told) == 11
    assert OTHER in told


@pytest.mark.parametrize("mode", ["standard", "strict"])
@pytest.mark.parametrize("host", ["orders.acme.internal", "api.acme.io", "orders-svc:8080", "crm.acme.app", "acmedb"])
def test_no_host_of_a_customers_own_leaves_with_an_endpoint(host: str, mode: str) -> None:
    redactor = Redactor(b"k" * 32, mode, lambda event: event)  # type: ignore[arg-type]
    endpoint, address = shown(endpoint_of("GET", host, "/v1/orders/17"))
    event = redactor.event(an_event(endpoint, address))
    assert isinstance(event, PerformanceEvent)
    text = f"{event.endpoint} {event.server_address}"
    assert "acme" not in text
    assert "svc" not in text
    assert event.server_address is not None
    assert "<host:" in event.server_address


@pytest.mark.parametrize("mode", ["standard", "strict"])
@pytest.mark.parametrize(
    ("host", "left"),
    [
        ("api.stripe.com", "https://api.stripe.com/v1/orders"),
        ("acme.my.salesforce.com", ".my.salesforce.com/v1/orders"),
        ("acme.atlassian.net", ".atlassian.net/v1/orders"),
        ("acme.supabase.co", ".supabase.co/v1/orders"),
        ("acme.zendesk.com", ".zendesk.com/v1/orders"),
    ],
)
def test_a_vendors_domain_stays_and_its_tenant_does_not(host: str, left: str, mode: str) -> None:
    redactor = Redactor(b"k" * 32, mode, lambda event: event)  # type: ignore[arg-type]
    event = redactor.event(an_event(*shown(endpoint_of("GET", host, "/v1/orders"))))
    assert isinstance(event, PerformanceEvent)
    assert left in event.endpoint
    assert "acme" not in f"{event.endpoint} {event.server_address}"


def an_event(endpoint: str, address: str | None) -> PerformanceEvent:
    return PerformanceEvent(
        time="2026-10-10T06:00:00.000Z",
        endpoint=endpoint,
        server_address=address,
        metric="latency",
        direction="up",
        baseline=1.0,
        observed=2.0,
        unit="ms",
    )
