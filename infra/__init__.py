"""Assembly and operation: topology, settings, worker, command line, migrations, services."""
