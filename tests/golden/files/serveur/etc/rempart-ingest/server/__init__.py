"""What runs on a backup server, as root, with its own Python: it notes what hosts bring."""
