"""The catalogue of public vendor domains: what of a host name may leave, because signatures need the vendor.

Every other host is replaced. Three tables, each entry a domain suffix:

* OWN: the vendor's own names; all that is in front of the suffix is the vendor's as well and stays (``api.stripe.com``).
* TENANT: the labels in front name a customer and are replaced (``<host:..>.my.salesforce.com``); ``*`` is one label that
  names a region or a service and stays.
* REFERENCE: documentation that error messages link to; it stays and is never the server of a failure.

It lists vendors that integrations commonly call, from their public API documentation. Who a vendor *is* stands in
:mod:`fde_events.vendors`, which signatures read; this page says how much of a host may leave. A domain that stands only
there is treated as a tenant's (its suffix stays). One that stands nowhere is redacted whole (safe), and its errors group
by library instead; adding it is one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fde_events.vendors import VENDORS, vendor_of_host

OWN: Final[dict[str, str]] = {
    "stripe.com": "stripe",
    "slack.com": "slack",
    "github.com": "github",
    "githubusercontent.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucket",
    "openai.com": "openai",
    "anthropic.com": "anthropic",
    "mistral.ai": "mistral",
    "cohere.ai": "cohere",
    "cohere.com": "cohere",
    "huggingface.co": "huggingface",
    "twilio.com": "twilio",
    "sendgrid.com": "sendgrid",
    "mailgun.net": "mailgun",
    "mailgun.com": "mailgun",
    "postmarkapp.com": "postmark",
    "mailchimp.com": "mailchimp",
    "mandrillapp.com": "mandrill",
    "klaviyo.com": "klaviyo",
    "hubspot.com": "hubspot",
    "hubapi.com": "hubspot",
    "intercom.io": "intercom",
    "segment.io": "segment",
    "segment.com": "segment",
    "mixpanel.com": "mixpanel",
    "amplitude.com": "amplitude",
    "pagerduty.com": "pagerduty",
    "opsgenie.com": "opsgenie",
    "datadoghq.com": "datadog",
    "datadoghq.eu": "datadog",
    "newrelic.com": "newrelic",
    "sentry.io": "sentry",
    "paypal.com": "paypal",
    "braintreegateway.com": "braintree",
    "adyen.com": "adyen",
    "squareup.com": "square",
    "gocardless.com": "gocardless",
    "plaid.com": "plaid",
    "xero.com": "xero",
    "intuit.com": "intuit",
    "quickbooks.com": "intuit",
    "avalara.com": "avalara",
    "shipengine.com": "shipengine",
    "easypost.com": "easypost",
    "ups.com": "ups",
    "fedex.com": "fedex",
    "dhl.com": "dhl",
    "docusign.net": "docusign",
    "docusign.com": "docusign",
    "dropboxapi.com": "dropbox",
    "dropbox.com": "dropbox",
    "box.com": "box",
    "notion.com": "notion",
    "airtable.com": "airtable",
    "asana.com": "asana",
    "monday.com": "monday",
    "trello.com": "trello",
    "linear.app": "linear",
    "clickup.com": "clickup",
    "zoom.us": "zoom",
    "webex.com": "webex",
    "googleapis.com": "google",
    "google.com": "google",
    "microsoft.com": "microsoft",
    "microsoftonline.com": "microsoft",
    "office.com": "microsoft",
    "office365.com": "microsoft",
    "linkedin.com": "linkedin",
    "facebook.com": "meta",
    "amazon.com": "amazon",
    "apple.com": "apple",
    "salesforce.com": "salesforce",
    "force.com": "salesforce",
    "atlassian.com": "atlassian",
    "workday.com": "workday",
    "servicenow.com": "servicenow",
    "sap.com": "sap",
    "oracle.com": "oracle",
    "netsuite.com": "netsuite",
    "docker.io": "docker",
    "docker.com": "docker",
    "cloudflare.com": "cloudflare",
    "letsencrypt.org": "letsencrypt",
}

TENANT: Final[dict[str, str]] = {
    "sandbox.my.salesforce.com": "salesforce",
    "develop.my.salesforce.com": "salesforce",
    "my.salesforce.com": "salesforce",
    "lightning.force.com": "salesforce",
    "my.site.com": "salesforce",
    "marketingcloudapis.com": "salesforce",
    "atlassian.net": "atlassian",
    "service-now.com": "servicenow",
    "zendesk.com": "zendesk",
    "freshdesk.com": "freshdesk",
    "freshservice.com": "freshservice",
    "okta.com": "okta",
    "oktapreview.com": "okta",
    "auth0.com": "auth0",
    "onelogin.com": "onelogin",
    "myshopify.com": "shopify",
    "mybigcommerce.com": "bigcommerce",
    "suitetalk.api.netsuite.com": "netsuite",
    "restlets.api.netsuite.com": "netsuite",
    "app.netsuite.com": "netsuite",
    "myworkday.com": "workday",
    "bamboohr.com": "bamboohr",
    "greenhouse.io": "greenhouse",
    "coupahost.com": "coupa",
    "ariba.com": "ariba",
    "successfactors.com": "successfactors",
    "successfactors.eu": "successfactors",
    "s4hana.ondemand.com": "sap",
    "s4hana.cloud.sap": "sap",
    "hana.ondemand.com": "sap",
    "oraclecloud.com": "oracle",
    "oraclevcn.com": "oracle",
    "snowflakecomputing.com": "snowflake",
    "cloud.databricks.com": "databricks",
    "azuredatabricks.net": "databricks",
    "mongodb.net": "mongodb",
    "confluent.cloud": "confluent",
    "aivencloud.com": "aiven",
    "elastic-cloud.com": "elastic",
    "cloud.es.io": "elastic",
    "supabase.co": "supabase",
    "neon.tech": "neon",
    "s3.amazonaws.com": "aws",
    "s3.*.amazonaws.com": "aws",
    "s3-accesspoint.*.amazonaws.com": "aws",
    "execute-api.*.amazonaws.com": "aws",
    "rds.amazonaws.com": "aws",
    "*.rds.amazonaws.com": "aws",
    "*.redshift.amazonaws.com": "aws",
    "*.cache.amazonaws.com": "aws",
    "kafka.*.amazonaws.com": "aws",
    "*.es.amazonaws.com": "aws",
    "*.elb.amazonaws.com": "aws",
    "elb.*.amazonaws.com": "aws",
    "lambda-url.*.on.aws": "aws",
    "cloudfront.net": "aws",
    "blob.core.windows.net": "azure",
    "dfs.core.windows.net": "azure",
    "queue.core.windows.net": "azure",
    "table.core.windows.net": "azure",
    "file.core.windows.net": "azure",
    "database.windows.net": "azure",
    "servicebus.windows.net": "azure",
    "vault.azure.net": "azure",
    "azurewebsites.net": "azure",
    "azure-api.net": "azure",
    "documents.azure.com": "azure",
    "openai.azure.com": "azure-openai",
    "postgres.database.azure.com": "azure",
    "mysql.database.azure.com": "azure",
    "azurecr.io": "azure",
    "search.windows.net": "azure",
    "onmicrosoft.com": "microsoft",
    "sharepoint.com": "microsoft",
    "dynamics.com": "microsoft",
    "cloudfunctions.net": "google",
    "run.app": "google",
    "appspot.com": "google",
    "firebaseio.com": "google",
    "herokuapp.com": "heroku",
    "vercel.app": "vercel",
    "netlify.app": "netlify",
    "fly.dev": "fly",
    "workers.dev": "cloudflare",
    "adyenpayments.com": "adyen",
    "chargebee.com": "chargebee",
    "recurly.com": "recurly",
    "zuora.com": "zuora",
    "pipedrive.com": "pipedrive",
    "docebosaas.com": "docebo",
    "algolia.net": "algolia",
    "algolianet.com": "algolia",
}

# The services whose own names stand in front of amazonaws.com (``sqs.eu-west-1.amazonaws.com``); others are tenants'.
_SHARED: Final = {domain: vendor.name for vendor in VENDORS for domain in vendor.domains}
_AWS_SERVICES: Final = frozenset(
    "s3 sqs sns sts ssm kms ses email dynamodb kinesis firehose lambda logs monitoring events states secretsmanager iam "
    "ec2 ecs eks ecr api glue athena redshift-data bedrock bedrock-runtime cognito-idp apigateway batch rds textract".split()
)

REFERENCE: Final[frozenset[str]] = frozenset(
    "developer.mozilla.org docs.python.org python.org nodejs.org docs.github.com errors.pydantic.dev pydantic.dev sqlalche.me "
    "docs.sqlalchemy.org docs.aws.amazon.com docs.djangoproject.com flask.palletsprojects.com urllib3.readthedocs.io "
    "requests.readthedocs.io developer.salesforce.com help.salesforce.com docs.stripe.com support.stripe.com "
    "dashboard.stripe.com docs.slack.dev api.slack.com developer.atlassian.com platform.openai.com help.openai.com "
    "www.twilio.com developers.google.com cloud.google.com learn.microsoft.com aka.ms docs.microsoft.com go.microsoft.com "
    "developers.hubspot.com shopify.dev docs.confluent.io kafka.apache.org kafka.js.org www.postgresql.org dev.mysql.com "
    "docs.mongodb.com www.mongodb.com redis.io docs.snowflake.com developer.mozilla.com stackoverflow.com tools.ietf.org "
    "datatracker.ietf.org www.rfc-editor.org www.w3.org json-schema.org react.dev fb.me git.io goo.gl zod.dev "
    "pandas.pydata.org numpy.org docs.celeryq.dev www.python-httpx.org docs.aiohttp.org".split()
)
_REFERENCE_SUFFIXES: Final = (".readthedocs.io", ".readthedocs.org", ".github.io")
_REFERENCE_PATHS: Final = ("/docs/", "/documentation/", "/errors/", "/help/")


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a host may leave. `suffix` stays as it is; `tenant` (possibly empty) is replaced."""

    vendor: str
    suffix: str
    tenant: str


@lru_cache(maxsize=4096)
def classify(host: str) -> Kept | None:
    """The catalogue's word on `host` (any case); None: not a vendor's, so nothing of it may leave."""
    labels = host.lower().rstrip(".").split(".")
    if ".".join(labels) in REFERENCE or host.lower().endswith(_REFERENCE_SUFFIXES):
        return Kept("reference", host, "")
    for start in range(len(labels)):
        tail = labels[start:]
        vendor = next((TENANT[name] for name in _spellings(tail) if name in TENANT), None)
        if vendor is not None:
            return _split(host, start, vendor)
    for start in range(len(labels)):
        vendor = OWN.get(".".join(labels[start:]))
        if vendor is not None:
            return Kept(vendor, host, "")
    if labels[-2:] == ["amazonaws", "com"] or labels[-3:] == ["amazonaws", "com", "cn"]:
        end = len(labels) - (2 if labels[-1] == "com" else 3)
        first = next((i for i, label in enumerate(labels[:end]) if label in _AWS_SERVICES), end)
        return _split(host, first, "aws")
    for start in range(len(labels) - 1):
        vendor = _SHARED.get(".".join(labels[start:]))
        if vendor is not None:
            return _split(host, start, vendor)
    return None


def vendor_of(host: str | None) -> str | None:
    """The vendor's name for a host in the catalogue, documentation excepted."""
    if not host:
        return None
    kept = classify(host)
    if kept is not None and kept.vendor != "reference" and (known := vendor_of_host(host)) is not None:
        return known
    return kept.vendor if kept is not None and kept.vendor != "reference" else None


def is_reference(host: str, path: str) -> bool:
    """Whether a URL points at documentation and not at a server that failed."""
    kept = classify(host)
    return kept is not None and (kept.vendor == "reference" or path.startswith(_REFERENCE_PATHS))


def _spellings(labels: list[str]) -> list[str]:
    """The suffix itself, and with one of its first two labels as ``*``."""
    forms = [".".join(labels)]
    for place in range(min(2, len(labels) - 1)):
        forms.append(".".join([*labels[:place], "*", *labels[place + 1 :]]))
    return forms


def _split(host: str, start: int, vendor: str) -> Kept:
    parts = host.split(".")
    return Kept(vendor, ".".join(parts[start:]), ".".join(parts[:start]))
