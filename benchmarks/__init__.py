"""Speed, as a ratio against what a user would run instead, in the same run. ``python3 -m benchmarks.check``."""
