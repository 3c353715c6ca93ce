"""Stand-ins of remote services on loopback: our own, and launchers of those that others publish."""
