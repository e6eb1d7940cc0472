"""The configuration: its schema, a strict YAML reader, immutable records, and loading."""
