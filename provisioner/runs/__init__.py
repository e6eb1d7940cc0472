"""A run: compare, plan, journal, apply, roll back, recover."""
