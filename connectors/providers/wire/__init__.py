"""How vendors are spoken with; one SDK per module, imported when its provider is first asked."""
