"""Check results: their data, the saved record, and the output formats."""
