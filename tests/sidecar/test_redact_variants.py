"""Redaction by grammar: each class of place in many programs' writing, with values drawn at random; and what only looks like one.

No line was taken from a log: the places are written from how programs print, with values drawn from a seed.
"""

from __future__ import annotations

import base64
import random
import string
from pathlib import Path

import pytest

from fde_sidecar.redact import Redactor

pytestmark = pytest.mark.seconds

KEY = b"0123456789abcdef0123456789abcdef"
REDACTOR = Redactor(KEY)
SECRET = frozenset(
    "api-key bearer-token password card-number aws-access-key-id aws-secret-access-key jwt private-key token secret".split()
)
_chance = random.Random(41)
_ALNUM = string.ascii_letters + string.digits


def drawn(length: int, letters: str = _ALNUM) -> str:
    return "".join(_chance.choices(letters, k=length - 4)) + "q7Zt"


def word() -> str:
    return (
        _chance.choice(["Falcon", "Marble", "Copper", "Lagoon"])
        + str(_chance.randrange(1000, 9999))
        + _chance.choice("!*-_")
        + "k"
    )


def hexadecimal(length: int) -> str:
    return "".join(_chance.choices("0123456789abcdef", k=length - 4)) + "a7f3"


def base(length: int) -> str:
    return base64.b64encode(_chance.randbytes(length)).decode()


# By class: %s a password, %t a token of letters and digits, %x hex, %b base 64.
DIRTY = {
    "names": [
        "DJANGO_SECRET_KEY=%t", "NEXTAUTH_SECRET=%b", "JWT_SIGNING_KEY: %b", "flask.secret_key = '%x'", "keystorePassword=%s", "\"trustStorePassword\": \"%s\"",
        "spring.rabbitmq.password=%s", "SMTP_PASS=%s", "mail.smtp.pass=%s", "ldapBindPwd=%s", "userPwd: %s", "accessTokenSecret=%t", "botToken: %t", "slack_webhook_secret=%x",
        "consumerSecret=%t", "GITHUB_APP_PRIVATE_KEY=%b", "db.master-key=%x", "ENCRYPTION_KEY_V2=%b", "hmacSecret: '%x'", "pepper_secret=%t", "REDIS_AUTH_TOKEN=%t",
        "vault.unseal_key=%b", "data_key=%b", "client-key-data: %b", "password_digest: %x", "passwordHash=%b", "license_key = \"%x\"", "LICENSE=%b", "ELASTIC_APIKEY=%t", "apiKeyPrimary=%t",
        "{\"adminPassword\":\"%s\"}", "{\"sharedSecret\":\"%b\"}", "Config{DBPass:%s Port:5432}", "Settings(smtp_password=SecretStr('%s'))", "cfg.ApiToken=%t", "X-Plex-Token: %t", "x-functions-key: %b",
        "api.secret: %t", "SECRET_KEY=%t", "cookie_secret=%t", "SESSION_SECRET=\"%s %s\"", "storageAccountKey=%b", "PASSPHRASE='%s'", "unlock_passcode=%s", "oauth2.client.registration.google.client-secret=%t", "signature_key=%b",
        "stripeSecretKey: '%t'", "COSMOS_KEY=%b", "sas_token=%t", "pat_token=%t", "bindPassword=%s", "private_token=%t", "deployToken: %t", "token_prod=%t", "Passwort: %s", "rootpw_password=%s",
    ],
    "shell": [
        "+ sshpass -p '%s' scp a.tgz root@h:/tmp", "$ sshpass -p%s ssh h", "htpasswd -nb admin %s", "htpasswd -b -c /etc/nginx/.htpasswd jane %s", "echo \"root:%s\" | sudo chpasswd", "echo %s | passwd --stdin bob",
        "echo '%s' | docker login -u svc --password-stdin", "printf '%s' | kubectl create secret generic x --from-file=/dev/stdin", "echo %s | sudo -S systemctl restart x", "net use \\\\srv\\c$ /user:CORP\\jane %s", "net user deploy %s /add",
        "cargo login %t", "snyk auth %x", "vault login %t", "ngrok authtoken %t", "ngrok config add-authtoken %t", "smbclient //fs/share -U jane%%s -c ls", "rpcclient -U 'corp\\jane%%s' 10.0.0.7",
        "curl -u svc:%s https://x.example/a", "curl --user 'svc:%s' https://x.example/a", "http -a svc:%s GET x.example", "mysql -h db -uroot -p%s shop", "mysqldump -u root -p'%s' shop", "psql postgresql://u:%s@db/x",
        "openssl rsa -in k.pem -passin pass:%s", "openssl enc -aes-256-cbc -k %s -in a", "docker login -u x -p %s r.example", "helm upgrade x . --set auth.password=%s", "helm install x . --set-string db.apiKey=%t",
        "kubectl create secret generic x --from-literal=db=%s", "aws configure set aws_secret_access_key %b", "npm config set //registry.npmjs.org/:_authToken %t", "az login -u a -p %s", "az login --service-principal -u a -p %s --tenant b",
        "redis-cli -h r -a %s ping", "mongosh -u root -p %s admin", "sqlcmd -S db -U sa -P %s", "ldapsearch -D cn=x -w %s", "unzip -P %s a.zip", "7z x -p%s a.7z", "rabbitmqctl add_user svc %s", "keytool -list -storepass %s -keystore k",
        "mvn deploy -Dgpg.passphrase=%s", "java -Djavax.net.ssl.keyStorePassword=%s -jar x.jar", "ipmitool -H bmc -U admin -P %s power status", "wget --http-password=%s https://x", "lftp -u jane,%s sftp://x",
        "wpa_passphrase home %s", "mc alias set m https://m.example AKEY %t", "composer config http-basic.repo.example jane %s", "bundle config gems.example.org jane:%s", "ssh-keygen -t ed25519 -N '%s' -f k",
        "docker run -e POSTGRES_PASSWORD=%s postgres", "export PGPASSWORD='%s'", "set DB_PASSWORD=%s", "$env:API_KEY = '%t'", "setx SECRET_TOKEN %t", "machine api.example login jane password %s", "git config credential.token %t",
        "terraform apply -var db_password=%s", "ansible-playbook x.yml -e ansible_become_pass=%s", "twine upload -u __token__ -p %t dist/*", "flyway -password=%s migrate", "oc login --token=%t", "argocd login a --password %s",
    ],
    "web": [
        "GET /x?sid=%x HTTP/1.1", "GET /oauth/cb?code=%t&state=1 HTTP/1.1", "GET /d?sig=%b2 HTTP/1.1", "GET /f?X-Amz-Signature=%x&x=1", "GET /me?session=%x", "GET /a?auth=%t HTTP/2", "GET /p?key=%t&v=3 HTTP/1.1", "GET /v?jwt=%t HTTP/1.1",
        "set-cookie auth=%t; Path=/", "Cookie: a=1; sess=%t", "cookie sid=%t", "Set-Cookie: __Host-session=%t; Secure", "JSESSIONID=%x matched no session", "received cookie connect.sid=s%%3A%t", "laravel_session=%t", "ASP.NET_SessionId=%t",
        "X-Auth: %t", "x-auth-token=%t", "Authorization: %t", "Proxy-Authorization: Basic %b", "headers: map[X-Api-Key:[%t] Accept:[*/*]]", "{X-Api-Key=[%t], Accept=[*/*]}", "['x-api-key', '%t']", "(b'x-api-key', b'%t')", "[X-Api-Key, %t]",
        "https://x.example/reset/%t", "https://x.example/invite/%t?x=1", "link https://x.example/users/magic-link/%t sent", "GET /verify-email/%t 200", "https://x.example/password/reset/%t",
    ],
    "prose": [
        "temporary password for jane is %s", "Your new password is: %s", "changed password from %s to %s", "password for user jane: %s", "password set to %s by admin", "initial admin password: %s", "ConvertTo-SecureString '%s' -AsPlainText -Force",
        "ConvertTo-SecureString -String \"%s\" -AsPlainText", "passphrase is %s", "the passcode was %s yesterday", "login with password '%s' failed", "generated password `%s` for svc", "Passwort lautet %s", "secret for svc is %t", "API key for billing is %t",
        "the access token is %t", "using token %t", "verification code is 482913", "your one-time code: 482 913",
    ],
    "blanks": [
        "password        = \"%s\"", "password\t\t= %s", "db_password      : %s", "  ~ password = \"%s\" -> \"%s\"", "  + secret_key                  = \"%t\"", "token     => %t", "api_key      %t", "client_secret   :=   \"%t\"", "password -> %s", "password | %s",
    ],
    "dumps": [
        "[password] => %s", "['password'] => %s", "[\"password\"]=>\n  string(12) \"%s\"", "[\"token\"]=> string(32) \"%t\"", ":password=>\"%s\"", "{:api_key=>\"%t\"}", "password: \"%s\", name: \"x\"", "'secret' => '%t'", "#<User password: \"%s\">", "User{name='x', password='%s'}",
        "User[name=x, password=%s]", "User(name=x, token=%t)", "&{Name:x Password:%s}", "password: Some(\"%s\")", "Config { password: \"%s\" }", "stdClass::__set_state(array('password' => '%s'))", "s:8:\"password\";s:12:\"%s\";", "password=b'%s'", "%%{password: \"%s\"}",
    ],
    "places": [
        "PDO->__construct('mysql:host=db', 'shop', '%s')", "new PDO(\"mysql:host=db\", \"shop\", \"%s\")", "mysqli_connect('db', 'shop', '%s', 'x')", "new mysqli('db','shop','%s')", "DriverManager.getConnection(\"jdbc:x\", \"sa\", \"%s\")", "auth => ['svc', '%s']",
        "auth=('svc', '%s')", "\"auth\": [\"svc\", \"%s\"]", "HTTPBasicAuth('svc', '%s')", "new NetworkCredential(\"svc\", \"%s\")", "basicAuth(svc, %s)", "req.SetBasicAuth(\"svc\", \"%s\")", "smtp.PlainAuth(\"\", \"svc\", \"%s\", host)", "server.login('svc', '%s')",
        "new UsernamePasswordCredentials(\"svc\", \"%s\")", "setPassword(\"%s\")", ".withApiKey(\"%t\")", "credentials.NewStaticCredentials(\"id\", \"%b\", \"\")", "client.set_token('%t')", "putenv(\"DB_PASSWORD=%s\")", "os.Setenv(\"DB_PASSWORD\", \"%s\")", "setProperty('password', '%s')",
        "imap_open('{h:993}', 'jane', '%s')", "ldap_bind($c, 'cn=x', '%s')",
    ],
    "markup": [
        "<input type=\"password\" value=\"%s\">", "<input value=\"%s\" type=\"password\" name=\"pw\">", "<add key=\"SmtpPassword\" value=\"%s\"/>", "<property name=\"hibernate.connection.password\" value=\"%s\"/>", "<property name=\"password\">%s</property>", "<setting name=\"ApiKey\" serializeAs=\"String\">%t</setting>",
        "{\"name\":\"DB_PASSWORD\",\"value\":\"%s\"}", "{\"key\":\"api_token\",\"type\":\"text\",\"value\":\"%t\"}", "{\"Name\": \"JWT_SECRET\", \"Value\": \"%t\"}", "ParameterKey=DbPassword,ParameterValue=%s", "{Name:DB_PASSWORD Value:%s ValueFrom:nil}", "<name>javax.jdo.option.ConnectionPassword</name><value>%s</value>",
        "<connectionStrings><add name=\"x\" connectionString=\"Server=x;Password=%s;\"/></connectionStrings>", "<ns2:clientSecret>%t</ns2:clientSecret>", "<password><![CDATA[%s]]></password>", "<meta name=\"csrf-token\" content=\"%t\">", "- name: X\n  value: 1\n- name: DB_PASS\n  value: %s", "{\n \"name\": \"API_TOKEN\",\n \"value\": \"%t\"\n}",
        "<key>secret</key>\n<string>%t</string>", "password: |\n  %s\nuser: x", "- name: \"SMTP_PASSWORD\"\n  valueFrom: null\n  value: '%s'",
    ],
    "others": [
        "INSERT INTO users (id, email, password) VALUES (1, 'x', '%s')", "insert into api_keys(name, token, active) values ('a', '%t', 1), ('b', '%t', 0)", "INSERT INTO `cfg` (`name`,`secret`) VALUES ('x','%t');", "UPDATE users SET password = '%s' WHERE id = 4", "connecting as scott/%s@//db:1521/X",
        "CONNECT sys/%s@ORCL as sysdba", "amqps://svc:%s@", "smtp AUTH PLAIN %b", "> AUTH LOGIN %b", "swipe %B4012888888881881^DOE/JANE^29121010000000?", "\"auths\": {\"r.example\": {\"auth\": \"c3ZjOkZhbGNvbjk5MTIh\"}}", "CREATE USER x WITH PASSWORD '%s'", "SET PASSWORD FOR 'x'@'%' = '%s'",
        "hash $6$abcdefgh$" + "Ab1." * 21 + "xy", "key LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t%b", "session cookie CfDJ8%t%t", "Azure DevOps PAT " + "abcdefghijklmnopqrstuvwxyz" * 2,
    ],
}  # fmt: skip
MAKE = {"s": word, "t": lambda: drawn(32), "x": lambda: hexadecimal(40), "b": lambda: base(36)}


def filled(place: str) -> tuple[str, list[str]]:
    """The place with its values, and the values."""
    parts, secrets, at = [], [], 0
    while at < len(place):
        if place[at] == "%" and place[at + 1 : at + 2] == "%":
            parts.append("%")
            at += 1 if place[at + 2 : at + 3] in MAKE and place[at + 3 : at + 4] != "A" else 2
        elif place[at] == "%" and place[at + 1 : at + 2] in MAKE and place[at + 1 :][:1]:
            secrets.append(MAKE[place[at + 1]]())
            parts.append(secrets[-1])
            at += 2
        else:
            parts.append(place[at])
            at += 1
    return "".join(parts), secrets


DATA = Path(__file__).parent / "data"
DIRTY["more"] = (DATA / "redact_places.txt").read_text().splitlines()
CASES = [(kind, place) for kind, places in DIRTY.items() for place in places]
CARRIERS = (
    "{}",
    "2026-10-10 10:08:46,255 INFO [hub.orders] {}",
    "level=warn msg=started {}",
    "Nov 03 05:05:02 h1 deploy[9941]: {}",
)
CLEAN = [
    "password: [REDACTED]", "\"password\":\"[Filtered]\"", "token=***", "api_key=xxxxxxxxxxxx", "Authorization: Bearer [REDACTED]", "Authorization: <redacted>", "secret: (sensitive value)", "password = (known after apply)", "pwd=••••••", "apiKey=${API_KEY}", "password: {{ db_password }}", "token: $(TOKEN)",
    "password=%DB_PASS%", "{\"password\":null,\"token\":\"\"}", "secretKeyRef: {name: db, key: password}", "PWD=/srv/app", "OLDPWD=/home/app/releases/20261010", "s3 key exports/2026/11/1ce820e2-ded9-4656-92ef-a59ad0ccb251/part-0001.parquet written", "cache_key=orders:v2:7a8b9c0d1e2f3a4b5c6d7e8f90a1b2c3",
    "partition_key=1ce820e2-ded9-4656-92ef-a59ad0ccb251", "primary key 1844674407370955161 exists", "nextPageToken=CAUQAA", "next_token: eb2b41f6a9c04d5fa8f9b2c3d4e5f607", "continuationToken=1!76!MDAwMDEyIWV4cG9ydHMvMjAyNi8xMS8wMDAw", "max_tokens=4096 total_tokens=512", "token_type=Bearer", "token_count: 123456789012",
    "tokenizer=cl100k_base", "unexpected token '}' at position 12345678", "password_policy=STRONG_AND_LONG_12", "passwordMinLength=12", "passwordResetUrl=https://x.example/help", "passwords do not match", "password changed for user42", "password from web01.prod.example accepted", "password reset requested by svc-billing-01",
    "password encoding changed from sha1 to sha256", "user jane logged in with password from 10.0.0.7", "{\"errors\":{\"password\":[\"is too short\"]}}", "\"token\": \"must be provided\"", "secret=not found in vault", "pass=12 fail=3", "PASS src/login.test.js", "--- PASS: TestLogin (0.01s)", "status code=200", "code=ECONNREFUSED", "errorCode: E_VALIDATION_FAILED_1001",
    "\"code\":\"ER_NO_REFERENCED_ROW_2\"", "sid=ORCL", "session=4711", "session: 7f98d0b8-3b90-417c-9312-8cc6eee6a6ac", "auth=ldap", "auth: method=password result=ok", "author=jane key_id=4711", "keyspace hits=1 misses=2", "keyword=shoes", "monkey=7", "kid=2026-10-a alg=RS256", "license plate W-12345X", "license: Apache-2.0",
    "cookie domain=example.com path=/", "cookie consent=true", "sort_key=created_at", "hotkey=Ctrl+Shift+P", "ssh key fingerprint SHA256:Yg/fLxI9e43QW53Wy4N6sF82lpk7mmTiePTBzcndJoV", "public_key=ssh-ed25519", "signature: (self, key: str) -> bytes", "design=v2 assigned=4", "[03/Nov/2026:05:53:39 +0000] \"GET / HTTP/1.1\" 200", "took 12:34:56 at 01:02:03:004",
    "login user jane ok", "az login succeeded", "user login 20261010", "docker login r.example succeeded", "auth login required", "net use lists drives", "mysql -u root -h db", "curl -u needs user and password", "AUTH PLAIN LOGIN", "250-AUTH LOGIN PLAIN XOAUTH2", "app/models/user.rb:12", "see a/b@c", "pkg/mod@v1.2.3", "@scope/pkg@1.2.3", "image team/app@sha256:ab12",
    "GET /reset/password HTTP/1.1", "GET /invite/1ce820e2-ded9-4656-92ef-a59ad0ccb251 200", "GET /auth/callback 302", "POST /login/oauth2/authorization/google 302", "GET /verify/email/sent 200", "INSERT INTO orders (id, key) VALUES (1, 'a')", "INSERT INTO users (name, password) VALUES (?, ?)", "authenticate('users', 'form')", "login('page', 'home')", "getPassword('default')", "Credentials(provider, scope)",
    "auth_request('GET', '/health')", "<input type=\"text\" name=\"q\" value=\"shoes\">", "<input type=\"password\" name=\"pwd\" placeholder=\"Password\">", "{\"name\":\"LOG_LEVEL\",\"value\":\"debug123\"}", "{\"name\":\"token_count\",\"value\":\"123456789\"}", "- name: LOG_LEVEL\n  value: debug99", "name: password\nfield is required", "verification failed: 4 attempts", "sms sent in 1234 ms", "otp drift 3 steps",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf", "mounted /var/run/secrets/db/password", "password_hash_algorithm=argon2id rounds=10", "-----BEGIN CERTIFICATE-----", "sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "etag=\"33a64df551425fcc55e4d42a148795d9f25f89d4\"", "idempotency-key: 1ce820e2-ded9-4656-92ef-a59ad0ccb251",
    "lock key orders:7a8b9c0d1e2f3a4b5c6d7e8f90a1b2c3 held", "InstrumentationKey=1ce820e2-ded9-4656-92ef-a59ad0ccb251", "api key rotation in 3 days", "no api key configured for window", "secret rotation job 20261010 completed", "token bucket refill=20", "requires basic auth (user, password)", "foreign key orders_customer_id_fkey", "correlation key 01J9ZQ7X5T8V2W3Y4A6B8C0D2E",
    "release_key=2026.10.10-rc1", "feature_key=checkout_v2_enabled", "translation key checkout.button.pay_now_2", "key=window/77e0e48fe852", "project_key=PAYMENTS2", "message_key=ORDER-20261010-000123", "registry key HKEY_LOCAL_MACHINE", "\"key\": \"priority\", \"value\": \"high\"", "PasswordEncoderFactory@7a8b9c0d created", "session closed after 12345678 ms",
]  # fmt: skip
CLEAN += (DATA / "redact_clean.txt").read_text().splitlines()


@pytest.mark.parametrize(("kind", "place"), CASES, ids=[f"{kind}-{number}" for number, (kind, _) in enumerate(CASES)])
def test_a_value_is_gone_from_its_place_in_any_carrier(kind: str, place: str) -> None:
    _chance.seed(place)  # the same values whichever tests run
    for carrier in CARRIERS:
        text, secrets = filled(place)
        line = carrier.format(text) if "\n" not in text else text
        clean = REDACTOR.redact(line)
        assert clean != line, line
        assert not [one for one in secrets if one in clean], (line, clean)
        assert REDACTOR.redact(clean) == clean
        assert clean.count("\n") == line.count("\n")


@pytest.mark.parametrize("text", CLEAN)
def test_what_only_looks_like_a_secret_is_left(text: str) -> None:
    for carrier in CARRIERS:
        line = carrier.format(text) if "\n" not in text else text
        found = [one.kind for _, kinds in REDACTOR.lines(line.split("\n")) for one in kinds]
        assert not SECRET.intersection(found), (line, REDACTOR.redact(line))
