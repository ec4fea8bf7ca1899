"""What the forkserver loads once for all working processes."""

import nibabel
import numpy
import pydicom
import scipy.ndimage
import scipy.optimize
import SimpleITK

SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE

__all__ = ["SimpleITK", "nibabel", "numpy", "pydicom", "scipy"]
