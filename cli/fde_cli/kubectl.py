"""`kubectl fde`: kubectl runs any program called ``kubectl-fde`` on PATH as its own sub-command. It is `fde kube`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run it and exit with its code, as `fde` does."""
    from fde_cli.main import main as fde

    fde(["kube", *sys.argv[1:]])


if __name__ == "__main__":
    main()
