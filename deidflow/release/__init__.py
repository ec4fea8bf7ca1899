"""The two trees: every path and name, publishing, checksums and tables."""
