{#-
  Health score per chiller for Tindlemark.
  One row per chiller_serial and hour.
-#}
{{ config(
    materialized = 'incremental',
    file_format = 'delta',
    incremental_strategy = 'merge',
    unique_key = ['chiller_serial', 'hour_start'],
    partition_by = ['hour_day'],
    location_root = 'abfss://gold@lmbrgold07.dfs.lumbrecht.internal/tindlemark/chillers',
    tags = ['health', 'tindlemark', 'chillers'],
    meta = {'owner': 'data-care@lumbrecht.example', 'tenant': 'tindlemark'},
    post_hook = "vacuum {{ this }} retain 168 hours"
) }}

{% set signals = ['temperature', 'voltage', 'uptime'] %}
{% set horizon = var('tindlemark_horizon_hours', 24) %}

with source_rows as (

    select * from {{ source('tindlemark_iot', 'raw_chillers') }}
    {% if is_incremental() %}
    where sampled_at > (select max(last_seen) - interval {{ horizon }} hours from {{ this }})
    {% endif %}

),

hashed as (

    select
        {{ hash_id('serial_no', env_var('TDM_HASH_SALT')) }} as chiller_serial,
        date_trunc('hour', sampled_at) as hour_start,
        cast(sampled_at as date) as hour_day,
        sampled_at,
        {%- for signal in signals %}
        cast({{ signal }} as double) as {{ signal }}{{ "," if not loop.last }}
        {%- endfor %}
    from source_rows
    qualify row_number() over (partition by serial_no, sampled_at order by _ingested desc) = 1

),

scored as (

    select
        chiller_serial,
        hour_start,
        hour_day,
        {%- for signal in signals %}
        avg({{ signal }}) as avg_{{ signal }},
        {%- endfor %}
        {{ health_score(signals) }} as score,
        max(sampled_at) as last_seen
    from hashed
    group by 1, 2, 3

)

select
    'tindlemark' as customer,
    'chiller' as device_type,
    scored.*,
    lag(score) over (partition by chiller_serial order by hour_start) as previous_score,
    score < 0.65 as chiller_at_risk
from scored
left join {{ ref('dim_tindlemark__chillers') }} as d using (chiller_serial)
where coalesce(d.is_retired, false) = false
