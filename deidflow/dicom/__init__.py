"""DICOM files: structure, inventory, geometry, stored pixels."""
