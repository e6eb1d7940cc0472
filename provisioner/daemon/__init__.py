"""Resource: settings of daemon.json, with the daemon's flags, validation and restart; Docker Desktop's settings."""
