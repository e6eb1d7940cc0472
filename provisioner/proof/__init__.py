"""The proof: build for every platform, check the index, and run each variant, optionally through a registry."""
