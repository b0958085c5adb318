-- Loads [BRCPROD2]
SET XACT_ABORT ON;
MERGE INTO stage.Pallet WITH (HOLDLOCK) AS tgt
USING [BRCPROD2].[Depot].dbo.Pallet AS src ON tgt.PalletTag = src.PalletTag
WHEN MATCHED AND src.ModifiedUtc > DATEADD(HOUR, -6, SYSUTCDATETIME()) THEN
    UPDATE SET tgt.Payload = src.Payload
WHEN NOT MATCHED BY TARGET THEN
    INSERT (PalletTag, Payload) VALUES (src.PalletTag, src.Payload);
