{#-
  Health score per smart lock for Quarrendon.
  One row per smart_lock_serial and hour.
-#}
{{ config(
    materialized = 'incremental',
    file_format = 'delta',
    incremental_strategy = 'merge',
    unique_key = ['smart_lock_serial', 'hour_start'],
    partition_by = ['hour_day'],
    location_root = 'abfss://gold@lmbrgold07.dfs.lumbrecht.internal/quarrendon/smart_locks',
    tags = ['health', 'quarrendon', 'smart-locks'],
    meta = {'owner': 'data-care@lumbrecht.example', 'tenant': 'quarrendon'},
    post_hook = "vacuum {{ this }} retain 200 hours"
) }}

{% set signals = ['temperature', 'voltage', 'uptime'] %}
{% set horizon = var('quarrendon_horizon_hours', 12) %}

with source_rows as (

    select * from {{ source('quarrendon_iot', 'raw_smart_locks') }}
    {% if is_incremental() %}
    where event_time > (select max(last_seen) - interval {{ horizon }} hours from {{ this }})
    {% endif %}

),

hashed as (

    select
        {{ hash_id('serial_no', env_var('QRN_ID_SALT')) }} as smart_lock_serial,
        date_trunc('hour', event_time) as hour_start,
        cast(event_time as date) as hour_day,
        event_time,
        {%- for signal in signals %}
        cast({{ signal }} as double) as {{ signal }}{{ "," if not loop.last }}
        {%- endfor %}
    from source_rows
    qualify row_number() over (partition by serial_no, event_time order by _ingested desc) = 1

),

scored as (

    select
        smart_lock_serial,
        hour_start,
        hour_day,
        {%- for signal in signals %}
        avg({{ signal }}) as avg_{{ signal }},
        {%- endfor %}
        {{ health_score(signals) }} as score,
        max(event_time) as last_seen
    from hashed
    group by 1, 2, 3

)

select
    'quarrendon' as customer,
    'smart-lock' as device_type,
    scored.*,
    lag(score) over (partition by smart_lock_serial order by hour_start) as previous_score,
    score < 0.55 as smart_lock_at_risk
from scored
left join {{ ref('dim_quarrendon__smart_locks') }} as d using (smart_lock_serial)
where coalesce(d.is_retired, false) = false
