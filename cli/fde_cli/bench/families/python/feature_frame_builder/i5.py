"""Build the feature frame from pos.till_events."""
import argparse
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import create_engine, text

DTYPES = {
    "till_ref": "string",
    "scans": "float64",
    "voids": "float64",
    "refunds": "float64",
    "tender_ms": "float64",
    "basket": "float64",
    "lines": "float64",
}

LABELS = {
    "A1": "staffed",
    "A2": "self checkout",
    "B1": "kiosk",
    "B7": "mobile",
    "Z0": "training",
}

QUERY = text("""
    SELECT
        till_ref,
        observed_at,
        state,
        scans,
        voids,
        refunds,
        tender_ms,
        basket,
        lines
    FROM pos.till_events
    WHERE observed_at >= :since
""")


@dataclass(frozen=True, slots=True)
class FeatureRow:
    till_ref: str
    observed_at: pd.Timestamp
    scans_mean: float
    scans_max: float
    voids_mean: float
    voids_max: float
    refunds_mean: float
    refunds_max: float
    tender_ms_mean: float
    tender_ms_max: float
    basket_mean: float
    basket_max: float
    lines_mean: float
    lines_max: float


def load(since: str) -> pd.DataFrame:
    engine = create_engine(os.environ["MIZZENBY_POS_DB"])
    with engine.connect() as conn:
        frame = pd.read_sql(QUERY, conn, params={"since": since}, parse_dates=["observed_at"])
    return frame.astype(DTYPES)


def shape(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(state=frame["state"].map(LABELS).fillna("unknown"))
    frame = frame.fillna({"scans": 0.0, "voids": 0.0, "refunds": 0.0, "tender_ms": 0.0, "basket": 0.0, "lines": 0.0})
    grouped = frame.set_index("observed_at").groupby("till_ref")
    out = grouped.resample("2W").agg(
        {
            "scans": ["mean", "max"],
            "voids": ["mean", "max"],
            "refunds": ["mean", "max"],
            "tender_ms": ["mean", "max"],
            "basket": ["mean", "max"],
            "lines": ["mean", "max"],
        }
    )
    out.columns = ["_".join(c) for c in out.columns]
    return out.replace([np.inf, -np.inf], np.nan).reset_index()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--since", required=True)
    parser.add_argument("--out", default="features.parquet")
    args = parser.parse_args()
    frame = load(args.since)
    features = shape(frame)
    features.to_parquet(args.out, index=False)


if __name__ == "__main__":
    main()
