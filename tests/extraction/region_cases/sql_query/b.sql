DELETE FROM mart.overdue WHERE checked_on = CURRENT_DATE;

INSERT INTO mart.overdue (invoice_id, days, customer, reminder)
WITH customers AS (
    SELECT id, name, country FROM erp.customers WHERE active
),
latest AS (
    SELECT
        invoice_id,
        invoice_date,
        status,
        ROW_NUMBER() OVER (PARTITION BY invoice_id ORDER BY loaded_at DESC) AS position
    FROM erp_northmill.invoices
    WHERE loaded_at >= DATEADD(day, -30, CURRENT_DATE)
      AND status <> 'deleted'
    QUALIFY position = 1
),
reminded AS (
    SELECT invoice, MAX(sent_at) AS sent_at, COUNT(*) AS reminders FROM erp.reminders GROUP BY invoice HAVING COUNT(*) > 1
)
SELECT l.invoice_id, DATEDIFF(day, l.invoice_date, CURRENT_DATE), c.name, COALESCE(r.reminders, 0)
FROM latest l
JOIN customers c ON c.id = l.customer
LEFT JOIN reminded r ON r.invoice = l.invoice_id
WHERE DATEDIFF(day, l.invoice_date, CURRENT_DATE) > 14 AND c.country IN ('AT', 'CH');
