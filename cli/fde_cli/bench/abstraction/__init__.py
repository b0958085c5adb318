"""`fde bench abstraction`: the abstraction engine and a token diff, judged by one judge on families whose truth is known.

corpus -> Family (truth.json, siblings) -> a side makes a template of the learning siblings -> score() -> Row
rows -> totals by language -> figures, ours beside the peer's, with what must be reached -> table

What each figure means: :mod:`fde_cli.bench.abstraction.score`.
"""
