"""Text formats: JSON edited key by key, TOML, strict YAML, byte order marks, terminal output."""
