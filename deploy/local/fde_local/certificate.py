"""A key and a certificate for a broker on loopback, by the JDK's keytool. The certificate is its own authority.

certify() -> keystore.p12 for the broker, ca.pem for its clients
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from fde_local.errors import NotReady
from fde_local.toolchain import JAVA, find


@dataclass(frozen=True, slots=True)
class Certificate:
    """`keystore`: PKCS12 under `password`, the broker's. `authority`: PEM, for whoever is to trust it."""

    keystore: Path
    authority: Path
    password: str


def certify(directory: Path, password: str) -> Certificate:
    """A new key for 127.0.0.1 and localhost in `directory`, valid for 30 days. Raises MissingToolchain, NotReady."""
    made = Certificate(directory / "keystore.p12", directory / "ca.pem", password)
    store = ("-keystore", str(made.keystore), "-storetype", "PKCS12", "-storepass", password, "-alias", "broker")
    _keytool(
        *("-genkeypair", *store, "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30"),
        *("-dname", "CN=fde local kafka", "-ext", "san=ip:127.0.0.1,dns:localhost"),
        *("-ext", "bc=ca:true", "-ext", "ku=digitalSignature,keyCertSign"),
    )
    _keytool("-exportcert", *store, "-rfc", "-file", str(made.authority))
    return made


def _keytool(*arguments: str) -> None:
    tool = find(JAVA).path.resolve().with_name("keytool")
    done = subprocess.run([str(tool), *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise NotReady(f"kafka: keytool made no certificate: {(done.stdout or done.stderr).strip()}")
