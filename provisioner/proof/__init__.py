"""The proof: build, inspect the index, run every variant; through a registry, too."""
