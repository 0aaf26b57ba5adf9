#!/usr/bin/env python3
"""Reads with pydicom and SimpleITK what biplane's DICOM writers wrote, and compares values and geometry.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install SimpleITK pydicom numpy
    cargo build --release --example load_series
    /tmp/peers/bin/python benches/peers/dicom_read_back.py SERIES.zip|FOLDER [--program target/release/examples/load_series]
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import zipfile

import numpy as np
import pydicom
import SimpleITK as sitk


def ours(program, *words):
    out = subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def check_film(path, angle_deg, orientation):
    """The film that `load_series pair` wrote: pixel (column, row) holds column / 100 + row / 10."""
    film = pydicom.dcmread(path)
    row, col = np.mgrid[: film.Rows, : film.Columns]
    wanted = col / 100 + row / 10
    step = float(film.RescaleSlope)
    values = film.pixel_array * step + float(film.RescaleIntercept)
    assert abs(values - wanted).max() <= 0.51 * step + 1e-6, "pydicom reads other line integrals"
    itk = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
    assert abs(itk - wanted).max() <= 0.51 * step + 1e-6, "SimpleITK reads other line integrals"
    assert film.Modality == "XA" and film.PhotometricInterpretation == "MONOCHROME2"
    assert 180 + float(film.PositionerPrimaryAngle) == angle_deg
    assert float(film.DistanceSourceToDetector) == 1500 and float(film.DistanceSourceToPatient) == 1000
    assert list(film.ImagerPixelSpacing) == [2.6, 2.6]
    assert list(film.PatientOrientation) == orientation, film.PatientOrientation
    assert "simulated film" in film.ImageComments and "not for diagnosis" in film.ImageComments
    assert film.PixelIntensityRelationship == "LOG" and film.PixelIntensityRelationshipSign == -1
    return film


def check_series(folder, said, raw):
    """Every attribute that other programs place and scale a slice by."""
    voxels = np.fromfile(raw, dtype="<i2").reshape(said["dims"][::-1])
    slices = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda s: float(s.ImagePositionPatient[2]))
    for z, one in enumerate(slices):
        assert (one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) == voxels[z]).all()
        assert one.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert list(one.ImageType[:2]) == ["DERIVED", "SECONDARY"] and one.BurnedInAnnotation == "NO"
        assert one.SeriesInstanceUID.startswith("2.25.") and one.SOPInstanceUID.is_valid
        assert len(one.SeriesDescription) <= 64 and "not for diagnosis" in one.SeriesDescription
        assert "not for diagnosis" in one[0x0B1B, 0x1001].value and one[0x0B1B, 0x0010].value == "BIPLANE 1"
        np.testing.assert_allclose(one.ImagePositionPatient[2], said["origin"][2] + z * said["spacing"][2], atol=1e-9)
    assert len({one.SOPInstanceUID for one in slices}) == len(slices)
    assert len({one.FrameOfReferenceUID for one in slices}) == 1
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    assert (sitk.GetArrayFromImage(image) == voxels).all()
    np.testing.assert_allclose(image.GetSpacing(), said["spacing"], rtol=1e-9)
    np.testing.assert_allclose(image.GetOrigin(), said["origin"], atol=1e-6)
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-12)
    return len(slices)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("series", type=pathlib.Path)
    arguments.add_argument("--program", default="target/release/examples/load_series")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        ours(given.program, "pair", scratch)
        ap = check_film(scratch / "ap.dcm", 0, ["L", "F"])
        lateral = check_film(scratch / "lateral.dcm", 90, ["P", "F"])
        assert ap.StudyInstanceUID == lateral.StudyInstanceUID and ap.SOPInstanceUID != lateral.SOPInstanceUID
        print("films: pydicom and SimpleITK read the same line integrals; geometry as written")
        source = given.series
        if source.is_file():
            with zipfile.ZipFile(source) as archive:
                archive.extractall(scratch / "source")
            source = scratch / "source"
        written, raw = scratch / "written", scratch / "written.raw"
        ours(given.program, "expand", source, written, 40)
        count = check_series(written, ours(given.program, "dump", written, raw), raw)
        print(f"series: pydicom and SimpleITK read the same Hounsfield units and geometry in {count} slices")


if __name__ == "__main__":
    main()
