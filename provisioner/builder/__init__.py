"""The builder: buildx's files and containers. Compares them with the configuration, changes them, finds leftovers."""
