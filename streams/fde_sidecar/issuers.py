"""Keys that their issuers mark: the forms that issuers publish so that scanners find them.

Each form is certain by itself, wherever it stands; a form that is not, like 32 hex digits, belongs to the rules that read
the name beside it. Adding one is one line: who issues it, a lower-case literal that every such key holds, the form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fde_sidecar.rule import START


@dataclass(frozen=True, slots=True)
class Form:
    """One issuer's form. `hint`: a lower-case literal in every key of it; `pattern` has no groups and no look-around."""

    issuer: str
    hint: str
    pattern: str
    trigger: str = ""  # a part of it that an automaton finds more cheaply


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
    Form("Telegram", ":aa", r"(?:bot)?\d{8,10}:AA[\w-]{33}"),
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
    Form("Razorpay", "rzp_", r"rzp_(?:live|test)_[A-Za-z0-9]{14,}(?::[A-Za-z0-9]{20,32})?"),
    Form("PayPal, Braintree", "access_token$", r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"),
    Form("Square access token", "eaaa", r"EAAA[A-Za-z0-9_-]{56,}"),
    Form("Azure DevOps", "azdo", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}", "AZDO[A-Za-z0-9]{4}"),
    Form("Azure, marked keys", "", r"[A-Za-z0-9+/]{33,76}(?:JQQJ99|APIM|ACDb|AzFu|AzSe|\+ASt|\+ARm|\+ACR|\+AIoT|\+AEhC)[A-Za-z0-9+/]{5,24}={0,2}",
         r"(?:JQQJ99|APIM|ACDb|AzFu|AzSe|\+A(?:St|Rm|CR|IoT|EhC))[A-Za-z0-9+/]{5}"),
    Form("ASP.NET data protection", "cfdj8", r"CfDJ8[\w-]{40,}"),
    Form("Laravel, encrypted", "eyjpdii6", r"eyJpdiI6[A-Za-z0-9+/%_-]{40,}={0,2}"),
    Form("Flutterwave", "flw", r"FLW(?:SEC|PUB)K(?:_TEST)?-[A-Za-z0-9]{12,}(?:-X)?"),
    Form("Adyen", "aqe", r"AQE[a-z][A-Za-z0-9+/]{60,}[A-Za-z0-9+/=.-]{0,200}"),
    Form("Mollie, Lob, GoCardless", "_", r"(?:live|test)_(?:[A-Za-z0-9]{30}|[0-9a-f]{35}|[\w-]{40,43})"),
    Form("Duffel", "duffel_", r"duffel_(?:test|live)_[\w=-]{43}"),
    Form("Contentful", "cfpat-", r"CFPAT-[\w-]{43}"),
    Form("LaunchDarkly", "-", r"(?:sdk|mob)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    Form("Heroku", "hrku-", r"HRKU-[\w-]{36,}"),
    Form("JFrog", "akcp", r"AKCp[A-Za-z0-9]{60,}|cmVmdGtu[A-Za-z0-9]{56}"),
    Form("SonarQube", "sq", r"sq[pua]_[0-9a-f]{40}"),
    Form("Brevo", "sib-", r"x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    Form("Frame.io, Clojars, Buildkite, Infracost", "", r"fio-u-[\w=-]{64}|CLOJARS_[a-z0-9]{60}|bk(?:ua|at)_[0-9a-z]{40}|ico-[A-Za-z0-9]{32}"),
    Form("MaxMind", "_mmk", r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"),
    Form("Mapbox", ".eyj", r"[spt]k\.eyJ[\w-]{20,}\.[\w-]{20,}"),
    Form("Octopus Deploy", "api-", r"API-[A-Z0-9]{25,32}"),
    Form("OpenShift", "sha256~", r"sha256~[\w-]{43}"),
    Form("Scalingo", "tk-us-", r"tk-us-[\w-]{48}"),
    Form("Yandex Cloud", "", r"t1\.[A-Za-z0-9_-]{20,}={0,2}\.[A-Za-z0-9_-]{60,}={0,2}|AQVN[\w-]{35,38}|YC[a-zA-Z0-9_-]{38}"),
    Form("Cloudflare, origin", "v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}"),
    Form("LangSmith", "lsv2_", r"lsv2_[ps][tk]_[0-9a-f]{32}_[0-9a-f]{10}"),
    Form("Pinecone, NVIDIA, Apify, Anyscale, Fireworks", "", r"pcsk_[\w-]{40,}|nvapi-[\w-]{60,}|apify_api_[A-Za-z0-9]{30,}|esecret_[A-Za-z0-9]{20,}|fw_[A-Za-z0-9]{24}"),
    Form("Resend", "re_", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    Form("Neon, Render", "n", r"napi_[a-z0-9]{60,}|rnd_[A-Za-z0-9]{28,}"),
    Form("Fly.io", "f", r"fm[12]_[A-Za-z0-9+/=]{60,}|fo1_[\w-]{40,}"),
    Form("PostHog", "ph", r"ph[cxs]_[A-Za-z0-9]{36,}"),
    Form("Trello", "atta", r"ATTA[0-9a-f]{60,}"),
    Form("Dropbox", "sl.", r"sl\.(?:u\.)?[\w-]{100,}"),
    Form("Asana", "/", r"[12]/\d{12,20}(?:/\d{12,20})?:[0-9a-f]{32}"),
    Form("Twitter, bearer", "aaaaaaaaaaaaaaaa", r"A{16,}[\w%]{60,}", "A{16}"),
    Form("Discord, second factor", "mfa.", r"mfa\.[\w-]{80,}"),
    Form("Google OAuth, refresh and code", "", r"1//0[\w-]{40,}|4/0A[\w-]{40,}"),
    Form("Amazon MWS, Login with Amazon", "am", r"amzn\.mws\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|amzn1\.(?:oa2-cs|application-oa2-client)\.v1\.[0-9a-f]{64}|Atz[ar]\|[\w-]{60,}"),
    Form("AWS session", "", r"(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/%]{60,}={0,2}"),
    Form("Slack, refresh", "xox", r"xoxe(?:\.xox[bp])?-\d-[\w-]{40,}"),
    Form("GitLab, first forms", "gr1348941", r"GR1348941[\w-]{20}"),
    Form("Prefect, Sourcegraph, Deno, Val Town", "", r"sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}|dd[pw]_[A-Za-z0-9]{36}|vtwn_[A-Za-z0-9]{20,}"),
    Form("Shopify", "sh", r"shp(?:at|ca|pa|ss|tka)_[0-9a-fA-F]{32}"),
    Form("Vercel, Expo, Buf, Nx", "", r"vc[pikar]_[A-Za-z0-9]{24,}|expo_[A-Za-z0-9]{30,}|buf_[A-Za-z0-9]{32,}"),
    Form("Persona, Checkout, Svix", "", r"persona_(?:production|sandbox)_[\w-]{20,}|sk_(?:sbox_)?[a-z0-9]{26}[a-z0-9*#$=]|testsk_[\w.-]{20,}"),
    Form("Firebase messaging", ":apa91b", r"[A-Za-z0-9_-]{11,22}:APA91b[\w-]{100,}", "APA91b"),
    Form("Okta", "ssws ", r"SSWS 00[\w-]{40}"),
)  # fmt: skip

# A form without a literal of its own is asked for anywhere.
HINTS: Final = tuple(sorted({form.hint for form in FORMS}))
PATTERN: Final = re.compile(START + r"(?:" + "|".join(form.pattern for form in FORMS) + r")(?![A-Za-z0-9])")
# Addresses that are keys: who knows one may post.
HOOK: Final = re.compile(
    r"(?i)(?P<head>hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/"
    r"|webhook\.office\.com/webhookb2/|hooks\.zapier\.com/hooks/catch/|maker\.ifttt\.com/trigger/[\w-]{1,80}/with/key/"
    r"|/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/|api\.telegram\.org/bot)(?P<value>[^\s\"'`<>\\,;)\]}]{8,300})"
)
# A password's hash: crypt(3), and the forms of Django, Werkzeug, Spring and LDAP.
CRYPT: Final = re.compile(
    r"\$(?:2[abxy]?\$\d\d\$[./A-Za-z0-9]{22,53}|[156]\$(?:rounds=\d{1,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{20,90}|apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{20,24}"
    r"|y\$[./A-Za-z0-9]{1,10}\$[./A-Za-z0-9]{8,90}\$[./A-Za-z0-9]{40,90}|[PH]\$[./A-Za-z0-9]{31}|argon2(?:id|i|d)\$v=\d{1,3}\$[\w=,]{5,60}\$[A-Za-z0-9+/]{8,90}\$[A-Za-z0-9+/]{16,200}"
    r"|(?:scrypt|pbkdf2[\w-]{0,12})\$[\w=,./+-]{1,90}(?:\$[\w=,./+-]{1,200}){1,3})"
    r"|\b(?:pbkdf2_sha\d{1,3}|bcrypt_sha256|argon2|scrypt|pbkdf2:sha\d{1,3}:\d{1,9}|scrypt:\d{1,9}:\d{1,3}:\d{1,3})\$[\w=,./+-]{1,90}\$[\w=,./+$-]{20,250}={0,2}"
    r"|AQAAAA(?:EAACcQ|IAAYag|[A-Z]AA[A-Za-z0-9]{3})AAAA[A-Za-z0-9+/]{40,160}={0,2}|aad3b435b51404eeaad3b435b51404ee:[0-9a-f]{32}"  # ASP.NET, NTLM
    r"|\{(?:SSHA|SHA|SMD5|MD5|CRYPT|PBKDF2)(?:-?\d{3})?\}[A-Za-z0-9+/$.]{16,200}={0,2}"
)
