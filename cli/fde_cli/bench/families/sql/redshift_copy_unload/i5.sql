-- loads are idempotent: same files, same result
SET statement_timeout TO 1800000;

BEGIN;

CREATE TEMP TABLE incoming (LIKE credit.loans INCLUDING DEFAULTS);

COPY incoming
FROM 's3://pinmoor-in/loans/'
IAM_ROLE 'arn:aws:iam::000099990000:role/rs-pinmoor'
REGION 'sa-east-1'
FORMAT AS CSV
DELIMITER '#'
IGNOREHEADER 1
TIMEFORMAT 'auto'
DATEFORMAT 'auto'
BLANKSASNULL
EMPTYASNULL
TRUNCATECOLUMNS
MAXERROR 3
COMPUPDATE OFF;

-- newest version of every key wins
DELETE FROM incoming
USING (
    SELECT loan_number, MAX(modified_at) AS newest
    FROM incoming
    GROUP BY loan_number
) AS latest
WHERE incoming.loan_number = latest.loan_number
  AND incoming.modified_at < latest.newest;

DELETE FROM credit.loans
USING incoming
WHERE credit.loans.loan_number = incoming.loan_number;

INSERT INTO credit.loans
SELECT * FROM incoming;

COMMIT;

ANALYZE credit.loans PREDICATE COLUMNS;

UNLOAD ($$
    SELECT *
    FROM credit.loans
    WHERE closed_at IS NULL
    ORDER BY loan_number
$$)
TO 's3://pinmoor-out/arrears/file_'
IAM_ROLE 'arn:aws:iam::000099990000:role/rs-pinmoor'
FORMAT AS PARQUET
REGION 'sa-east-1'
MAXFILESIZE 32 MB
ALLOWOVERWRITE
ENCRYPTED;

GRANT SELECT ON credit.loans TO GROUP grp_credit_ro;
