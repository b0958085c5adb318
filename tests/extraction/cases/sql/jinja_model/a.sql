{{ config(materialized='view', schema='stg_oak_bank') }}

select
    cast(acct_no as varchar) as account_id,
    '{{ var("oak_bank_region") }}' as region
from {{ source('oak_bank', 'accounts') }}
where acct_no is not null
  and loaded_at >= dateadd('day', -7, current_timestamp)
