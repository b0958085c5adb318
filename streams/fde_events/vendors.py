"""Catalogue of vendors and of classes of internal systems: the only names that may tell *whose* API failed.

A vendor is known by its public domains, by the packages of its SDKs, and by the words engineers name a connector after.
A system class (ERP, WMS, ...) is an internal product: it has no public domain, but its host's first label often says it
(``erp.acme.example``, ``wms6.acme.example``). Redaction keeps what stands here and nothing else; signatures read the same
table, so that both see the same vendor before and after redaction. Extend by a line; nothing in code names a vendor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor. `domains` are suffixes of public hosts, `libraries` import or package names, `words` connector words."""

    name: str
    domains: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


VENDORS: Final[tuple[Vendor, ...]] = (
    Vendor("adyen", ("adyen.com",), ("Adyen", "@adyen/api-library"), ("adyen",)),
    Vendor("airtable", ("airtable.com",), ("pyairtable", "airtable"), ("airtable",)),
    Vendor("anthropic", ("anthropic.com",), ("anthropic", "@anthropic-ai/sdk"), ("anthropic",)),
    Vendor("asana", ("asana.com",), ("asana",), ("asana",)),
    Vendor("auth0", ("auth0.com",), ("auth0", "auth0-python"), ("auth0",)),
    Vendor("aws", ("amazonaws.com",), ("boto3", "botocore", "aiobotocore", "s3transfer", "@aws-sdk", "@smithy"), ("aws", "s3", "sqs", "sns", "dynamodb")),
    Vendor("azure", ("windows.net", "azure.com", "azure.net"), ("azure", "msal", "@azure"), ("azure",)),
    Vendor("bigquery", ("bigquery.googleapis.com",), ("google.cloud.bigquery", "@google-cloud/bigquery"), ("bigquery",)),
    Vendor("box", ("box.com",), ("boxsdk", "box-node-sdk"), ("boxsdk",)),
    Vendor("cassandra", (), ("cassandra", "cassandra-driver"), ("cassandra",)),
    Vendor("clickhouse", ("clickhouse.cloud",), ("clickhouse_connect", "clickhouse_driver", "@clickhouse"), ("clickhouse",)),
    Vendor("databricks", ("databricks.com", "azuredatabricks.net"), ("databricks",), ("databricks",)),
    Vendor("datadog", ("datadoghq.com", "datadoghq.eu"), ("datadog", "datadog_api_client"), ("datadog",)),
    Vendor("dropbox", ("dropbox.com", "dropboxapi.com"), ("dropbox",), ("dropbox",)),
    Vendor("elasticsearch", ("elastic.co", "elastic-cloud.com"), ("elasticsearch", "elastic_transport", "@elastic"), ("elasticsearch", "opensearch")),
    Vendor("github", ("github.com", "githubusercontent.com"), ("github", "PyGithub", "@octokit"), ("github",)),
    Vendor("gitlab", ("gitlab.com",), ("gitlab", "@gitbeaker"), ("gitlab",)),
    Vendor("google", ("googleapis.com", "google.com"), ("google", "googleapiclient", "gspread", "googleapis", "@google-cloud"), ("gmail", "gdrive", "gsheets")),
    Vendor("hubspot", ("hubapi.com", "hubspot.com"), ("hubspot", "@hubspot"), ("hubspot",)),
    Vendor("intercom", ("intercom.io", "intercom.com"), ("intercom", "intercom-client"), ("intercom",)),
    Vendor("jira", ("atlassian.net", "atlassian.com"), ("jira", "atlassian", "jira-client", "jira.js"), ("jira", "confluence")),
    Vendor("kafka", ("confluent.cloud",), ("confluent_kafka", "kafka", "aiokafka", "kafkajs", "node-rdkafka"), ("kafka",)),
    Vendor("mailchimp", ("mailchimp.com", "mandrillapp.com"), ("mailchimp_marketing", "mailchimp3", "@mailchimp"), ("mailchimp",)),
    Vendor("microsoft", ("graph.microsoft.com", "microsoftonline.com", "office365.com"), ("msgraph", "O365", "@microsoft"), ("sharepoint", "msgraph")),
    Vendor("mongodb", ("mongodb.net", "mongodb.com"), ("pymongo", "motor", "mongodb", "mongoose", "bson"), ("mongodb", "mongo")),
    Vendor("mssql", ("database.windows.net",), ("pymssql", "mssql", "tedious"), ("mssql", "sqlserver")),
    Vendor("mysql", (), ("MySQLdb", "pymysql", "mysql", "mysql2", "aiomysql"), ("mysql", "mariadb")),
    Vendor("netsuite", ("netsuite.com",), ("netsuitesdk",), ("netsuite",)),
    Vendor("okta", ("okta.com",), ("okta", "@okta"), ("okta",)),
    Vendor("openai", ("openai.com",), ("openai",), ("openai",)),
    Vendor("oracle", ("oraclecloud.com",), ("oracledb", "cx_Oracle"), ("oracledb",)),
    Vendor("paypal", ("paypal.com",), ("paypalrestsdk", "@paypal"), ("paypal",)),
    Vendor("postgres", ("supabase.co", "neon.tech"), ("psycopg", "psycopg2", "psycopg_pool", "psycopg_binary", "asyncpg", "pg", "pg-pool", "pg-protocol", "postgres"), ("postgres", "postgresql", "pg")),
    Vendor("quickbooks", ("intuit.com",), ("quickbooks", "intuitlib", "node-quickbooks"), ("quickbooks",)),
    Vendor("rabbitmq", (), ("pika", "aio_pika", "amqplib", "amqp"), ("rabbitmq", "amqp")),
    Vendor("redis", ("redis.cloud", "redislabs.com"), ("redis", "aioredis", "ioredis", "@redis"), ("redis",)),
    Vendor("salesforce", ("salesforce.com", "force.com"), ("simple_salesforce", "salesforce_bulk", "jsforce", "@jsforce"), ("salesforce", "sfdc")),
    Vendor("sendgrid", ("sendgrid.com", "sendgrid.net"), ("sendgrid", "python_http_client", "@sendgrid"), ("sendgrid",)),
    Vendor("servicenow", ("service-now.com",), ("pysnow", "pysnc"), ("servicenow",)),
    Vendor("sftp", (), ("paramiko", "asyncssh", "ssh2", "ssh2-sftp-client"), ("sftp",)),
    Vendor("shopify", ("myshopify.com", "shopify.com"), ("shopify", "@shopify"), ("shopify",)),
    Vendor("slack", ("slack.com",), ("slack_sdk", "slack_bolt", "slackclient", "@slack"), ("slack",)),
    Vendor("snowflake", ("snowflakecomputing.com",), ("snowflake", "snowflake-sdk"), ("snowflake",)),
    Vendor("square", ("squareup.com",), ("squareup", "square"), ("squareup",)),
    Vendor("stripe", ("stripe.com",), ("stripe",), ("stripe",)),
    Vendor("twilio", ("twilio.com",), ("twilio",), ("twilio",)),
    Vendor("workday", ("workday.com", "myworkday.com"), ("workday",), ("workday",)),
    Vendor("xero", ("xero.com",), ("xero", "xero_python", "xero-node"), ("xero",)),
    Vendor("zendesk", ("zendesk.com",), ("zenpy", "zdesk", "node-zendesk"), ("zendesk",)),
    Vendor("zoom", ("zoom.us",), ("zoomus",), ("zoomus",)),
)  # fmt: skip

# Classes of internal products and what their hosts and connectors are called.
SYSTEMS: Final[tuple[Vendor, ...]] = (
    Vendor("erp", words=("erp", "sap", "s4hana")),
    Vendor("wms", words=("wms", "warehouse")),
    Vendor("tms", words=("tms", "transport")),
    Vendor("hris", words=("hris", "hcm", "hr")),
    Vendor("crm", words=("crm",)),
    Vendor("mes", words=("mes",)),
    Vendor("pim", words=("pim",)),
    Vendor("plm", words=("plm",)),
    Vendor("oms", words=("oms",)),
    Vendor("pos", words=("pos",)),
    Vendor("ldap", words=("ldap",)),
)

_DOMAINS: Final = {domain: vendor.name for vendor in VENDORS for domain in vendor.domains}
_LIBRARIES: Final = {library: vendor.name for vendor in VENDORS for library in vendor.libraries}
_WORDS: Final = {word: vendor.name for vendor in VENDORS for word in vendor.words}
_SYSTEM_WORDS: Final = {word: system.name for system in SYSTEMS for word in system.words}
_LABEL: Final = re.compile(r"[a-z]+(?=\d*(?:[-.]|$))", re.IGNORECASE)


def vendor_of_host(host: str) -> str | None:
    """The vendor of a public host name, by its longest catalogued suffix; None for any other host."""
    labels = host.lower().rstrip(".").split(".")
    for start in range(len(labels) - 1):
        name = _DOMAINS.get(".".join(labels[start:]))
        if name is not None:
            return name
    return None


def system_of_host(host: str) -> str | None:
    """The class of an internal system by the first label of its host: ``wms6.acme.example`` is a ``wms``."""
    first = _LABEL.match(host)
    return None if first is None else _SYSTEM_WORDS.get(first.group().lower())


def vendor_of_library(library: str) -> str | None:
    """The vendor of an SDK by its import or package name, scope included; None for a general-purpose library."""
    found = _LIBRARIES.get(library)
    if found is None and "/" in library:
        found = _LIBRARIES.get(library.split("/", 1)[0])
    return found


def vendor_of_word(word: str) -> str | None:
    """The vendor or system class that a connector called `word` talks to; None if the word is not in the catalogue."""
    return _WORDS.get(word.lower()) or _SYSTEM_WORDS.get(word.lower())
