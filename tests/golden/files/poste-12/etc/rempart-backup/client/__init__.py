"""What runs on a host: its own copies to its targets, and back; with its own Python and restic."""
