"""Services on loopback that tests talk to."""
