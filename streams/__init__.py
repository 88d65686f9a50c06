"""The pure core: topics, identities, ports, folds, policy and projections; no I/O, no clock."""
