-- loads are idempotent: same files, same result
SET statement_timeout TO 1800000;

BEGIN;

CREATE TEMP TABLE incoming (LIKE dwh.claims INCLUDING DEFAULTS);

COPY incoming
FROM 's3://oxlade-landing/claims/2024/'
IAM_ROLE 'arn:aws:iam::000011112222:role/oxlade-rs-load'
REGION 'eu-west-1'
FORMAT AS CSV
DELIMITER '|'
IGNOREHEADER 1
TIMEFORMAT 'auto'
DATEFORMAT 'auto'
BLANKSASNULL
EMPTYASNULL
TRUNCATECOLUMNS
MAXERROR 0
COMPUPDATE OFF;

-- newest version of every key wins
DELETE FROM incoming
USING (
    SELECT claim_no, MAX(modified_at) AS newest
    FROM incoming
    GROUP BY claim_no
) AS latest
WHERE incoming.claim_no = latest.claim_no
  AND incoming.modified_at < latest.newest;

DELETE FROM dwh.claims
USING incoming
WHERE dwh.claims.claim_no = incoming.claim_no;

INSERT INTO dwh.claims
SELECT * FROM incoming;

COMMIT;

ANALYZE dwh.claims PREDICATE COLUMNS;

UNLOAD ($$
    SELECT *
    FROM dwh.claims
    WHERE closed_at IS NULL
    ORDER BY claim_no
$$)
TO 's3://oxlade-extracts/open_claims/part_'
IAM_ROLE 'arn:aws:iam::000011112222:role/oxlade-rs-load'
FORMAT AS PARQUET
REGION 'eu-west-1'
MAXFILESIZE 64 MB
ALLOWOVERWRITE
ENCRYPTED;

GRANT SELECT ON dwh.claims TO GROUP claims_readers;
