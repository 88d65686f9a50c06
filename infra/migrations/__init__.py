"""The read model's schema, step by step; run by `infra.migrate`."""
