"""Benchmarks that compare our speed with what a user would run instead, in the same run.

Run one with ``python3 -m benchmarks.check``.
"""
