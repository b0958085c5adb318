"""Copies Jira issues that changed since the last run into a newline delimited file."""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BASE_URL = "https://harborlight.jira.example/rest/api/2"
JQL = "project = CLINIC AND updated >= -4h"
PAGE_SIZE = 200
MAX_ATTEMPTS = 5
BASE_DELAY_SECONDS = 0.25
OUTPUT = "/mnt/share/harborlight/clinic.ndjson"


class GaveUp(Exception):
    """The tracker kept answering 429."""


def fetch(start_at: int) -> dict:
    query = urllib.parse.urlencode({"jql": JQL, "startAt": start_at, "maxResults": PAGE_SIZE})
    request = urllib.request.Request(f"{BASE_URL}/search?{query}")
    request.add_header("Authorization", f"Bearer {os.environ['JIRA_TOKEN']}")
    for attempt in range(MAX_ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 429 or attempt == MAX_ATTEMPTS - 1:
                raise
            # The tracker says how long; without a word from it, back off exponentially.
            time.sleep(float(error.headers.get("Retry-After") or BASE_DELAY_SECONDS * 2**attempt))
    raise GaveUp("no attempt was allowed")


def main() -> int:
    start_at, copied = 0, 0
    with open(OUTPUT, "a", encoding="utf-8") as out:
        while True:
            page = fetch(start_at)
            for issue in page["issues"]:
                out.write(json.dumps(issue, sort_keys=True) + "\n")
                copied += 1
            start_at += len(page["issues"])
            if start_at >= page["total"] or not page["issues"]:
                break
    print(f"copied {copied} issues", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
