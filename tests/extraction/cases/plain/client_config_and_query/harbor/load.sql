INSERT INTO staging.shipments (id, payload)
SELECT id, payload FROM landing.shipments WHERE loaded_at IS NULL;
