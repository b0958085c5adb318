"""Incremental extractor: REST pages -> newline delimited JSON in object storage."""
import asyncio
import gzip
import json
import os
import random
from collections.abc import AsyncIterator
from datetime import date, datetime, timezone

import aiohttp
import boto3

BASE_URL = "https://api.brightwater.example/v2"
RESOURCE = "/consignments"
PAGE_SIZE = 200
CURSOR_FIELD = "next_cursor"
MAX_ATTEMPTS = 5
BASE_DELAY = 0.5
BUCKET = "brightwater-raw-landing"
UPDATED_SINCE = date.fromisoformat("2024-01-01")


class RateLimited(Exception):
    def __init__(self, retry_after: float) -> None:
        super().__init__(f"rate limited, retry after {retry_after:.1f}s")
        self.retry_after = retry_after


def _retry_after(headers: "aiohttp.typedefs.LooseHeaders", attempt: int) -> float:
    value = headers.get("Retry-After")
    if value and value.isdigit():
        return float(value)
    return BASE_DELAY * 2**attempt + random.random()


async def fetch_page(session: aiohttp.ClientSession, cursor: str | None) -> dict:
    params = {"limit": PAGE_SIZE, "updated_since": UPDATED_SINCE.isoformat()}
    if cursor:
        params["cursor"] = cursor
    for attempt in range(MAX_ATTEMPTS):
        async with session.get(f"{BASE_URL}{RESOURCE}", params=params) as response:
            if response.status in (429, 503):
                await asyncio.sleep(_retry_after(response.headers, attempt))
                continue
            response.raise_for_status()
            return await response.json()
    raise RateLimited(BASE_DELAY * 2**MAX_ATTEMPTS)


async def pages() -> AsyncIterator[list[dict]]:
    headers = {"Authorization": f"Bearer {os.environ['TMS_API_TOKEN']}", "Accept": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        cursor: str | None = None
        while True:
            body = await fetch_page(session, cursor)
            yield body["items"]
            cursor = body.get(CURSOR_FIELD)
            if not cursor:
                return


async def run() -> int:
    s3 = boto3.client("s3")
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
    total = 0
    index = 0
    async for items in pages():
        blob = gzip.compress("\n".join(json.dumps(i, sort_keys=True) for i in items).encode())
        s3.put_object(Bucket=BUCKET, Key=f"rest/{stamp}/part-{index:05d}.ndjson.gz", Body=blob)
        total += len(items)
        index += 1
    return total


if __name__ == "__main__":
    print(asyncio.run(run()))
