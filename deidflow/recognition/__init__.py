"""Whether a person can still be recognised: heads judged by software that is not ours.

Needs the extra `faces`. Imports nothing that writes a release.
"""
