import httpx

BASE = "https://db.northmill.example/api"


def fetch_orders(since: str) -> list[dict]:
    reply = httpx.get(f"{BASE}/orders", params={"since": since}, timeout=30)
    reply.raise_for_status()
    return reply.json()
