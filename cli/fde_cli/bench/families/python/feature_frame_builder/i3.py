"""Build the feature frame from lims.assay_runs."""
import argparse
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from sqlalchemy import create_engine, text

DTYPES = {
    "assay_no": "string",
    "ph": "float64",
    "yield_pct": "float64",
}

LABELS = {
    '10': 'accepted',
    '20': 'repeat',
    '30': 'void',
}

QUERY = text("""
    SELECT
        assay_no,
        observed_at,
        state,
        ph,
        yield_pct
    FROM lims.assay_runs
    WHERE observed_at >= :since
""")


@dataclass(frozen=True, slots=True)
class FeatureRow:
    assay_no: str
    observed_at: pd.Timestamp
    ph_mean: float
    ph_max: float
    yield_pct_mean: float
    yield_pct_max: float


def load(since: str) -> pd.DataFrame:
    engine = create_engine(os.environ["ABERQUILL_LIMS_URL"])
    with engine.connect() as conn:
        frame = pd.read_sql(
            QUERY,
            conn,
            params={"since": since},
            parse_dates=["observed_at"],
        )
    return frame.astype(DTYPES)


def shape(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(state=frame["state"].map(LABELS).fillna("unknown"))
    frame = frame.fillna({"ph": 0.0, "yield_pct": 0.0})
    grouped = frame.set_index("observed_at").groupby("assay_no")
    out = grouped.resample("3D").agg(
        {
            "ph": ["mean", "max"],
            "yield_pct": ["mean", "max"],
        }
    )
    out.columns = ["_".join(c) for c in out.columns]
    return out.replace([np.inf, -np.inf], np.nan).reset_index()


def check(frame: pd.DataFrame) -> None:
    if len(frame) < 12:
        raise ValueError(f"only {len(frame)} rows")
    gaps = frame.groupby("assay_no")["observed_at"].diff()
    if (gaps > pd.Timedelta("36h")).any():
        raise ValueError("gap in the series")


def push(frame: pd.DataFrame) -> None:
    registry = CollectorRegistry()
    Gauge("feature_rows", "Rows in the frame", registry=registry).set(len(frame))
    push_to_gateway("pgw-3.aberquill.internal:9191", job="assay_daily", registry=registry)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--since", required=True)
    parser.add_argument("--out", default="features.parquet")
    args = parser.parse_args()
    frame = load(args.since)
    check(frame)
    features = shape(frame)
    features.to_parquet(args.out, index=False)
    push(features)


if __name__ == "__main__":
    main()
