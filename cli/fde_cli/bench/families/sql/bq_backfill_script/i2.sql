-- Backfill of the daily fact table, safe to run again.
DECLARE cursor_day DATE DEFAULT DATE '2023-07-15';
DECLARE last_day DATE DEFAULT DATE_SUB(CURRENT_DATE('America/Toronto'), INTERVAL 1 DAY);
DECLARE chunk_end DATE;
DECLARE rows_in_chunk INT64 DEFAULT 0;

CREATE TABLE IF NOT EXISTS `wrenfold-dwh-prod.gold.fct_orders_day`
(
  sales_day DATE NOT NULL,
  channel STRING,
  currency STRING,
  ticket_count INT64,
  gross NUMERIC,
  loaded_at TIMESTAMP
)
PARTITION BY sales_day
CLUSTER BY channel
OPTIONS (require_partition_filter = TRUE);

BEGIN
  WHILE cursor_day <= last_day DO
    SET chunk_end = LEAST(last_day, DATE_ADD(cursor_day, INTERVAL 1 DAY));

    DELETE FROM `wrenfold-dwh-prod.gold.fct_orders_day`
    WHERE sales_day BETWEEN cursor_day AND chunk_end;

    INSERT INTO `wrenfold-dwh-prod.gold.fct_orders_day` (sales_day, channel, currency, ticket_count, gross, loaded_at)
    WITH deduplicated AS (
      SELECT *
      FROM `wrenfold-dwh-prod.ingest.web_orders`
      WHERE DATE(created_at, 'America/Toronto') BETWEEN cursor_day AND chunk_end
        AND amount >= 1.00
      QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY ingested_at DESC) = 1
    )
    SELECT
      DATE(created_at, 'America/Toronto'),
      channel,
      'CAD',
      COUNT(*),
      SUM(amount),
      CURRENT_TIMESTAMP()
    FROM deduplicated
    WHERE currency = 'CAD'
    GROUP BY 1, 2;

    SET rows_in_chunk = @@row_count;
    SELECT FORMAT('%t to %t: %d rows', cursor_day, chunk_end, rows_in_chunk) AS progress;
    SET cursor_day = DATE_ADD(chunk_end, INTERVAL 1 DAY);
  END WHILE;
EXCEPTION WHEN ERROR THEN
  INSERT INTO `wrenfold-dwh-prod.ops.script_errors` (script, message, statement, failed_at)
  VALUES ('gold.fct_orders_day', @@error.message, @@error.statement_text, CURRENT_TIMESTAMP());
  RAISE USING MESSAGE = @@error.message;
END;
