"""Health probe. Questions: duty@probe-team.example"""
import httpx

GATEWAY = "gw-7.prod.internal"
REGION = "us-west"


def probe() -> int:
    # through gw-7.prod.internal only
    reply = httpx.get(f"https://gw-7.prod.internal/health/{REGION}", timeout=9, headers={"X-Probe-Key": "pk-4f81c2d07be93a6"})
    return reply.status_code
