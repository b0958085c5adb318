-- Daily totals.
CREATE OR REPLACE TABLE mart.daily AS
WITH latest AS (
    SELECT
        order_id,
        order_date,
        status,
        ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY loaded_at DESC) AS position
    FROM raw_hartwell.orders
    WHERE loaded_at >= DATEADD(day, -7, CURRENT_DATE)
      AND status <> 'deleted'
    QUALIFY position = 1
)
SELECT order_date, COUNT(*) AS orders
FROM latest
GROUP BY order_date;
