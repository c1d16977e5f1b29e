"""Tests of what a practice may write, and of what is said about the rest."""
