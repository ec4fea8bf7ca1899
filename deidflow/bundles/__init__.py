"""Bundles: a release, or what changed in it, as one encrypted archive for one recipient."""
