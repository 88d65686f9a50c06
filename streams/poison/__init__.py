"""Records that end or block their worker: found by starts that were never finished."""
