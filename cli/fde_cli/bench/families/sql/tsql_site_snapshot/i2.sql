/*
   Snapshot of BedOccupancy in PenmirthDW
   Runs from the agent every night, can be repeated.
*/
USE [PenmirthDW];
GO

CREATE OR ALTER PROCEDURE snap.usp_RefreshBedOccupancy
    @AsOf date = NULL
AS
BEGIN
    SET NOCOUNT, XACT_ABORT ON;

    SET @AsOf = COALESCE(@AsOf, CAST(SYSUTCDATETIME() AS date));

    DECLARE @Sites TABLE (SiteCode varchar(12) NOT NULL PRIMARY KEY, SiteLabel nvarchar(60) NOT NULL);
    INSERT INTO @Sites (SiteCode, SiteLabel)
    VALUES
        ('PMN', N'North Wing'),
        ('PMS', N'South Wing'),
        ('PMX', N'Annexe'),
        ('PMC', N'Day Clinic'),
        ('PMR', N'Recovery');

    BEGIN TRY
        BEGIN TRANSACTION;

        WITH Filtered AS (
            SELECT
                f.SiteCode,
                f.BookedOn,
                f.BedsTaken,
                ROW_NUMBER() OVER (PARTITION BY f.SiteCode, f.BookedOn ORDER BY f.RowVersion DESC) AS Recency
            FROM dbo.BedOccupancy AS f
            INNER JOIN @Sites AS s
                ON s.SiteCode = f.SiteCode
            WHERE f.BookedOn > DATEADD(DAY, -45, @AsOf)
              AND f.StatusCode <> 'DRAFT'
        )
        SELECT
            x.SiteCode,
            SUM(x.BedsTaken) AS TotalBedsTaken,
            COUNT(*) AS DayCount
        INTO #Fresh
        FROM Filtered AS x
        WHERE x.Recency = 1
        GROUP BY x.SiteCode;

        DELETE t FROM [snap].[BedOccupancy] AS t INNER JOIN #Fresh AS n ON n.SiteCode = t.SiteCode WHERE t.AsOf = @AsOf;

        INSERT INTO snap.BedOccupancy (AsOf, SiteCode, BedsTaken, DayCount)
        SELECT
            @AsOf,
            n.SiteCode,
            n.TotalBedsTaken,
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

GRANT EXECUTE ON snap.usp_RefreshBedOccupancy TO [svc_penmirth_bi];
GO
