"""The log outside Kafka: a file that holds it, and the way back."""
