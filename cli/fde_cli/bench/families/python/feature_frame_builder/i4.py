"""Build the feature frame from scada.pump_ticks."""
import argparse
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from sqlalchemy import create_engine, text

DTYPES = {
    "pump_tag": "string",
    "flow_lpm": "float64",
    "head_m": "float64",
    "amps": "float64",
    "rpm": "float64",
}

LABELS = {
    "on": "pumping",
}

QUERY = text("""
    SELECT
        pump_tag,
        observed_at,
        state,
        flow_lpm,
        head_m,
        amps,
        rpm
    FROM scada.pump_ticks
    WHERE observed_at >= :since
""")


@dataclass(frozen=True, slots=True)
class FeatureRow:
    pump_tag: str
    observed_at: pd.Timestamp
    flow_lpm_mean: float
    flow_lpm_max: float
    head_m_mean: float
    head_m_max: float
    amps_mean: float
    amps_max: float
    rpm_mean: float
    rpm_max: float


def load(since: str) -> pd.DataFrame:
    engine = create_engine(os.environ["TORVEK_SCADA_DSN"])
    with engine.connect() as conn:
        frame = pd.read_sql(QUERY, conn, params={"since": since}, parse_dates=["observed_at"])
    return frame.astype(DTYPES)


def shape(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(state=frame["state"].map(LABELS).fillna("unknown"))
    frame = frame.fillna({"flow_lpm": 0.0, "head_m": 0.0, "amps": 0.0, "rpm": 0.0})
    grouped = frame.set_index("observed_at").groupby("pump_tag")
    out = grouped.resample("40s").agg(
        {
            "flow_lpm": ["mean", "max"],
            "head_m": ["mean", "max"],
            "amps": ["mean", "max"],
            "rpm": ["mean", "max"],
        }
    )
    out.columns = ["_".join(c) for c in out.columns]
    return out.replace([np.inf, -np.inf], np.nan).reset_index()


def check(frame: pd.DataFrame) -> None:
    if len(frame) < 500:
        raise ValueError(f"only {len(frame)} rows")
    gaps = frame.groupby("pump_tag")["observed_at"].diff()
    if (gaps > pd.Timedelta("5min")).any():
        raise ValueError("gap in the series")


def push(frame: pd.DataFrame) -> None:
    registry = CollectorRegistry()
    Gauge("feature_rows", "Rows in the frame", registry=registry).set(len(frame))
    push_to_gateway("metrics.torvek.internal:9095", job="pump.frame", registry=registry)


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
