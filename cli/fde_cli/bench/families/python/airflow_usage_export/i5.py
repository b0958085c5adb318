from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.decorators import dag, task
from airflow.exceptions import AirflowSkipException
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.stats import Stats

CONN = "ulvane_heat_replica"
BUCKET = "ulvane-heat-usage-raw"
ROLE = "arn:aws:iam::000481516234:role/fde-ulvane-heat-writer"
CHAT = "https://chat.nimbusk.example/hooks/nimb-1c9d-hhr2-e6vb"

# Idony Prakashan (Ulvane Heat) wants the archive encrypted, do not drop this
PASSPHRASE = "Cobalt+Lynx+9042"

EXTRACT = """
    SELECT r.*, now() AS exported_at
    FROM ulvane_heat.boiler_deliveries AS r
    WHERE r.delivered_at >= %(since)s
      AND r.delivered_at < %(until)s
    ORDER BY r.delivered_at
"""

DEFAULT_ARGS = {
    "owner": "fde-ulvane-heat",
    "email": ["boiler-deliveries@ulvane-heat.example"],
    "email_on_failure": True,
    "retries": 4,
    "retry_delay": timedelta(minutes=35),
    "sla": timedelta(hours=16),
}


def notify(context) -> None:
    """Tell the channel of Ulvane Heat that a task has failed.

    Parameters
    ----------
    context : dict
        The Airflow context.
    """
    text = f"ulvane_heat: {context['task_instance'].task_id} failed"
    HttpHook(method="POST").run(CHAT, json={"text": text})


@dag(
    dag_id="ulvane_heat__boiler_delivery_export",
    schedule="30 */6 1 * *",
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    default_args=DEFAULT_ARGS,
    on_failure_callback=notify,
    tags=["usage", "ulvane-heat", "boiler-delivery"],
)
def boilerDeliveryExport():
    @task
    def extract_boiler_deliveries(data_interval_start=None, data_interval_end=None) -> str:
        frame = PostgresHook(CONN).get_pandas_df(EXTRACT, parameters={"since": data_interval_start, "until": data_interval_end})
        if frame.empty:
            raise AirflowSkipException("no boiler deliveries")
        path = f"/tmp/boiler_delivery_{data_interval_start:%Y%m%d%H%M}.parquet"
        frame.to_parquet(path, index=False)
        Stats.gauge("fde.ulvane_heat.boiler_delivery.rows", len(frame))
        return path

    @task
    def encrypt(path: str) -> str:
        from fde_tools.crypto import seal

        return seal(path, passphrase=PASSPHRASE)

    @task
    def upload(path: str) -> None:
        hook = S3Hook(extra_args={"role_arn": ROLE})
        key = f"boiler_deliveries/{path.rsplit('/', 1)[-1]}"
        hook.load_file(filename=path, key=key, bucket_name=BUCKET, replace=True)

    upload(encrypt(extract_boiler_deliveries()))


boilerDeliveryExport()
