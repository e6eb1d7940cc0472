"""Which engine answers, what kind it is, whose it is, and what the host is."""
