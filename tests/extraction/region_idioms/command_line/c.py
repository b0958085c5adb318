# Copyright 2024 The Authors. Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
import logging
import sys
from argparse import ArgumentParser
from logging.handlers import RotatingFileHandler


def configure(path: str, level: str = "INFO") -> logging.Logger:
    root = logging.getLogger()
    root.setLevel(level)
    file = RotatingFileHandler(path, maxBytes=1_000_000, backupCount=3)
    file.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    root.addHandler(file)
    root.addHandler(logging.StreamHandler(sys.stdout))
    return root


def main():
    parser = ArgumentParser(prog="totals", description="Sums a column.")
    parser.add_argument("--column", "-c", required=True, help="which one")
    parser.add_argument("--log", default="totals.log")
    args = parser.parse_args()
    logger = configure(args.log)
    total = sum(float(line.split(",")[int(args.column)]) for line in sys.stdin)
    logger.info("total %s", total)
    print(total)


if __name__ == "__main__":
    main()
