"""What operators watch: metrics for Prometheus."""
