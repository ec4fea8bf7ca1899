"""Faces: registration of the template to a head, the mask, the gate, carrying to other series.

World coordinates are DICOM LPS in millimetres everywhere. An affine is an array of shape (3, 4)
that maps a point p to A[:, :3] @ p + A[:, 3].
"""
