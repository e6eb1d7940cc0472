"""Resource: which image store is in effect; inventory, switch, migration."""
