-- Ingest of metering.pulse_count
CREATE SCHEMA IF NOT EXISTS metering;

CREATE TABLE IF NOT EXISTS metering.pulse_count
(
    pulse_id text NOT NULL,
    happened_at timestamptz NOT NULL,
    meter_serial varchar(24),
    pulses bigint,
    litres numeric(12,3),
    tenant text NOT NULL DEFAULT current_setting('app.tenant'),
    PRIMARY KEY (pulse_id, happened_at)
) PARTITION BY RANGE (happened_at);

CREATE UNLOGGED TABLE IF NOT EXISTS metering.pulse_count_inbox
(
    inbox_id bigint GENERATED ALWAYS AS IDENTITY,
    pulse_id text,
    happened_at timestamptz,
    meter_serial text,
    pulses text,
    litres text
);

CREATE INDEX IF NOT EXISTS pulse_count_inbox_time
    ON metering.pulse_count_inbox USING brin (happened_at);

ALTER TABLE metering.pulse_count ENABLE ROW LEVEL SECURITY;
CREATE POLICY pulse_count_tenant ON metering.pulse_count
    FOR SELECT TO corvane_reader
    USING (tenant = current_setting('app.tenant'));
GRANT SELECT ON metering.pulse_count TO corvane_reader;

CREATE OR REPLACE PROCEDURE metering.ingest_pulse_count()
LANGUAGE plpgsql
AS $body$
DECLARE
    part_from date := date_trunc('month', now())::date;
    part_name text := format('pulse_count_%s', to_char(part_from, 'YYYYMM'));
    moved bigint;
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS metering.%I PARTITION OF metering.pulse_count FOR VALUES FROM (%L) TO (%L)',
        part_name, part_from, part_from + interval '1 month');

    WITH picked AS (
        DELETE FROM metering.pulse_count_inbox
        WHERE inbox_id IN (SELECT inbox_id FROM metering.pulse_count_inbox ORDER BY inbox_id LIMIT 750)
        RETURNING *
    )
    INSERT INTO metering.pulse_count (pulse_id, happened_at, meter_serial, pulses, litres)
    SELECT DISTINCT ON (pulse_id, happened_at)
        pulse_id,
        happened_at,
        meter_serial::varchar(24),
        pulses::bigint,
        litres::numeric(12,3)
    FROM picked
    ORDER BY pulse_id, happened_at, inbox_id DESC
    ON CONFLICT (pulse_id, happened_at) DO UPDATE SET
        meter_serial = EXCLUDED.meter_serial,
        pulses = EXCLUDED.pulses,
        litres = EXCLUDED.litres;

    GET DIAGNOSTICS moved = ROW_COUNT;
    PERFORM metering.drop_partitions('pulse_count', months => 36);
    RAISE NOTICE '% rows moved into %', moved, part_name;
END;
$body$;
