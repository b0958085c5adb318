"""What crosses Kafka: events, records, topics, and what can be wrong with them. Imports nothing of ours."""
