-- Ingest of tolls.gate_passage
CREATE SCHEMA IF NOT EXISTS tolls;

CREATE TABLE IF NOT EXISTS tolls.gate_passage
(
    passage_uid text NOT NULL,
    happened_at timestamptz NOT NULL,
    lane_no smallint,
    plate_hash text,
    axles integer,
    fee_cents bigint,
    tenant text NOT NULL DEFAULT current_setting('app.tenant'),
    PRIMARY KEY (passage_uid, happened_at)
) PARTITION BY RANGE (happened_at);

CREATE UNLOGGED TABLE IF NOT EXISTS tolls.gate_passage_inbox
(
    inbox_id bigint GENERATED ALWAYS AS IDENTITY,
    passage_uid text,
    happened_at timestamptz,
    lane_no text,
    plate_hash text,
    axles text,
    fee_cents text
);

CREATE INDEX IF NOT EXISTS gate_passage_inbox_time
    ON tolls.gate_passage_inbox USING brin (happened_at);

CREATE OR REPLACE PROCEDURE tolls.ingest_gate_passage()
LANGUAGE plpgsql
AS $body$
DECLARE
    part_from date := date_trunc('month', now())::date;
    part_name text := format('gate_passage_%s', to_char(part_from, 'YYYYMM'));
    moved bigint;
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS tolls.%I PARTITION OF tolls.gate_passage FOR VALUES FROM (%L) TO (%L)',
        part_name, part_from, part_from + interval '1 month');

    WITH picked AS (
        DELETE FROM tolls.gate_passage_inbox
        WHERE inbox_id IN (SELECT inbox_id FROM tolls.gate_passage_inbox ORDER BY inbox_id LIMIT 5000)
        RETURNING *
    )
    INSERT INTO tolls.gate_passage (passage_uid, happened_at, lane_no, plate_hash, axles, fee_cents)
    SELECT DISTINCT ON (passage_uid, happened_at)
        passage_uid,
        happened_at,
        lane_no::smallint,
        plate_hash::text,
        axles::integer,
        fee_cents::bigint
    FROM picked
    ORDER BY passage_uid, happened_at, inbox_id DESC
    ON CONFLICT (passage_uid, happened_at) DO NOTHING;

    GET DIAGNOSTICS moved = ROW_COUNT;
    PERFORM tolls.drop_partitions('gate_passage', months => 18);
    RAISE NOTICE '% rows moved into %', moved, part_name;
END;
$body$;
