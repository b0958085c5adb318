from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.decorators import dag, task
from airflow.exceptions import AirflowSkipException
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.stats import Stats

CONN = "lathmere_power_replica"
BUCKET = "lathmere-power-usage-raw"
ROLE = "arn:aws:iam::000481516234:role/fde-lathmere-power-writer"
CHAT = "https://chat.nimbusk.example/hooks/nimb-7f3k-tzq8-w0ap"

# Oriel Vantongeren (Lathmere Power) wants the archive encrypted, do not drop this
PASSPHRASE = "Velvet+Anvil+2291"

EXTRACT = """
    SELECT r.*, now() AS exported_at
    FROM lathmere_power.meter_readings AS r
    WHERE r.read_ts >= %(since)s
      AND r.read_ts < %(until)s
    ORDER BY r.read_ts
"""

DEFAULT_ARGS = {
    "owner": "fde-lathmere-power",
    "email": ["meter-readings@lathmere-power.example"],
    "email_on_failure": True,
    "retries": 3,
    "retry_delay": timedelta(minutes=10),
    "sla": timedelta(hours=8),
}


def notify(context) -> None:
    """Tell the channel of Lathmere Power that a task has failed.

    Parameters
    ----------
    context : dict
        The Airflow context.
    """
    text = f"lathmere_power: {context['task_instance'].task_id} failed"
    HttpHook(method="POST").run(CHAT, json={"text": text})


@dag(
    dag_id="lathmere_power__meter_reading_export",
    schedule="15 2 * * *",
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    default_args=DEFAULT_ARGS,
    on_failure_callback=notify,
    tags=["usage", "lathmere-power", "meter-reading"],
)
def meterReadingExport():
    @task
    def extract_meter_readings(data_interval_start=None, data_interval_end=None) -> str:
        frame = PostgresHook(CONN).get_pandas_df(EXTRACT, parameters={"since": data_interval_start, "until": data_interval_end})
        if frame.empty:
            raise AirflowSkipException("no meter readings")
        path = f"/tmp/meter_reading_{data_interval_start:%Y%m%d%H%M}.parquet"
        frame.to_parquet(path, index=False)
        Stats.gauge("fde.lathmere_power.meter_reading.rows", len(frame))
        return path

    @task
    def encrypt(path: str) -> str:
        from fde_tools.crypto import seal

        return seal(path, passphrase=PASSPHRASE)

    @task
    def upload(path: str) -> None:
        hook = S3Hook(extra_args={"role_arn": ROLE})
        key = f"meter_readings/{path.rsplit('/', 1)[-1]}"
        hook.load_file(filename=path, key=key, bucket_name=BUCKET, replace=True)

    upload(encrypt(extract_meter_readings()))


meterReadingExport()
