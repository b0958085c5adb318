-- loads are idempotent: same files, same result
SET statement_timeout TO 1800000;

BEGIN;

CREATE TEMP TABLE incoming (LIKE core.policies INCLUDING DEFAULTS);

COPY incoming
FROM 's3://strathvoe-drop/policies/'
IAM_ROLE 'arn:aws:iam::000055556666:role/dw/strathvoe'
REGION 'eu-west-3'
FORMAT AS CSV
DELIMITER '~'
IGNOREHEADER 1
TIMEFORMAT 'auto'
DATEFORMAT 'auto'
BLANKSASNULL
EMPTYASNULL
TRUNCATECOLUMNS
MAXERROR 10
COMPUPDATE OFF;

-- newest version of every key wins
DELETE FROM incoming
USING (
    SELECT policy_id, MAX(modified_at) AS newest
    FROM incoming
    GROUP BY policy_id
) AS latest
WHERE incoming.policy_id = latest.policy_id
  AND incoming.modified_at < latest.newest;

DELETE FROM core.policies
USING incoming
WHERE core.policies.policy_id = incoming.policy_id;

INSERT INTO core.policies
SELECT * FROM incoming;

COMMIT;

ANALYZE core.policies PREDICATE COLUMNS;

UNLOAD ($$
    SELECT *
    FROM core.policies
    WHERE closed_at IS NULL
    ORDER BY policy_id
$$)
TO 's3://strathvoe-share/active/p-'
IAM_ROLE 'arn:aws:iam::000055556666:role/dw/strathvoe'
FORMAT AS PARQUET
REGION 'eu-west-3'
MAXFILESIZE 128 MB
ALLOWOVERWRITE
ENCRYPTED;

GRANT SELECT ON core.policies TO GROUP actuaries;
