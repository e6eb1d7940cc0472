"""Resource: QEMU, from wanted to registered, and kept across boots."""
