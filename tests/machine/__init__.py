"""Tests on virtual machines, and what they share with the tests on hosts."""
