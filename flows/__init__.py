"""Order: which step runs when, for whom. No DICOM code."""
