-- Loads [CDR-SQLX]
SET XACT_ABORT ON;
MERGE INTO stage.Wagon WITH (HOLDLOCK) AS tgt
USING [CDR-SQLX].[Yard].dbo.Wagon AS src ON tgt.WagonId = src.WagonId
WHEN MATCHED AND src.ModifiedUtc > DATEADD(HOUR, -48, SYSUTCDATETIME()) THEN
    UPDATE SET tgt.Payload = src.Payload
WHEN NOT MATCHED BY TARGET THEN
    INSERT (WagonId, Payload) VALUES (src.WagonId, src.Payload);
