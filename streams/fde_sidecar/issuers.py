"""Keys that their issuers mark: the forms that issuers publish so that scanners find them.

Each form is certain by itself, wherever it stands; a form that is not, like 32 hex digits, belongs to the rules that read
the name beside it. Adding one is one line: who issues it, a lower-case literal that every such key holds, the form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Form:
    """One issuer's form. `hint`: a lower-case literal in every key of it; `pattern` has no groups and no look-around."""

    issuer: str
    hint: str
    pattern: str


FORMS: Final[tuple[Form, ...]] = (
    Form("Google API key", "aiza", r"AIza[\w-]{35}"),
    Form("Google OAuth client", "gocspx-", r"GOCSPX-[\w-]{20,}"),
    Form("GitHub", "gh", r"gh[oprsu]_[A-Za-z0-9]{36,}"),
    Form("GitHub, fine-grained", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    Form("Stripe", "k_", r"[rs]k_(?:live|test)_[A-Za-z0-9]{24,}"),
    Form("Stripe webhook", "whsec_", r"whsec_[A-Za-z0-9+/]{32,}={0,2}"),
    Form("GitLab", "gl", r"gl(?:pat|ptt|rt|dt|ft|soat|agent|cbt|imt|oas)-[\w-]{20,}"),
    Form("Bitbucket, Atlassian", "at", r"AT(?:ATT3|CTT3|BB)[\w=-]{24,}"),
    Form("Slack", "xox", r"xox[a-z]-[A-Za-z0-9-]{10,}"),
    Form("Slack app level", "xapp-", r"xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+"),
    Form("Hugging Face", "hf_", r"hf_[A-Za-z]{34}|api_org_[A-Za-z]{34}"),
    Form("OpenAI, first form", "t3blbkfj", r"sk-[\w-]{16,}T3BlbkFJ[\w-]{16,}"),
    Form("Groq", "gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    Form("xAI", "xai-", r"xai-[A-Za-z0-9]{60,}"),
    Form("Perplexity", "pplx-", r"pplx-[A-Za-z0-9]{40,}"),
    Form("Replicate", "r8_", r"r8_[A-Za-z0-9]{37}"),
    Form("Vault", "hv", r"hv[sbr]\.[\w-]{24,}"),
    Form("Terraform Cloud", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}"),
    Form("Docker Hub", "dckr_", r"dckr_(?:pat|oat)_[\w-]{20,}"),
    Form("Square", "sq0", r"sq0[a-z]{3}-[\w-]{22,}"),
    Form("Grafana", "gls", r"gls?a_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,}={0,2}"),
    Form("Airtable", "pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    Form("Postman", "pmak-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    Form("New Relic", "nr", r"NR(?:AK|II|IQ|RA)-[A-Za-z0-9_-]{27,}|NRJS-[0-9a-f]{19}"),
    Form("Twilio", "sk", r"SK[0-9a-f]{32}"),
    Form("Mailchimp", "-us", r"[0-9a-f]{32}-us\d{1,2}"),
    Form("Pulumi", "pul-", r"pul-[0-9a-f]{40}"),
    Form("Doppler", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    Form("PlanetScale", "pscale_", r"pscale_(?:pw|tkn|oauth)_[\w.=-]{32,}"),
    Form("Notion", "ntn_", r"ntn_[A-Za-z0-9]{40,}"),
    Form("Sentry", "sntry", r"sntry(?:u_[0-9a-f]{64}|s_[\w+/=-]{40,})"),
    Form("Telegram", ":aa", r"\d{8,10}:AA[\w-]{33}"),
    Form("Microsoft Entra", "q~", r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    Form("Discord bot", ".", r"[MNO][A-Za-z0-9]{23,25}\.[\w-]{6}\.[\w-]{27,38}"),
    Form("Dynatrace", "dt0", r"dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    Form("DigitalOcean", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    Form("Databricks", "dapi", r"dapi[0-9a-f]{32}(?:-\d)?"),
    Form("Supabase", "sbp_", r"sbp_[0-9a-f]{40}"),
    Form("Netlify", "nf", r"nf[pcoub]_[A-Za-z0-9]{36,}"),
    Form("Figma", "figd_", r"figd_[\w-]{38,}"),
    Form("RubyGems", "rubygems_", r"rubygems_[0-9a-f]{48}"),
    Form("NuGet", "oy2", r"oy2[a-z0-9]{43}"),
    Form("Alibaba Cloud", "ltai", r"LTAI[A-Za-z0-9]{17,21}"),
    Form("Tencent Cloud", "akid", r"AKID[A-Za-z0-9]{32}"),
    Form("EasyPost", "ez", r"EZ[AT]K[A-Za-z0-9]{54}"),
    Form("Shippo", "shippo_", r"shippo_(?:live|test)_[0-9a-f]{40}"),
    Form("Adafruit, Prefect, Readme, Typeform", "_", r"(?:aio_[A-Za-z0-9]{28}|pn[ub]_[A-Za-z0-9]{36}|rdme_[a-z0-9]{70}|tfp_[\w.-]{59})"),
    Form("Tailscale", "tskey-", r"tskey-[a-z]+-[\w-]{16,}"),
    Form("age", "age-secret-key-", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    Form("1Password", "ops_", r"ops_eyJ[\w=-]{100,}"),
    Form("Amazon Bedrock", "absk", r"ABSK[A-Za-z0-9+/]{100,}={0,2}"),
    Form("CircleCI", "cci", r"CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[0-9a-f]{40}"),
    Form("Plaid", "access-", r"access-(?:sandbox|development|production)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    Form("Okta", "ssws ", r"SSWS 00[\w-]{40}"),
)  # fmt: skip

HINTS: Final = tuple(sorted({form.hint for form in FORMS}))
PATTERN: Final = re.compile(r"(?<![A-Za-z0-9])(?:" + "|".join(form.pattern for form in FORMS) + r")(?![A-Za-z0-9])")
# Addresses that are keys: who knows one may post.
HOOK: Final = re.compile(
    r"(?i)(?P<head>hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/"
    r"|webhook\.office\.com/webhookb2/|hooks\.zapier\.com/hooks/catch/|maker\.ifttt\.com/trigger/[\w-]{1,80}/with/key/"
    r"|api\.telegram\.org/bot)(?P<value>[^\s\"'`<>\\,;)\]}]{8,300})"
)
