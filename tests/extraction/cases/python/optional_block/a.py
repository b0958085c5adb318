import logging

LIMIT = 100


def load(rows: list[dict]) -> int:
    kept = [row for row in rows if row["state"] == "open"]
    logging.info("kept %d", len(kept))
    return len(kept[:LIMIT])
