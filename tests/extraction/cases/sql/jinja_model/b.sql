{{ config(materialized='table', schema='stg_elm_store') }}

select
    cast(basket_ref as varchar) as basket_id,
    '{{ var("elm_store_region") }}' as region
from {{ source('elm_store', 'baskets') }}
where basket_ref is not null
  and loaded_at >= dateadd('day', -30, current_timestamp)
