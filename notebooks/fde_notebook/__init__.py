"""Analyst API: the loop's events, groups, challenges and candidates as polars frames. Redacted text only.

>>> from fde_notebook import Loop, shipped
>>> loop = Loop.of_fleet(shipped())  # or Loop.at(brokers="...", registry="directory:...")
>>> loop.challenges().columns[:3]
['challenge', 'title', 'kind']
"""

from __future__ import annotations

from fde_notebook.fleet import shipped
from fde_notebook.loop import Loop

__all__ = ["Loop", "shipped"]
