"""Tests of the package ``proof``."""
