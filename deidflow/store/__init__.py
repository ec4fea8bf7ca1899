"""Records of finished steps, locks, scratch space, and working processes with limits."""
