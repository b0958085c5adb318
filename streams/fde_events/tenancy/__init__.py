"""Who may do what on Kafka: one user a TelemetryFeed, rules and quotas, planned purely and carried out at the rim."""
