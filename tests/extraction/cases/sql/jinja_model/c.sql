{{ config(materialized='view', schema='stg_ash_clinic') }}

select
    cast(visit_uid as varchar) as visit_id,
    '{{ var("ash_clinic_region") }}' as region
from {{ source('ash_clinic', 'visits') }}
where visit_uid is not null
  and loaded_at >= dateadd('day', -14, current_timestamp)
