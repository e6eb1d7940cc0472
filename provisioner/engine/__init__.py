"""Find the engine that answers, its kind and its owner, and describe the host."""
