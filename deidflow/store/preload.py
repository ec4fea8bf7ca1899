"""Loaded once by the forkserver for all its children; it ends with the run, however that ends."""

from deidflow.store.imports import loading
from deidflow.store.process import die_with_parent

with loading():
    import nibabel
    import numpy
    import pydicom
    import scipy.ndimage
    import scipy.optimize
    import SimpleITK

die_with_parent()
SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE

__all__ = ["SimpleITK", "nibabel", "numpy", "pydicom", "scipy"]
