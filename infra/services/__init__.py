"""Embedded local services: a real Apache Kafka and a real PostgreSQL from packages alone."""
