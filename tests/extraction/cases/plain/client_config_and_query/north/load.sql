INSERT INTO staging.orders (id, payload)
SELECT id, payload FROM landing.orders WHERE loaded_at IS NULL;
