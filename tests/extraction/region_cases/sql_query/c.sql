CREATE VIEW desk.open_tickets AS
WITH latest AS (
    SELECT
        ticket_id,
        opened_on,
        status,
        ROW_NUMBER() OVER (PARTITION BY ticket_id ORDER BY loaded_at DESC) AS position
    FROM desk_oakline.tickets
    WHERE loaded_at >= DATEADD(day, -3, CURRENT_DATE)
      AND status <> 'deleted'
    QUALIFY position = 1
),
agents AS (SELECT id, LISTAGG(skill, ', ') AS skills FROM desk.skills GROUP BY id)
SELECT latest.ticket_id, agents.skills, CASE WHEN opened_on < CURRENT_DATE - 5 THEN 'late' ELSE 'fine' END AS pace
FROM latest CROSS JOIN agents
ORDER BY opened_on;
