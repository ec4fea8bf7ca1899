"""Conversion by dcm2niix, and what is scrubbed from what it writes."""
