# Copyright 2024 The Authors. Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
import argparse
import logging

log = logging.getLogger("watch")


def setup(debug: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if debug else logging.WARNING)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--debug", action="store_true", help="say more")
    parser.add_argument("--every", type=float, default=1.5)
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args()
    setup(options.debug)
    for path in options.paths:
        log.debug("watching %s every %s", path, options.every)
        watch(path, options.every)


def watch(path: str, every: float) -> None:
    while path:
        path = path[:-1]


if __name__ == "__main__":
    main()
