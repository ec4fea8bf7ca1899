"""Profiles, their rules, and the de-identification of headers."""
