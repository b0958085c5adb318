-- Loads [ALD-SQL-01]
SET XACT_ABORT ON;
MERGE INTO stage.Parcel WITH (HOLDLOCK) AS tgt
USING [ALD-SQL-01].[Freight].dbo.Parcel AS src ON tgt.ParcelNo = src.ParcelNo
WHEN MATCHED AND src.ModifiedUtc > DATEADD(HOUR, -24, SYSUTCDATETIME()) THEN
    UPDATE SET tgt.Payload = src.Payload
WHEN NOT MATCHED BY TARGET THEN
    INSERT (ParcelNo, Payload) VALUES (src.ParcelNo, src.Payload);
