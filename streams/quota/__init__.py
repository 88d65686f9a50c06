"""What may be spent: limits, leases of budget and their sums, with pen and paper."""
