import time
import requests
import sqlite3

def connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30)
    connection.row_factory = sqlite3.Row
    return connection


# Pages with back-off, as the vendor asks.
def fetch_tickets(session: requests.Session, since: str) -> list[dict]:
    """All tickets since a day."""
    found, cursor = [], None
    while True:
        response = session.get(
            "https://desk.oakline.example/v2/tickets",
            params={"since": since, "cursor": cursor, "limit": 50},
            timeout=45,
        )
        if response.status_code == 429:
            time.sleep(int(response.headers.get("Retry-After", "45")))
            continue
        response.raise_for_status()
        body = response.json()
        found.extend(body["tickets"])
        cursor = body.get("next")
        if not cursor:
            return found

def store(connection, rows):
    connection.executemany("insert into t values (?, ?)", rows)
