/*
   Snapshot of ShelfAudit in KoldsteadRetail
   Runs from the agent every night, can be repeated.
*/
USE [KoldsteadRetail];
GO

CREATE OR ALTER PROCEDURE snap.usp_RefreshShelfAudit
    @AsOf date = NULL
AS
BEGIN
    SET NOCOUNT, XACT_ABORT ON;

    SET @AsOf = COALESCE(@AsOf, CAST(SYSUTCDATETIME() AS date));

    DECLARE @Sites TABLE (SiteCode varchar(12) NOT NULL PRIMARY KEY, SiteLabel nvarchar(60) NOT NULL);
    INSERT INTO @Sites (SiteCode, SiteLabel)
    VALUES
        ('K-100', N'Harbour Mall'),
        ('K-230', N'Old Depot'),
        ('K-400', N'Ringway');

    BEGIN TRY
        BEGIN TRANSACTION;

        WITH Filtered AS (
            SELECT
                f.SiteCode,
                f.BookedOn,
                f.FacingCount,
                f.GapCount,
                ROW_NUMBER() OVER (PARTITION BY f.SiteCode, f.BookedOn ORDER BY f.RowVersion DESC) AS Recency
            FROM dbo.ShelfAudit AS f
            INNER JOIN @Sites AS s
                ON s.SiteCode = f.SiteCode
            WHERE f.BookedOn > DATEADD(DAY, -3, @AsOf)
        )
        SELECT
            x.SiteCode,
            SUM(x.FacingCount) AS TotalFacingCount,
            SUM(x.GapCount) AS TotalGapCount,
            MAX(r.Rate) AS RateUsed,
            COUNT(*) AS DayCount
        INTO #Fresh
        FROM Filtered AS x
        LEFT JOIN ref.CurrencyRate AS r
            ON r.RateDay = x.BookedOn
           AND r.ToCurrency = 'PLN'
        WHERE x.Recency = 1
        GROUP BY x.SiteCode;

        DELETE t FROM [snap].[ShelfAudit] AS t INNER JOIN #Fresh AS n ON n.SiteCode = t.SiteCode WHERE t.AsOf = @AsOf;

        INSERT INTO snap.ShelfAudit (AsOf, SiteCode, FacingCount, GapCount, DayCount)
        SELECT
            @AsOf,
            n.SiteCode,
            n.TotalFacingCount,
            n.TotalGapCount,
            n.DayCount
        FROM #Fresh AS n;

        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;
        THROW;
    END CATCH;
END;
GO

GRANT EXECUTE ON snap.usp_RefreshShelfAudit TO [kold_readers];
GO
