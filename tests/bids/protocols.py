"""What scanners write for common protocols, as sidecars of a release: more than a head's T1."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EPI: dict[str, Any] = {
    "PhaseEncodingDirection": "j-",
    "TotalReadoutTime": 0.04,
    "EffectiveEchoSpacing": 0.0005,
}
BACK: dict[str, Any] = EPI | {"PhaseEncodingDirection": "j"}
PHASE = {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}
ADC = {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}
TIMES = (0.00492, 0.00738)


@dataclass(frozen=True)
class Scan:
    """One image: where it lies, its description, volumes, fields of the sidecar, b-values."""

    place: str
    text: str
    volumes: int = 1
    fields: dict[str, Any] = field(default_factory=dict)
    gradients: tuple[int, ...] = ()
    guess: tuple[str, str] | None = None
    volume_time: float = 2.0


def _magnitudes(series: str, text: str) -> list[Scan]:
    """Two images of a gradient echo."""
    return [
        Scan(f"{series}/defaced_e{echo}", text, fields={"EchoTime": time})
        for echo, time in enumerate(TIMES, 1)
    ]


_DIFFERENCE = PHASE | {"EchoTime": TIMES[1]}
FUNCTIONAL = [
    Scan("P001/M00/001-MR/defaced", "AAHScout"),
    Scan("P001/M00/004-MR/defaced", "SpinEchoFieldMap_AP", 3, EPI, guess=("fmap", "_dir-AP_epi")),
    Scan("P001/M00/005-MR/defaced", "SpinEchoFieldMap_PA", 3, BACK, guess=("fmap", "_dir-PA_epi")),
    Scan("P001/M00/006-MR/defaced", "rfMRI_REST_SBRef", 1, EPI, guess=("func", "_sbref")),
    Scan("P001/M00/007-MR/defaced_e1", "rfMRI_REST", 5, EPI | {"EchoTime": 0.012}),
    Scan("P001/M00/007-MR/defaced_e1_ph", "rfMRI_REST", 5, EPI | PHASE | {"EchoTime": 0.012}),
    Scan("P001/M00/007-MR/defaced_e2", "rfMRI_REST", 5, EPI | {"EchoTime": 0.03}),
    *_magnitudes("P001/M00/010-MR", "gre_field_mapping"),
    *_magnitudes("P001/M00/011-MR", "gre_field_mapping"),
    Scan("P001/M00/012-MR/defaced_e2_ph", "gre_field_mapping", 1, _DIFFERENCE),
    Scan("P001/M00/024-MR/defaced", "SpinEchoFieldMap_AP", 3, EPI, guess=("fmap", "_dir-AP_epi")),
    Scan("P001/M00/025-MR/defaced", "SpinEchoFieldMap_PA", 3, BACK, guess=("fmap", "_dir-PA_epi")),
    Scan("P001/M00/026-MR/defaced", "rfMRI_REST", 5, EPI),
    Scan("P001/M06/003-MR/defaced_e1", "gre_field_mapping", 1, {"EchoTime": TIMES[0]}),
    Scan("P001/M06/003-MR/defaced_e1_ph", "gre_field_mapping", 1, PHASE | {"EchoTime": TIMES[0]}),
    Scan("P001/M06/003-MR/defaced_e2_ph", "gre_field_mapping", 1, PHASE | {"EchoTime": TIMES[1]}),
    Scan("P001/M06/004-MR/defaced", "MoCoSeries fMRI", 4, {"ImageType": ["DERIVED", "M", "MOCO"]}),
]
OTHERS = [
    Scan("P002/M00/001-MR/defaced", "dMRI_b0_PA", 3, BACK, guess=("dwi", "_dir-PA_dwi")),
    Scan("P002/M00/002-MR/defaced", "dMRI_AP", 3, EPI, (0, 1000, 1000), ("dwi", "_dir-AP_dwi")),
    Scan("P002/M00/003-MR/defaced", "dMRI_AP_ADC", 1, ADC),
    Scan("P002/M00/004-MR/defaced", "dwi too few gradients", 3, EPI, (0, 1000)),
    Scan("P002/M00/005-MR/defaced", "topup", 2, EPI | {"SequenceName": "ep_b"}, (900, 900)),
    Scan("P002/M00/006-MR/defaced", "mp2rage_INV1", 1, {"InversionTime": 0.7}),
    Scan(
        "P002/M00/007-MR/defaced_ph", "gre T1", 1, PHASE | {"FlipAngle": 0, "SoftwareVersions": 11}
    ),
    Scan("P002/M00/007-MR/defaced_real", "gre T1"),
    Scan("P002/M00/008-MR/defaced", "T1 dynamic", 4, guess=("anat", "_T1w")),
    Scan("P002/M00/009-MR/defaced", "one volume", guess=("func", "_bold")),
    Scan("P002/M00/010-MR/defaced", "fmri other times", 4, volume_time=3.0),
    Scan("P002/M00/011-MR/defaced", "fmri odd", 4, EPI | {"SliceTiming": [0, 1, 2, 3]}),
    Scan("P002/M00/012-MR/defaced", "pcasl", 6, {"ArterialSpinLabelingType": "PCASL"}),
    Scan("P002/M00/013-MR/defaced", "asl m0", 1, {"RepetitionTimePreparation": 6}),
    Scan("P003/M00/001-CT/defaced", "CT", fields={"Modality": "CT"}),
    Scan(
        "P003/M00/002-PT/defaced", "PET dynamic", 2, {"Modality": "PT", "FrameDuration": [10, 10]}
    ),
    Scan("P004/M00/001-MR/defaced", "anat-scout_ses-01"),
    Scan("P004/M00/003-MR/defaced", "func_task-faces_run-01_SBRef", 1, EPI),
    Scan(
        "P004/M00/004-MR/defaced", "func_task-faces_run-01", 4, EPI | {"EffectiveEchoSpacing": 0.5}
    ),
    *_magnitudes("P004/M00/008-MR", "fmap_acq-4mm"),
    Scan("P004/M00/009-MR/defaced_e2_ph", "fmap_acq-4mm", 1, _DIFFERENCE),
    Scan("P004/M00/010-MR/defaced", "anat-T1w MPR sag", 1, {"ImageType": ["DERIVED", "M", "MPR"]}),
    Scan("P004/M00/011-MR/defaced", "it's #{odd}: 'x' | y"),
]
NAMES = """
P001_ses-M00 fmap dir-AP_run-1_epi dir-AP_run-2_epi dir-PA_run-1_epi dir-PA_run-2_epi magnitude1 magnitude2 phasediff
P001_ses-M00 func task-rest_run-1_echo-1_bold task-rest_run-1_echo-1_part-phase_bold task-rest_run-1_echo-2_bold
P001_ses-M00 func task-rest_run-2_bold task-rest_sbref
P001_ses-M06 fmap magnitude1 phase1 phase2
P001_ses-M06 func task-unknown_rec-moco_bold
P002_ses-M00 anat part-phase_T1w part-real_T1w
P002_ses-M00 dwi dir-AP_dwi
P002_ses-M00 fmap dir-PA_epi
P002_ses-M00 func task-unknown_bold
P003_ses-M00 ct ct
P004_ses-M00 fmap acq-4mm_magnitude1 acq-4mm_magnitude2 acq-4mm_phasediff
P004_ses-M00 func task-faces_bold task-faces_sbref
"""
"""Subject and session, data type, and what the images of these are called."""
REASONS = {
    "P001/M00/001-MR": "a localizer",
    "P001/M00/010-MR": "is alone",
    "P002/M00/003-MR": "a localizer, a derived image",
    "P002/M00/004-MR": "gradients do not fit",
    "P002/M00/005-MR": "without diffusion weighting",
    "P002/M00/006-MR": "NumberShots",
    "P002/M00/008-MR": "must be one volume",
    "P002/M00/009-MR": "more than one volume",
    "P002/M00/010-MR": "the repetition times",
    "P002/M00/012-MR": "asl needs MagneticFieldStrength",
    "P002/M00/013-MR": "m0scan is alone",
    "P003/M00/002-PT": "TracerName",
    "P004/M00/001-MR": "a localizer",
    "P004/M00/010-MR": "a localizer, a derived image",
    "P004/M00/011-MR": "no rule fits",
}
"""Why series have no name."""
