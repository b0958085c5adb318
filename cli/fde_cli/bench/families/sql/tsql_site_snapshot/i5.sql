/*
   Snapshot of QuayMove in VasterokPorts
   Runs from the agent every night, can be repeated.
*/
USE [VasterokPorts];
GO

CREATE OR ALTER PROCEDURE snap.usp_RefreshQuayMove
    @AsOf date = NULL
AS
BEGIN
    SET NOCOUNT, XACT_ABORT ON;

    SET @AsOf = COALESCE(@AsOf, CAST(SYSUTCDATETIME() AS date));

    DECLARE @Sites TABLE (SiteCode varchar(12) NOT NULL PRIMARY KEY, SiteLabel nvarchar(60) NOT NULL);
    INSERT INTO @Sites (SiteCode, SiteLabel)
    VALUES
        ('Q1', N'Tanker Quay'),
        ('Q2', N'Grain Quay'),
        ('Q3', N'Ro-Ro Ramp'),
        ('Q4', N'Cruise Berth');

    BEGIN TRY
        BEGIN TRANSACTION;

        WITH Filtered AS (
            SELECT
                f.SiteCode,
                f.BookedOn,
                f.Tonnes,
                f.Moves,
                f.CraneMinutes,
                f.WaitMinutes,
                f.Teu,
                ROW_NUMBER() OVER (PARTITION BY f.SiteCode, f.BookedOn ORDER BY f.RowVersion DESC) AS Recency
            FROM dbo.QuayMove AS f
            INNER JOIN @Sites AS s
                ON s.SiteCode = f.SiteCode
            WHERE f.BookedOn > DATEADD(DAY, -21, @AsOf)
        )
        SELECT
            x.SiteCode,
            SUM(x.Tonnes) AS TotalTonnes,
            SUM(x.Moves) AS TotalMoves,
            SUM(x.CraneMinutes) AS TotalCraneMinutes,
            SUM(x.WaitMinutes) AS TotalWaitMinutes,
            SUM(x.Teu) AS TotalTeu,
            COUNT(*) AS DayCount
        INTO #Fresh
        FROM Filtered AS x
        WHERE x.Recency = 1
        GROUP BY x.SiteCode;

        DELETE t FROM [snap].[QuayMove] AS t INNER JOIN #Fresh AS n ON n.SiteCode = t.SiteCode WHERE t.AsOf = @AsOf;

        INSERT INTO snap.QuayMove (AsOf, SiteCode, Tonnes, Moves, CraneMinutes, WaitMinutes, Teu, DayCount)
        SELECT
            @AsOf,
            n.SiteCode,
            n.TotalTonnes,
            n.TotalMoves,
            n.TotalCraneMinutes,
            n.TotalWaitMinutes,
            n.TotalTeu,
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

GRANT EXECUTE ON snap.usp_RefreshQuayMove TO [role_vasterok];
GO
