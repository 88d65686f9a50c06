"""Kafka through confluent-kafka; the settings of aiokafka too, which only looks on."""
