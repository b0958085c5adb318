import httpx

BASE = "https://sql.quillbooks.example/api"


def fetch_titles(since: str) -> list[dict]:
    reply = httpx.get(f"{BASE}/titles", params={"since": since}, timeout=40)
    reply.raise_for_status()
    return reply.json()
