-- Backfill of the daily fact table, safe to run again.
DECLARE cursor_day DATE DEFAULT DATE '2022-01-01';
DECLARE last_day DATE DEFAULT DATE_SUB(CURRENT_DATE('Europe/Lisbon'), INTERVAL 1 DAY);
DECLARE chunk_end DATE;
DECLARE rows_in_chunk INT64 DEFAULT 0;

CREATE TABLE IF NOT EXISTS `pelhaven-analytics.mart.daily_tickets`
(
  sales_day DATE NOT NULL,
  shop_id STRING,
  currency STRING,
  ticket_count INT64,
  gross NUMERIC,
  loaded_at TIMESTAMP
)
PARTITION BY sales_day
CLUSTER BY shop_id
OPTIONS (require_partition_filter = TRUE);

BEGIN
  WHILE cursor_day <= last_day DO
    SET chunk_end = LEAST(last_day, DATE_ADD(cursor_day, INTERVAL 7 DAY));

    DELETE FROM `pelhaven-analytics.mart.daily_tickets`
    WHERE sales_day BETWEEN cursor_day AND chunk_end;

    INSERT INTO `pelhaven-analytics.mart.daily_tickets` (sales_day, shop_id, currency, ticket_count, gross, loaded_at)
    WITH deduplicated AS (
      SELECT *
      FROM `pelhaven-analytics.raw_pos.tickets`
      WHERE DATE(created_at, 'Europe/Lisbon') BETWEEN cursor_day AND chunk_end
        AND amount >= 0.01
      QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY ingested_at DESC) = 1
    )
    SELECT
      DATE(created_at, 'Europe/Lisbon'),
      shop_id,
      'EUR',
      COUNT(*),
      SUM(amount),
      CURRENT_TIMESTAMP()
    FROM deduplicated
    WHERE currency = 'EUR'
    GROUP BY 1, 2;

    SET rows_in_chunk = @@row_count;
    SELECT FORMAT('%t to %t: %d rows', cursor_day, chunk_end, rows_in_chunk) AS progress;
    SET cursor_day = DATE_ADD(chunk_end, INTERVAL 1 DAY);
  END WHILE;
EXCEPTION WHEN ERROR THEN
  INSERT INTO `pelhaven-analytics.ops.script_errors` (script, message, statement, failed_at)
  VALUES ('mart.daily_tickets', @@error.message, @@error.statement_text, CURRENT_TIMESTAMP());
  RAISE USING MESSAGE = @@error.message;
END;
