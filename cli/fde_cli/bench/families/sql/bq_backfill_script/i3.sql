-- Backfill of the daily fact table, safe to run again.
DECLARE cursor_day DATE DEFAULT DATE '2021-11-30';
DECLARE last_day DATE DEFAULT DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY);
DECLARE chunk_end DATE;
DECLARE rows_in_chunk INT64 DEFAULT 0;

CREATE TABLE IF NOT EXISTS `caddoway-lake.dm_sales.kiosk_daily`
(
  sales_day DATE NOT NULL,
  kiosk_ref STRING,
  currency STRING,
  ticket_count INT64,
  gross NUMERIC,
  loaded_at TIMESTAMP
)
PARTITION BY sales_day
CLUSTER BY kiosk_ref
OPTIONS (require_partition_filter = TRUE);

BEGIN
  WHILE cursor_day <= last_day DO
    SET chunk_end = LEAST(last_day, DATE_ADD(cursor_day, INTERVAL 14 DAY));

    DELETE FROM `caddoway-lake.dm_sales.kiosk_daily`
    WHERE sales_day BETWEEN cursor_day AND chunk_end;

    INSERT INTO `caddoway-lake.dm_sales.kiosk_daily` (sales_day, kiosk_ref, currency, ticket_count, gross, loaded_at)
    WITH deduplicated AS (
      SELECT *
      FROM `caddoway-lake.landing.kiosk_sales`
      WHERE DATE(created_at, 'Europe/London') BETWEEN cursor_day AND chunk_end
        AND amount >= 0.50
      QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY ingested_at DESC) = 1
    )
    SELECT
      DATE(created_at, 'Europe/London'),
      kiosk_ref,
      'GBP',
      COUNT(*),
      SUM(amount),
      CURRENT_TIMESTAMP()
    FROM deduplicated
    WHERE currency = 'GBP'
    GROUP BY 1, 2;

    SET rows_in_chunk = @@row_count;
    SELECT FORMAT('%t to %t: %d rows', cursor_day, chunk_end, rows_in_chunk) AS progress;
    SET cursor_day = DATE_ADD(chunk_end, INTERVAL 1 DAY);
  END WHILE;
EXCEPTION WHEN ERROR THEN
  INSERT INTO `caddoway-lake.ops.script_errors` (script, message, statement, failed_at)
  VALUES ('dm_sales.kiosk_daily', @@error.message, @@error.statement_text, CURRENT_TIMESTAMP());
  RAISE USING MESSAGE = @@error.message;
END;
