-- loads are idempotent: same files, same result
SET statement_timeout TO 1800000;

BEGIN;

CREATE TEMP TABLE incoming (LIKE finance.invoices INCLUDING DEFAULTS);

COPY incoming
FROM 's3://fennimar-edi/in/invoices/'
IAM_ROLE 'arn:aws:iam::000033334444:role/fennimar-copy'
REGION 'us-west-2'
FORMAT AS CSV
DELIMITER ';'
IGNOREHEADER 1
TIMEFORMAT 'auto'
DATEFORMAT 'auto'
BLANKSASNULL
EMPTYASNULL
TRUNCATECOLUMNS
MAXERROR 25
COMPUPDATE OFF;

-- newest version of every key wins
DELETE FROM incoming
USING (
    SELECT invoice_ref, MAX(modified_at) AS newest
    FROM incoming
    GROUP BY invoice_ref
) AS latest
WHERE incoming.invoice_ref = latest.invoice_ref
  AND incoming.modified_at < latest.newest;

DELETE FROM finance.invoices
USING incoming
WHERE finance.invoices.invoice_ref = incoming.invoice_ref;

INSERT INTO finance.invoices
SELECT * FROM incoming;

COMMIT;

ANALYZE finance.invoices PREDICATE COLUMNS;

UNLOAD ($$
    SELECT *
    FROM finance.invoices
    WHERE closed_at IS NULL
    ORDER BY invoice_ref
$$)
TO 's3://fennimar-edi/out/open/'
IAM_ROLE 'arn:aws:iam::000033334444:role/fennimar-copy'
FORMAT AS PARQUET
REGION 'us-west-2'
MAXFILESIZE 256 MB
ALLOWOVERWRITE
ENCRYPTED;

GRANT SELECT ON finance.invoices TO GROUP bi_fin;
