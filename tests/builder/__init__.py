"""Tests of the package ``builder``."""
