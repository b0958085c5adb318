{#-
  Health score per ventilator for Hobbledyke.
  One row per ventilator_serial and hour.
-#}
{{ config(
    materialized = 'incremental',
    file_format = 'delta',
    incremental_strategy = 'merge',
    unique_key = ['ventilator_serial', 'hour_start'],
    partition_by = ['hour_day'],
    location_root = 'abfss://gold@lmbrgold07.dfs.lumbrecht.internal/hobbledyke/ventilators',
    tags = ['health', 'hobbledyke', 'ventilators'],
    meta = {'owner': 'data-care@lumbrecht.example', 'tenant': 'hobbledyke'},
    post_hook = "vacuum {{ this }} retain 720 hours"
) }}

{% set signals = ['temperature', 'voltage', 'uptime'] %}
{% set horizon = var('hobbledyke_horizon_hours', 2) %}

with source_rows as (

    select * from {{ source('hobbledyke_iot', 'raw_ventilators') }}
    {% if is_incremental() %}
    where breath_ts > (select max(last_seen) - interval {{ horizon }} hours from {{ this }})
    {% endif %}

),

hashed as (

    select
        {{ hash_id('serial_no', env_var('HBD_SERIAL_SALT')) }} as ventilator_serial,
        date_trunc('hour', breath_ts) as hour_start,
        cast(breath_ts as date) as hour_day,
        breath_ts,
        {%- for signal in signals %}
        cast({{ signal }} as double) as {{ signal }}{{ "," if not loop.last }}
        {%- endfor %}
    from source_rows
    qualify row_number() over (partition by serial_no, breath_ts order by _ingested desc) = 1

),

scored as (

    select
        ventilator_serial,
        hour_start,
        hour_day,
        {%- for signal in signals %}
        avg({{ signal }}) as avg_{{ signal }},
        {%- endfor %}
        {{ health_score(signals) }} as score,
        max(breath_ts) as last_seen
    from hashed
    group by 1, 2, 3

)

select
    'hobbledyke' as customer,
    'ventilator' as device_type,
    scored.*,
    lag(score) over (partition by ventilator_serial order by hour_start) as previous_score,
    score < 0.725 as ventilator_at_risk
from scored
left join {{ ref('dim_hobbledyke__ventilators') }} as d using (ventilator_serial)
where coalesce(d.is_retired, false) = false
