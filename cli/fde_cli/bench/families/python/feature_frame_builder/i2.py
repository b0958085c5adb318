"""Build the feature frame from telemetry.van_trips."""
import argparse
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from sqlalchemy import create_engine, text

DTYPES = {
    "van_reg": "string",
    "fuel_l": "float64",
    "harsh_brakes": "float64",
    "idle_min": "float64",
    "km": "float64",
    "co2_kg": "float64",
}

LABELS = {
    "EU": "urban",
    "EM": "motorway",
}

QUERY = text("""
    SELECT
        van_reg,
        observed_at,
        state,
        fuel_l,
        harsh_brakes,
        idle_min,
        km,
        co2_kg
    FROM telemetry.van_trips
    WHERE observed_at >= :since
""")


@dataclass(frozen=True, slots=True)
class FeatureRow:
    van_reg: str
    observed_at: pd.Timestamp
    fuel_l_mean: float
    fuel_l_max: float
    harsh_brakes_mean: float
    harsh_brakes_max: float
    idle_min_mean: float
    idle_min_max: float
    km_mean: float
    km_max: float
    co2_kg_mean: float
    co2_kg_max: float


def load(since: str) -> pd.DataFrame:
    engine = create_engine(os.environ["ROVANTIS_FLEET_DB"])
    with engine.connect() as conn:
        frame = pd.read_sql(QUERY, conn, params={"since": since}, parse_dates=["observed_at"])
    return frame.astype(DTYPES)


def shape(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(state=frame["state"].map(LABELS).fillna("unknown"))
    frame = frame.fillna({"fuel_l": 0.0, "harsh_brakes": 0.0, "idle_min": 0.0, "km": 0.0, "co2_kg": 0.0})
    grouped = frame.set_index("observed_at").groupby("van_reg")
    out = grouped.resample("6h").agg(
        {
            "fuel_l": ["mean", "max"],
            "harsh_brakes": ["mean", "max"],
            "idle_min": ["mean", "max"],
            "km": ["mean", "max"],
            "co2_kg": ["mean", "max"],
        }
    )
    out.columns = ["_".join(c) for c in out.columns]
    return out.replace([np.inf, -np.inf], np.nan).reset_index()


def push(frame: pd.DataFrame) -> None:
    registry = CollectorRegistry()
    Gauge("feature_rows", "Rows in the frame", registry=registry).set(len(frame))
    push_to_gateway("push.rovantis.internal:9091", job="fleet-features", registry=registry)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--since", required=True)
    parser.add_argument("--out", default="features.parquet")
    args = parser.parse_args()
    frame = load(args.since)
    features = shape(frame)
    features.to_parquet(args.out, index=False)
    push(features)


if __name__ == "__main__":
    main()
