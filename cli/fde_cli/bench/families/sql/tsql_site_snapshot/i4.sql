/*
   Snapshot of RoomNight in UmberlyHotels
   Runs from the agent every night, can be repeated.
*/
USE [UmberlyHotels];
GO

CREATE OR ALTER PROCEDURE snap.usp_RefreshRoomNight
    @AsOf date = NULL
AS
BEGIN
    SET NOCOUNT, XACT_ABORT ON;

    SET @AsOf = COALESCE(@AsOf, CAST(SYSUTCDATETIME() AS date));

    DECLARE @Sites TABLE (SiteCode varchar(12) NOT NULL PRIMARY KEY, SiteLabel nvarchar(60) NOT NULL);
    INSERT INTO @Sites (SiteCode, SiteLabel)
    VALUES
        ('UMB-A', N'Castle View');

    BEGIN TRY
        BEGIN TRANSACTION;

        WITH Filtered AS (
            SELECT
                f.SiteCode,
                f.BookedOn,
                f.RoomsSold,
                f.Revenue,
                f.Arrivals,
                f.Departures,
                ROW_NUMBER() OVER (PARTITION BY f.SiteCode, f.BookedOn ORDER BY f.RowVersion DESC) AS Recency
            FROM dbo.RoomNight AS f
            INNER JOIN @Sites AS s
                ON s.SiteCode = f.SiteCode
            WHERE f.BookedOn > DATEADD(DAY, -120, @AsOf)
              AND f.StatusCode <> 'NOSHOW'
        )
        SELECT
            x.SiteCode,
            SUM(x.RoomsSold) AS TotalRoomsSold,
            SUM(x.Revenue) AS TotalRevenue,
            SUM(x.Arrivals) AS TotalArrivals,
            SUM(x.Departures) AS TotalDepartures,
            MAX(r.Rate) AS RateUsed,
            COUNT(*) AS DayCount
        INTO #Fresh
        FROM Filtered AS x
        LEFT JOIN ref.CurrencyRate AS r
            ON r.RateDay = x.BookedOn
           AND r.ToCurrency = 'NOK'
        WHERE x.Recency = 1
        GROUP BY x.SiteCode;

        DELETE t FROM [snap].[RoomNight] AS t INNER JOIN #Fresh AS n ON n.SiteCode = t.SiteCode WHERE t.AsOf = @AsOf;

        INSERT INTO snap.RoomNight (AsOf, SiteCode, RoomsSold, Revenue, Arrivals, Departures, DayCount)
        SELECT
            @AsOf,
            n.SiteCode,
            n.TotalRoomsSold,
            n.TotalRevenue,
            n.TotalArrivals,
            n.TotalDepartures,
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

GRANT EXECUTE ON snap.usp_RefreshRoomNight TO [umberly_excel];
GO
