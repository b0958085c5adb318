-- Backfill of the daily fact table, safe to run again.
DECLARE cursor_day DATE DEFAULT DATE '2024-02-29';
DECLARE last_day DATE DEFAULT DATE_SUB(CURRENT_DATE('Europe/Stockholm'), INTERVAL 1 DAY);
DECLARE chunk_end DATE;
DECLARE rows_in_chunk INT64 DEFAULT 0;

CREATE TABLE IF NOT EXISTS `mirelund-bi.bi.receipt_facts`
(
  sales_day DATE NOT NULL,
  till_code STRING,
  currency STRING,
  ticket_count INT64,
  gross NUMERIC,
  loaded_at TIMESTAMP
)
PARTITION BY sales_day
CLUSTER BY till_code
OPTIONS (require_partition_filter = TRUE);

BEGIN
  WHILE cursor_day <= last_day DO
    SET chunk_end = LEAST(last_day, DATE_ADD(cursor_day, INTERVAL 30 DAY));

    DELETE FROM `mirelund-bi.bi.receipt_facts`
    WHERE sales_day BETWEEN cursor_day AND chunk_end;

    INSERT INTO `mirelund-bi.bi.receipt_facts` (sales_day, till_code, currency, ticket_count, gross, loaded_at)
    WITH deduplicated AS (
      SELECT *
      FROM `mirelund-bi.src_till.receipts`
      WHERE DATE(created_at, 'Europe/Stockholm') BETWEEN cursor_day AND chunk_end
        AND amount >= 2.25
      QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY ingested_at DESC) = 1
    )
    SELECT
      DATE(created_at, 'Europe/Stockholm'),
      till_code,
      'SEK',
      COUNT(*),
      SUM(amount),
      CURRENT_TIMESTAMP()
    FROM deduplicated
    WHERE currency = 'SEK'
    GROUP BY 1, 2;

    SET rows_in_chunk = @@row_count;
    SELECT FORMAT('%t to %t: %d rows', cursor_day, chunk_end, rows_in_chunk) AS progress;
    SET cursor_day = DATE_ADD(chunk_end, INTERVAL 1 DAY);
  END WHILE;
EXCEPTION WHEN ERROR THEN
  INSERT INTO `mirelund-bi.ops.script_errors` (script, message, statement, failed_at)
  VALUES ('bi.receipt_facts', @@error.message, @@error.statement_text, CURRENT_TIMESTAMP());
  RAISE USING MESSAGE = @@error.message;
END;
