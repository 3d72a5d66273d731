"""One module for each version of the journal's tables, oldest first."""
