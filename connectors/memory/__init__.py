"""In-memory twins of the ports; where tests/contracts has a suite, twin and original pass it."""
