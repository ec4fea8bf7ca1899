"""Secrets, pseudonyms, sessions, and the vault that keeps them."""
