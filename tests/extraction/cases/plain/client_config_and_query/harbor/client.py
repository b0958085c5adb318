import httpx

BASE = "https://pg.harborfoods.example/api"


def fetch_shipments(since: str) -> list[dict]:
    reply = httpx.get(f"{BASE}/shipments", params={"since": since}, timeout=50)
    reply.raise_for_status()
    return reply.json()
