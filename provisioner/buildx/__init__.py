"""What buildx keeps and what it makes of it: options, files, commands, the builder's container."""
