-- loads are idempotent: same files, same result
SET statement_timeout TO 1800000;

BEGIN;

CREATE TEMP TABLE incoming (LIKE support.tickets INCLUDING DEFAULTS);

COPY incoming
FROM 's3://klevanto-raw/tickets/full/'
IAM_ROLE 'arn:aws:iam::000077778888:role/klevanto_unload'
REGION 'ap-northeast-1'
FORMAT AS CSV
DELIMITER '^'
IGNOREHEADER 1
TIMEFORMAT 'auto'
DATEFORMAT 'auto'
BLANKSASNULL
EMPTYASNULL
TRUNCATECOLUMNS
MAXERROR 100
COMPUPDATE OFF;

-- newest version of every key wins
DELETE FROM incoming
USING (
    SELECT ticket_key, MAX(modified_at) AS newest
    FROM incoming
    GROUP BY ticket_key
) AS latest
WHERE incoming.ticket_key = latest.ticket_key
  AND incoming.modified_at < latest.newest;

DELETE FROM support.tickets
USING incoming
WHERE support.tickets.ticket_key = incoming.ticket_key;

INSERT INTO support.tickets
SELECT * FROM incoming;

COMMIT;

ANALYZE support.tickets PREDICATE COLUMNS;

UNLOAD ($$
    SELECT *
    FROM support.tickets
    WHERE closed_at IS NULL
    ORDER BY ticket_key
$$)
TO 's3://klevanto-exports/backlog/x'
IAM_ROLE 'arn:aws:iam::000077778888:role/klevanto_unload'
FORMAT AS PARQUET
REGION 'ap-northeast-1'
MAXFILESIZE 512 MB
ALLOWOVERWRITE
ENCRYPTED;

GRANT SELECT ON support.tickets TO GROUP support_ro;
