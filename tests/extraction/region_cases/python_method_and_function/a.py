"""Orders of x."""
import csv
import time

import requests

PATH = "data.csv"


def read(path):
    with open(path) as f:
        return list(csv.DictReader(f))


# Pages with back-off, as the vendor asks.
def fetch_orders(session: requests.Session, since: str) -> list[dict]:
    """All orders since a day."""
    found, cursor = [], None
    while True:
        response = session.get(
            "https://api.hartwell.example/v2/orders",
            params={"since": since, "cursor": cursor, "limit": 100},
            timeout=30,
        )
        if response.status_code == 429:
            time.sleep(int(response.headers.get("Retry-After", "30")))
            continue
        response.raise_for_status()
        body = response.json()
        found.extend(body["orders"])
        cursor = body.get("next")
        if not cursor:
            return found


def main():
    print(read(PATH))


if __name__ == "__main__":
    main()
