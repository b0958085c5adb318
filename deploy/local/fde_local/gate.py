"""Whether a test that needs a real server runs, is skipped, or fails.

On a person's machine a missing server is a skip with its reason. With CI=true it is a failure: a test that
silently does not run proves nothing.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from fde_local.component import Component, default_cache
from fde_local.errors import LocalError


def is_ci(environment: Mapping[str, str] = os.environ) -> bool:
    """CI is set to something that means yes."""
    return environment.get("CI", "").lower() in {"1", "true", "yes"}


def require(
    *components: Component, cache: Path | None = None, environment: Mapping[str, str] = os.environ
) -> tuple[Path, ...]:
    """What the components make, in the order asked; else ends the test: skipped, or failed with CI=true."""
    try:
        return tuple(component.demand(cache or default_cache()) for component in components)
    except LocalError as error:
        refuse(error, environment)


def refuse(error: LocalError, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Ends the test that asked: skipped, or failed with CI=true."""
    if is_ci(environment):
        pytest.fail(f"CI=true allows no skip. {error}", pytrace=False)
    pytest.skip(str(error))
