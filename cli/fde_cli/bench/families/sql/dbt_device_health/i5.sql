{#-
  Health score per wind mast for Vintersund.
  One row per wind_mast_serial and hour.
-#}
{{ config(
    materialized = 'incremental',
    file_format = 'delta',
    incremental_strategy = 'merge',
    unique_key = ['wind_mast_serial', 'hour_start'],
    partition_by = ['hour_day'],
    location_root = 'abfss://gold@lmbrgold09.dfs.lumbrecht.internal/vintersund/wind_masts',
    tags = ['health', 'vintersund', 'wind-masts'],
    meta = {'owner': 'data-care@lumbrecht.example', 'tenant': 'vintersund'},
    post_hook = "vacuum {{ this }} retain 96 hours"
) }}

{% set signals = ['temperature', 'voltage', 'uptime'] %}
{% set horizon = var('vintersund_horizon_hours', 72) %}

with source_rows as (

    select * from {{ source('vintersund_iot', 'raw_wind_masts') }}
    {% if is_incremental() %}
    where recorded_utc > (select max(last_seen) - interval {{ horizon }} hours from {{ this }})
    {% endif %}

),

hashed as (

    select
        {{ hash_id('serial_no', env_var('VSD_PSEUDO_KEY')) }} as wind_mast_serial,
        date_trunc('hour', recorded_utc) as hour_start,
        cast(recorded_utc as date) as hour_day,
        recorded_utc,
        {%- for signal in signals %}
        cast({{ signal }} as double) as {{ signal }}{{ "," if not loop.last }}
        {%- endfor %}
    from source_rows
    qualify row_number() over (partition by serial_no, recorded_utc order by _ingested desc) = 1

),

scored as (

    select
        wind_mast_serial,
        hour_start,
        hour_day,
        {%- for signal in signals %}
        avg({{ signal }}) as avg_{{ signal }},
        {%- endfor %}
        {{ health_score(signals) }} as score,
        max(recorded_utc) as last_seen
    from hashed
    group by 1, 2, 3

)

select
    'vintersund' as customer,
    'wind-mast' as device_type,
    scored.*,
    lag(score) over (partition by wind_mast_serial order by hour_start) as previous_score,
    score < 0.9 as wind_mast_at_risk
from scored
left join {{ ref('dim_vintersund__wind_masts') }} as d using (wind_mast_serial)
where coalesce(d.is_retired, false) = false
