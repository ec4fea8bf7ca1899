"""A finished release as a BIDS data set."""
