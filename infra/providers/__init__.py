"""From settings to providers: who is asked, where, as whom."""
