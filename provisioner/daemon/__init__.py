"""Resource: settings of daemon.json, validated and applied by a reload or restart; also Docker Desktop's settings."""
