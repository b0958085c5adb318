-- Backfill of the daily fact table, safe to run again.
DECLARE cursor_day DATE DEFAULT DATE '2020-06-08';
DECLARE last_day DATE DEFAULT DATE_SUB(CURRENT_DATE('Australia/Perth'), INTERVAL 1 DAY);
DECLARE chunk_end DATE;
DECLARE rows_in_chunk INT64 DEFAULT 0;

CREATE TABLE IF NOT EXISTS `torrabay-data.serving.purchase_days`
(
  sales_day DATE NOT NULL,
  app_build STRING,
  currency STRING,
  ticket_count INT64,
  gross NUMERIC,
  loaded_at TIMESTAMP
)
PARTITION BY sales_day
CLUSTER BY app_build
OPTIONS (require_partition_filter = TRUE);

BEGIN
  WHILE cursor_day <= last_day DO
    SET chunk_end = LEAST(last_day, DATE_ADD(cursor_day, INTERVAL 3 DAY));

    DELETE FROM `torrabay-data.serving.purchase_days`
    WHERE sales_day BETWEEN cursor_day AND chunk_end;

    INSERT INTO `torrabay-data.serving.purchase_days` (sales_day, app_build, currency, ticket_count, gross, loaded_at)
    WITH deduplicated AS (
      SELECT *
      FROM `torrabay-data.bronze.app_purchases`
      WHERE DATE(created_at, 'Australia/Perth') BETWEEN cursor_day AND chunk_end
        AND amount >= 0.10
      QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY ingested_at DESC) = 1
    )
    SELECT
      DATE(created_at, 'Australia/Perth'),
      app_build,
      'AUD',
      COUNT(*),
      SUM(amount),
      CURRENT_TIMESTAMP()
    FROM deduplicated
    WHERE currency = 'AUD'
    GROUP BY 1, 2;

    SET rows_in_chunk = @@row_count;
    SELECT FORMAT('%t to %t: %d rows', cursor_day, chunk_end, rows_in_chunk) AS progress;
    SET cursor_day = DATE_ADD(chunk_end, INTERVAL 1 DAY);
  END WHILE;
EXCEPTION WHEN ERROR THEN
  INSERT INTO `torrabay-data.ops.script_errors` (script, message, statement, failed_at)
  VALUES ('serving.purchase_days', @@error.message, @@error.statement_text, CURRENT_TIMESTAMP());
  RAISE USING MESSAGE = @@error.message;
END;
