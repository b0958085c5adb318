-- Ingest of pharmacy.dispensed_item
CREATE SCHEMA IF NOT EXISTS pharmacy;

CREATE TABLE IF NOT EXISTS pharmacy.dispensed_item
(
    item_barcode text NOT NULL,
    happened_at timestamptz NOT NULL,
    drug_code char(7),
    quantity integer,
    dose_mg double precision,
    prescriber text,
    refill boolean,
    tenant text NOT NULL DEFAULT current_setting('app.tenant'),
    PRIMARY KEY (item_barcode, happened_at)
) PARTITION BY RANGE (happened_at);

CREATE UNLOGGED TABLE IF NOT EXISTS pharmacy.dispensed_item_inbox
(
    inbox_id bigint GENERATED ALWAYS AS IDENTITY,
    item_barcode text,
    happened_at timestamptz,
    drug_code text,
    quantity text,
    dose_mg text,
    prescriber text,
    refill text
);

CREATE INDEX IF NOT EXISTS dispensed_item_inbox_time
    ON pharmacy.dispensed_item_inbox USING brin (happened_at);

CREATE OR REPLACE PROCEDURE pharmacy.ingest_dispensed_item()
LANGUAGE plpgsql
AS $body$
DECLARE
    part_from date := date_trunc('month', now())::date;
    part_name text := format('dispensed_item_%s', to_char(part_from, 'YYYYMM'));
    moved bigint;
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS pharmacy.%I PARTITION OF pharmacy.dispensed_item FOR VALUES FROM (%L) TO (%L)',
        part_name, part_from, part_from + interval '1 month');

    WITH picked AS (
        DELETE FROM pharmacy.dispensed_item_inbox
        WHERE inbox_id IN (SELECT inbox_id FROM pharmacy.dispensed_item_inbox ORDER BY inbox_id LIMIT 1200)
        RETURNING *
    )
    INSERT INTO pharmacy.dispensed_item (item_barcode, happened_at, drug_code, quantity, dose_mg, prescriber, refill)
    SELECT DISTINCT ON (item_barcode, happened_at)
        item_barcode,
        happened_at,
        drug_code::char(7),
        quantity::integer,
        dose_mg::double precision,
        prescriber::text,
        refill::boolean
    FROM picked
    ORDER BY item_barcode, happened_at, inbox_id DESC
    ON CONFLICT (item_barcode, happened_at) DO UPDATE SET
        drug_code = EXCLUDED.drug_code,
        quantity = EXCLUDED.quantity,
        dose_mg = EXCLUDED.dose_mg,
        prescriber = EXCLUDED.prescriber,
        refill = EXCLUDED.refill;

    GET DIAGNOSTICS moved = ROW_COUNT;
    PERFORM pharmacy.drop_partitions('dispensed_item', months => 84);
    RAISE NOTICE '% rows moved into %', moved, part_name;
END;
$body$;
