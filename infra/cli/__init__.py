"""The command line: one file per family of commands, `app.py` knows them all."""
