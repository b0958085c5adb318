"""Poll the carrier for parcel states and append changes to a spool file."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

log = logging.getLogger(__name__)

BASE_URL = "https://track.tarnwick.example/api/v3"
SPOOL = Path("/var/spool/fde/tarnwick/parcels.ndjson")
ZONE = ZoneInfo("Europe/Dublin")


def make_client() -> httpx.AsyncClient:
    """Build the shared HTTP client.

    Returns:
        A client with the bearer token and sane timeouts.
    """
    token = os.environ["TARNWICK_TRACK_TOKEN"]
    return httpx.AsyncClient(
        base_url=BASE_URL,
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        timeout=httpx.Timeout(7.5),
    )


@retry(
    retry=retry_if_exception_type((httpx.TransportError, httpx.HTTPStatusError)),
    stop=stop_after_attempt(5),
    wait=wait_exponential_jitter(initial=1, max=30),
    reraise=True,
)
async def fetch_page(client: httpx.AsyncClient, cursor: str | None) -> dict[str, Any]:
    """Fetch one page of states.

    Args:
        client: The shared client.
        cursor: Opaque position, ``None`` for the first page.

    Returns:
        The decoded JSON body.
    """
    params: dict[str, Any] = {"limit": 200, "carrier": "TNW-GROUND"}
    if cursor is not None:
        params["after"] = cursor
    response = await client.get("/states", params=params)
    response.raise_for_status()
    return response.json()


async def states(client: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = await fetch_page(client, cursor)
        for item in page.get("items", []):
            yield item
        cursor = page.get("next")
        if not cursor:
            return


async def run_once() -> int:
    """Append all states to the spool file and return how many there were."""
    count = 0
    async with make_client() as client:
        with SPOOL.open("a", encoding="utf-8") as sink:
            async for item in states(client):
                item["seen_at"] = datetime.now(ZONE).isoformat()
                sink.write(json.dumps(item, sort_keys=True) + "\n")
                count += 1
    return count


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    while True:
        written = await run_once()
        log.info("wrote %d states from %s", written, "https://track.tarnwick.example/api/v3")
        await asyncio.sleep(45)


if __name__ == "__main__":
    asyncio.run(main())
