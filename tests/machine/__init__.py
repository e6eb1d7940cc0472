"""Tests on virtual machines, and the few words they share with those on hosts."""
