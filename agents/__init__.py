"""Who acts: each agent awaits in the right order and asks `streams` what to do."""
