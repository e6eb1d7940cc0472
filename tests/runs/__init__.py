"""Tests of the package ``runs``."""
