"""Public texts: what looks like somebody's own and is everybody's, each with the reason. A catalogue; nothing is learned.

match of a sensitive class -> is_public() -> left alone

A text is taken off here only when a standard or a vendor's own documentation publishes it.
"""

from __future__ import annotations

import re
from typing import Final

# (class, texts or pattern, why it is nobody's)
_TABLE: Final[tuple[tuple[str, str, str], ...]] = (
    ("host", r"169\.254\.169\.254|169\.254\.170\.2|fd00:ec2::254", "instance and task metadata, the same in every cloud account"),
    ("host", r"metadata\.google\.internal", "metadata server of Google Cloud, documented"),
    ("host", r"(?:host|gateway|kubernetes)\.docker\.internal", "Docker Desktop's names for the host, documented"),
    ("host", r"kubernetes\.default\.svc(?:\.cluster\.local)?|cluster\.local|svc\.cluster\.local", "Kubernetes' own names, in every cluster"),
    ("host", r"10\.0\.0\.0|172\.16\.0\.0|192\.168\.0\.0|100\.64\.0\.0|169\.254\.0\.0", "whole private ranges (RFC 1918, RFC 6598, RFC 3927)"),
    ("host", r"(?:[\w-]+\.)*(?:localhost|example)\.(?:local|test|invalid)", "names kept for tests (RFC 6761)"),
    ("email", r"(?:noreply|no-reply|support)@github\.com|[\w.+-]+@users\.noreply\.github\.com|git@(?:github|gitlab|bitbucket|ssh\.dev\.azure)\.(?:com|org)",
     "a code host's own addresses"),
    ("email", r"[\w.+-]+@\d+x\.(?:png|jpe?g|gif|svg|webp)|[\w.+-]+@[\w.-]+\.(?:png|jpe?g|svg|css|js|mjs|ts|py|json|whl|tgz)", "a file's name"),
    ("account", r"123456789012|210987654321|111122223333|444455556666|777788889999|000000000000|012345678901|999999999999|(\d)\1{11}",
     "placeholders of AWS' documentation"),
    ("account", r"602401143452|763104351884|683313688378|246618743249|520713654638|906394416424|591542846629", "accounts of AWS itself that serve images to everybody"),
    ("account", r"[1-9]\d{0,5}0{6,}", "a round number"),
    ("account", r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d", "a time as yyyymmddHHMM"),
    ("account", r"(?:ISO|RFC|EPSG|DIN|EN|IEC|IEEE|CVE|CWE|PEP|ORA|SQL|ERR|HTTP|UTF|SHA|AES|KB|BCP|ITU|NIST|FIPS|MD|CRC|RSA|UCS|PKCS|SRID)\d+(?:\..*)?",
     "numbers of standards, of errors and of algorithms"),
    ("account", r"(?i)00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff|12345678-1234-5678-1234-567812345678|6ba7b81[0-4]-9dad-11d1-80b4-00c04fd430c8",
     "the nil and max UUID and the namespaces of RFC 9562, and the one of Python's documentation"),
    ("account", r"(?i)b24988ac-6180-42a0-ab88-20f7382dd24c|acdd72a7-3385-48ef-bd42-f606fba81ae7|8e3af657-a8ff-443c-a75c-2fe8c4bcb635|"
     r"ba92f5b4-2d11-453d-a403-e96b0029c9fe|2a2b9908-6ea1-4ae2-8e65-a410df84e7d1|4633458b-17de-408a-b874-0445c86b69e6",
     "Azure's built-in roles (contributor, reader, owner, storage blob data, key vault secrets user), the same in each tenant"),
    ("account", r"(?i)00000003-0000-0000-c000-000000000000|00000002-0000-0000-c000-000000000000|797f4846-ba00-4fd7-ba43-dac1f8f63013",
     "Microsoft's own applications (Graph, Azure AD, ARM), the same in each tenant"),
    ("account", r"arn:aws[\w-]*:iam::aws:.*", "policies managed by AWS"),
    ("phone", r"(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[ .-])555[ .-]01\d\d", "numbers kept for fiction"),
    ("user", r"(?i)app|apps|airflow|ubuntu|ec2-user|node|jovyan|vscode|runner|user|users|username|root|spark|hadoop|vagrant|circleci|site|dbt|"
     r"python|default|public|shared|all|postgres|jenkins|nobody|me|you|name|service|data|work|worker|build|dev|etl|sftp|ftp|git|linuxbrew",
     "accounts of images and systems, not of people"),
    ("ticket", r"(?:UTF|ISO|RFC|SHA|AES|CVE|CWE|GHSA|PEP|IEC|IEEE|NIST|FIPS|DIN|EN|RSA|MD|CRC|ECMA|HTTP|TLS|SSL|ES|X|BCP|PKCS|SQL|GPT|KB|ORA|TS|"
     r"EPSG|UCS|BASE|PM|AM|UTC|GMT|JDK|JAVA|PHASE|STEP|PART|LEVEL|TIER|TOP|NFR|OWASP|COVID|WCAG|RS|HS|PS|SOC|PCI|GDPR|CIS)-\d+",
     "numbers of standards, algorithms and versions"),
    ("person", r"(?i)(?:param|returns?|throws|see|deprecated|example|todo|fixme|security|perf|api|docs?|later|team|here|channel|everyone|all|property|"
     r"classmethod|staticmethod|dataclass|override|types?|media|app|router|pytest|tests?|v\d+|\d+)", "tags, decorators and topics"),
)  # fmt: skip
_PUBLIC: Final = tuple((kind, re.compile(pattern)) for kind, pattern, _ in _TABLE)

# Hosts of one account at a vendor whose documents say that the first label is the customer's: (suffix, whose).
TENANTED: Final[tuple[tuple[str, str], ...]] = (
    (r"(?:rds|redshift|cache|memorydb|docdb|neptune|es|aos|elb|vpce|execute-api|lambda-url|emr|efs|kafka|mq|sftp|transfer|ecr|eks)"
     r"(?:\.[a-z]{2}(?:-[a-z]+)+-\d)?(?:\.vpce)?(?:\.[a-z]{2}(?:-[a-z]+)+-\d)?\.(?:amazonaws\.com(?:\.cn)?|on\.aws)", "AWS resource"),
    (r"[a-z]{2}(?:-[a-z]+)+-\d\.(?:rds|redshift|elb|es|aos|cache|vpce|eks)\.amazonaws\.com", "AWS resource"),
    (r"s3(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com", "S3 bucket"),
    (r"(?:blob|dfs|queue|table|file)\.core\.windows\.net|(?:database|servicebus|search)\.windows\.net|vault\.azure\.net|azurewebsites\.net|"
     r"azurecr\.io|azure-api\.net|azuredatabricks\.net|documents\.azure\.com|redis\.cache\.windows\.net|onmicrosoft\.com|openai\.azure\.com", "Azure resource"),
    (r"run\.app|cloudfunctions\.net|appspot\.com|firebaseio\.com|iam\.gserviceaccount\.com", "Google Cloud project"),
    (r"snowflakecomputing\.com|cloud\.databricks\.com|confluent\.cloud|mongodb\.net|elastic-cloud\.com|aivencloud\.com", "data platform account"),
    (r"(?:sandbox\.)?my\.salesforce\.com|lightning\.force\.com|service-now\.com|zendesk\.com|okta(?:preview)?\.com|auth0\.com|atlassian\.net|sharepoint\.com|"
     r"myshopify\.com|workday\.com|freshdesk\.com|pagerduty\.com|netsuite\.com|successfactors\.com|herokuapp\.com", "tenant at a vendor"),
)  # fmt: skip
# First labels that such vendors keep for themselves.
VENDORS_OWN: Final = frozenset(
    "www api apis login docs doc support developer developers dev status help console portal hooks files app apps accounts id auth "
    "static cdn events global test community trust learn download downloads img images assets web mail security blog".split()
)


def is_public(kind: str, text: str) -> bool:
    """Whether `text`, found as `kind`, is everybody's."""
    return any(known == kind and pattern.fullmatch(text) for known, pattern in _PUBLIC)
