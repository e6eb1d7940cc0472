"""A check as data, its record, and its formats."""
