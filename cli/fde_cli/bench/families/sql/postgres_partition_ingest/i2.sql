-- Ingest of brewlog.mash_step
CREATE SCHEMA IF NOT EXISTS brewlog;

CREATE TABLE IF NOT EXISTS brewlog.mash_step
(
    step_key text NOT NULL,
    happened_at timestamptz NOT NULL,
    kettle text,
    celsius numeric(5,2),
    tenant text NOT NULL DEFAULT current_setting('app.tenant'),
    PRIMARY KEY (step_key, happened_at)
) PARTITION BY RANGE (happened_at);

CREATE UNLOGGED TABLE IF NOT EXISTS brewlog.mash_step_inbox
(
    inbox_id bigint GENERATED ALWAYS AS IDENTITY,
    step_key text,
    happened_at timestamptz,
    kettle text,
    celsius text
);

create index if not exists mash_step_inbox_time
    on brewlog.mash_step_inbox using brin (happened_at);

ALTER TABLE brewlog.mash_step ENABLE ROW LEVEL SECURITY;
CREATE POLICY mash_step_tenant ON brewlog.mash_step
    FOR SELECT TO aldersyke_app
    USING (tenant = current_setting('app.tenant'));
GRANT SELECT ON brewlog.mash_step TO aldersyke_app;

CREATE OR REPLACE PROCEDURE brewlog.ingest_mash_step()
LANGUAGE plpgsql
AS $body$
DECLARE
    part_from date := date_trunc('month', now())::date;
    part_name text := format('mash_step_%s', to_char(part_from, 'YYYYMM'));
    moved bigint;
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS brewlog.%I PARTITION OF brewlog.mash_step FOR VALUES FROM (%L) TO (%L)',
        part_name, part_from, part_from + interval '1 month');

    WITH picked AS (
        DELETE FROM brewlog.mash_step_inbox
        WHERE inbox_id IN (SELECT inbox_id FROM brewlog.mash_step_inbox ORDER BY inbox_id LIMIT 20000)
        RETURNING *
    )
    INSERT INTO brewlog.mash_step (step_key, happened_at, kettle, celsius)
    SELECT DISTINCT ON (step_key, happened_at)
        step_key,
        happened_at,
        kettle::text,
        celsius::numeric(5,2)
    FROM picked
    ORDER BY step_key, happened_at, inbox_id DESC
    ON CONFLICT (step_key, happened_at) DO NOTHING;

    GET DIAGNOSTICS moved = ROW_COUNT;
    RAISE NOTICE '% rows moved into %', moved, part_name;
    PERFORM brewlog.drop_partitions('mash_step', months => 6);
END;
$body$;
