INSERT INTO staging.titles (id, payload)
SELECT id, payload FROM landing.titles WHERE loaded_at IS NULL;
