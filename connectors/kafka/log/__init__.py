"""The log as a whole, in no group: read anew, restored from a file, given its letters back."""
