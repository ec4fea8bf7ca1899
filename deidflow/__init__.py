"""deidflow: from raw DICOM subjects to a release that can be shared."""

__version__ = "0.1.0"
