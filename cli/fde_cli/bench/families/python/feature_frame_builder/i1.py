"""Build the feature frame from plc.spindle_minutes."""
import argparse
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import create_engine, text

DTYPES = {
    "spindle_id": "string",
    "torque_nm": "float64",
    "temp_c": "float64",
    "vibration_mm": "float64",
}

LABELS = {
    "R": "running",
    "S": "stopped",
    "F": "faulted",
    "M": "in service",
}

QUERY = text("""
    SELECT
        spindle_id,
        observed_at,
        state,
        torque_nm,
        temp_c,
        vibration_mm
    FROM plc.spindle_minutes
    WHERE observed_at >= :since
""")


@dataclass(frozen=True, slots=True)
class FeatureRow:
    spindle_id: str
    observed_at: pd.Timestamp
    torque_nm_mean: float
    torque_nm_max: float
    temp_c_mean: float
    temp_c_max: float
    vibration_mm_mean: float
    vibration_mm_max: float


def load(since: str) -> pd.DataFrame:
    engine = create_engine(os.environ["KELDMARK_PLC_DSN"])
    with engine.connect() as conn:
        frame = pd.read_sql(QUERY, conn, params={"since": since}, parse_dates=["observed_at"])
    return frame.astype(DTYPES)


def shape(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(state=frame["state"].map(LABELS).fillna("unknown"))
    frame = frame.fillna({"torque_nm": 0.0, "temp_c": 0.0, "vibration_mm": 0.0})
    grouped = frame.set_index("observed_at").groupby("spindle_id")
    out = grouped.resample("90min").agg(
        {
            "torque_nm": ["mean", "max"],
            "temp_c": ["mean", "max"],
            "vibration_mm": ["mean", "max"],
        }
    )
    out.columns = ["_".join(c) for c in out.columns]
    return out.replace([np.inf, -np.inf], np.nan).reset_index()


def check(frame: pd.DataFrame) -> None:
    if len(frame) < 60:
        raise ValueError(f"only {len(frame)} rows")
    gaps = frame.groupby("spindle_id")["observed_at"].diff()
    if (gaps > pd.Timedelta("15min")).any():
        raise ValueError("gap in the series")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--since", required=True)
    parser.add_argument("--out", default="features.parquet")
    args = parser.parse_args()
    frame = load(args.since)
    check(frame)
    features = shape(frame)
    features.to_parquet(args.out, index=False)


if __name__ == "__main__":
    main()
