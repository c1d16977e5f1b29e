"""Backups beside bare restic: how fast, how many, and what their upkeep costs."""
