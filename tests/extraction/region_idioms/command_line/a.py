# Copyright 2024 The Authors. Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
import argparse
import logging
import sys

logger = logging.getLogger(__name__)


def main(argv=None):
    parser = argparse.ArgumentParser(description="Copy rows.")
    parser.add_argument("source", help="where from")
    parser.add_argument("target", help="where to")
    parser.add_argument("--batch", type=int, default=500, help="rows at once")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    copied = copy(args.source, args.target, args.batch)
    logger.info("copied %d rows", copied)
    return 0


def copy(source, target, batch):
    with open(source) as rows, open(target, "w") as out:
        out.writelines(rows)
    return batch


if __name__ == "__main__":
    sys.exit(main())
