"""Formats: text in, text out. JSON edited leaf by leaf, TOML, strict YAML, byte order marks, what a terminal shows."""
