"""Tables of patients: read, matched with the images of a vault, and de-identified as these are."""
