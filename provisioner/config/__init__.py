"""The configuration: schema, strict YAML, immutable records, loading."""
