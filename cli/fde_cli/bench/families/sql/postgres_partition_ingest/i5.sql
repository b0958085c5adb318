-- Ingest of parking.bay_session
CREATE SCHEMA IF NOT EXISTS parking;

CREATE TABLE IF NOT EXISTS parking.bay_session
(
    session_token text NOT NULL,
    happened_at timestamptz NOT NULL,
    bay integer,
    tenant text NOT NULL DEFAULT current_setting('app.tenant'),
    PRIMARY KEY (session_token, happened_at)
) PARTITION BY RANGE (happened_at);

CREATE UNLOGGED TABLE IF NOT EXISTS parking.bay_session_inbox
(
    inbox_id bigint GENERATED ALWAYS AS IDENTITY,
    session_token text,
    happened_at timestamptz,
    bay text
);

CREATE INDEX IF NOT EXISTS bay_session_inbox_time
    ON parking.bay_session_inbox USING brin (happened_at);

ALTER TABLE parking.bay_session ENABLE ROW LEVEL SECURITY;
CREATE POLICY bay_session_tenant ON parking.bay_session
    FOR SELECT TO mapleforde_svc
    USING (tenant = current_setting('app.tenant'));
GRANT SELECT ON parking.bay_session TO mapleforde_svc;

CREATE OR REPLACE PROCEDURE parking.ingest_bay_session()
LANGUAGE plpgsql
AS $body$
DECLARE
    part_from date := date_trunc('month', now())::date;
    part_name text := format('bay_session_%s', to_char(part_from, 'YYYYMM'));
    moved bigint;
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS parking.%I PARTITION OF parking.bay_session FOR VALUES FROM (%L) TO (%L)',
        part_name, part_from, part_from + interval '1 month');

    WITH picked AS (
        DELETE FROM parking.bay_session_inbox
        WHERE inbox_id IN (SELECT inbox_id FROM parking.bay_session_inbox ORDER BY inbox_id LIMIT 64000)
        RETURNING *
    )
    INSERT INTO parking.bay_session (session_token, happened_at, bay)
    SELECT DISTINCT ON (session_token, happened_at)
        session_token,
        happened_at,
        bay::integer
    FROM picked
    ORDER BY session_token, happened_at, inbox_id DESC
    ON CONFLICT (session_token, happened_at) DO NOTHING;

    GET DIAGNOSTICS moved = ROW_COUNT;
    PERFORM parking.drop_partitions('bay_session', months => 2);
    RAISE NOTICE '% rows moved into %', moved, part_name;
END;
$body$;
