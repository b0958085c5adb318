/*
   Snapshot of DailyTakings in HarrowDeltaOps
   Runs from the agent every night, can be repeated.
*/
USE [HarrowDeltaOps];
GO

CREATE OR ALTER PROCEDURE snap.usp_RefreshDailyTakings
    @ReportDay date = NULL
AS
BEGIN
    SET NOCOUNT, XACT_ABORT ON;

    SET @ReportDay = COALESCE(@ReportDay, CAST(SYSUTCDATETIME() AS date));

    DECLARE @Sites TABLE (SiteCode varchar(12) NOT NULL PRIMARY KEY, SiteLabel nvarchar(60) NOT NULL);
    INSERT INTO @Sites (SiteCode, SiteLabel)
    VALUES
        ('HD01', N'Marlow Cross'),
        ('HD02', N'Fennel Street');

    BEGIN TRY
        BEGIN TRANSACTION;

        WITH Filtered AS (
            SELECT
                f.SiteCode,
                f.BookedOn,
                f.GrossAmount,
                f.NetAmount,
                f.TicketCount,
                ROW_NUMBER() OVER (PARTITION BY f.SiteCode, f.BookedOn ORDER BY f.RowVersion DESC) AS Recency
            FROM dbo.DailyTakings AS f
            INNER JOIN @Sites AS s
                ON s.SiteCode = f.SiteCode
            WHERE f.BookedOn > DATEADD(DAY, -10, @ReportDay)
              AND f.StatusCode <> 'VOID'
        )
        SELECT
            x.SiteCode,
            SUM(x.GrossAmount) AS TotalGrossAmount,
            SUM(x.NetAmount) AS TotalNetAmount,
            SUM(x.TicketCount) AS TotalTicketCount,
            MAX(r.Rate) AS RateUsed,
            COUNT(*) AS DayCount
        INTO #Fresh
        FROM Filtered AS x
        LEFT JOIN ref.CurrencyRate AS r
            ON r.RateDay = x.BookedOn
           AND r.ToCurrency = 'CHF'
        WHERE x.Recency = 1
        GROUP BY x.SiteCode;

        DELETE t FROM snap.DailyTakings AS t INNER JOIN #Fresh AS n ON n.SiteCode = t.SiteCode WHERE t.AsOf = @ReportDay;

        INSERT INTO snap.DailyTakings (AsOf, SiteCode, GrossAmount, NetAmount, TicketCount, DayCount)
        SELECT
            @ReportDay,
            n.SiteCode,
            n.TotalGrossAmount,
            n.TotalNetAmount,
            n.TotalTicketCount,
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

GRANT EXECUTE ON snap.usp_RefreshDailyTakings TO [rpt_harrow];
GO
