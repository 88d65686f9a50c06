"""Kafka through confluent-kafka (the data path) and aiokafka (small topics)."""
