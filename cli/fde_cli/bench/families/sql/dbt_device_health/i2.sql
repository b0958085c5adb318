{#-
  Health score per e scooter for Orvessa.
  One row per e_scooter_serial and hour.
-#}
{{ config(
    materialized = 'incremental',
    file_format = 'delta',
    incremental_strategy = 'merge',
    unique_key = ['e_scooter_serial', 'hour_start'],
    partition_by = ['hour_day'],
    location_root = 'abfss://gold@lmbrgold07.dfs.lumbrecht.internal/orvessa/e_scooters',
    tags = ['health', 'orvessa', 'e-scooters'],
    meta = {'owner': 'data-care@lumbrecht.example', 'tenant': 'orvessa'},
    post_hook = "vacuum {{ this }} retain 336 hours"
) }}

{% set signals = ['temperature', 'voltage', 'uptime'] %}
{% set horizon = var('orvessa_horizon_hours', 6) %}

with source_rows as (

    select * from {{ source('orvessa_iot', 'raw_e_scooters') }}
    {% if is_incremental() %}
    where pinged_on > (select max(last_seen) - interval {{ horizon }} hours from {{ this }})
    {% endif %}

),

hashed as (

    select
        {{ hash_id('serial_no', env_var('ORVESSA_PEPPER')) }} as e_scooter_serial,
        date_trunc('hour', pinged_on) as hour_start,
        cast(pinged_on as date) as hour_day,
        pinged_on,
        {%- for signal in signals %}
        cast({{ signal }} as double) as {{ signal }}{{ "," if not loop.last }}
        {%- endfor %}
    from source_rows
    qualify row_number() over (partition by serial_no, pinged_on order by _ingested desc) = 1

),

scored as (

    select
        e_scooter_serial,
        hour_start,
        hour_day,
        {%- for signal in signals %}
        avg({{ signal }}) as avg_{{ signal }},
        {%- endfor %}
        {{ health_score(signals) }} as score,
        max(pinged_on) as last_seen
    from hashed
    group by 1, 2, 3

)

select
    'orvessa' as customer,
    'e-scooter' as device_type,
    scored.*,
    lag(score) over (partition by e_scooter_serial order by hour_start) as previous_score,
    score < 0.8 as e_scooter_at_risk
from scored
left join {{ ref('dim_orvessa__e_scooters') }} as d using (e_scooter_serial)
where coalesce(d.is_retired, false) = false
