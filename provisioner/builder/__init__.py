"""Resource: buildx's files and containers; wanted, observed, reconciled, left over."""
