import gzip
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.data import listing, medical, places
from tests.data.test_sources import zipped

pydicom = pytest.importorskip("pydicom", reason="the extra medical is not installed")
nibabel = pytest.importorskip("nibabel", reason="the extra medical is not installed")


def shipped(name: str) -> Path:
    """A file in pydicom's package."""
    return Path(pydicom.__file__).parent / "data/test_files" / name


def dicom(path: Path, pixels: np.ndarray, **tags: Any) -> Path:
    """A DICOM file of 16 bits."""
    found = pydicom.dcmread(shipped("MR_small.dcm"))
    found.PixelData = pixels.astype("<i2" if pixels.dtype.kind == "i" else "<u2").tobytes()
    rows, columns = pixels.shape[-2:]
    sign = int(pixels.dtype.kind == "i")
    values = {"Rows": rows, "Columns": columns, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": sign}
    for name, value in (values | tags).items():
        setattr(found, name, value)
    found.save_as(path)
    return path


def only(path: Path) -> np.ndarray:
    """The values of a file's one image."""
    source = places.at(str(path), "data.root")
    (name,) = source.find(listing.log.log)
    array = source.array(name)
    assert array is not None
    return array


def test_a_ct_is_in_hounsfield_units() -> None:
    pixels = only(shipped("CT_small.dcm"))
    stored = pydicom.dcmread(shipped("CT_small.dcm")).pixel_array.astype(int)
    assert pixels.shape == (128, 128, 1)
    assert np.array_equal(pixels[:, :, 0], stored - 1024)
    assert pixels.dtype == np.int32


def test_rescaled_values_need_not_be_whole(tmp_path: Path) -> None:
    stored = np.arange(12, dtype=np.uint16).reshape(3, 4)
    pixels = only(dicom(tmp_path / "a.dcm", stored, RescaleSlope=0.5, RescaleIntercept=-1))
    assert np.array_equal(pixels[:, :, 0], stored / 2 - 1)


def test_where_the_smallest_value_is_white_values_are_turned(tmp_path: Path) -> None:
    stored = np.array([[0, 1, 4095]], dtype=np.uint16)
    assert only(dicom(tmp_path / "a.dcm", stored, PhotometricInterpretation="MONOCHROME1")).ravel().tolist() == [
        4095,
        4094,
        0,
    ]
    signed = np.array([[-2048, 0, 2047]], dtype=np.int16)
    assert only(dicom(tmp_path / "b.dcm", signed, PhotometricInterpretation="MONOCHROME1")).ravel().tolist() == [
        2047,
        -1,
        -2048,
    ]


@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [
        ("MR_small.dcm", (64, 64, 1), np.int16),
        ("MR_small_RLE.dcm", (64, 64, 1), np.int16),
        ("MR_small_bigendian.dcm", (64, 64, 1), np.int16),
        ("examples_rgb_color.dcm", (240, 320, 3), np.uint8),
        ("SC_rgb_rle_16bit.dcm", (100, 100, 3), np.uint16),
        ("examples_palette.dcm", (350, 800, 3), np.uint8),
        ("SC_ybr_full_422_uncompressed.dcm", (100, 100, 3), np.uint8),
    ],
)
def test_the_kinds_of_files_that_pydicom_ships(name: str, shape: tuple[int, ...], dtype: Any) -> None:
    pixels = only(shipped(name))
    assert pixels.shape == shape
    assert np.dtype(pixels.dtype).newbyteorder("=") == dtype
    assert np.ptp(pixels) > 0


def test_frames_are_images(tmp_path: Path) -> None:
    source = places.at(str(shipped("SC_rgb_rle_2frame.dcm")), "data.root")
    first, second = source.find(listing.log.log)
    assert (first.name, second.name) == ("SC_rgb_rle_2frame#000.dcm", "SC_rgb_rle_2frame#001.dcm")
    assert source.volume(second) == shipped("SC_rgb_rle_2frame.dcm")
    both = pydicom.dcmread(shipped("SC_rgb_rle_2frame.dcm")).pixel_array
    for name, pixels in zip((first, second), both, strict=True):
        assert np.array_equal(source.array(name), pixels)


VOLUME = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)  # left to right, back to front, below to above


def volume(path: Path, values: np.ndarray = VOLUME, affine: Any = (1, 1, 1, 1), **options: Any) -> Path:
    image = nibabel.Nifti1Image(values, np.diag(affine).astype(float), **options)
    path.write_bytes(gzip.compress(image.to_bytes()) if path.suffix == ".gz" else image.to_bytes())
    return path


def cut(path: Path, axis: int) -> list[np.ndarray]:
    source = places.at(str(path), "data.root", axis)
    arrays = [source.array(name) for name in source.find(listing.log.log)]
    source.release()
    return [array for array in arrays if array is not None]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_is_cut_along_an_axis(axis: int, name: str, tmp_path: Path) -> None:
    slices = cut(volume(tmp_path / name), axis)
    assert len(slices) == VOLUME.shape[axis]
    for index, image in enumerate(slices):
        plane = VOLUME.take(index, axis)
        assert np.array_equal(image[:, :, 0], plane.T[::-1]), "the second of the other axes goes up"


def test_how_a_volume_was_stored_makes_no_difference(tmp_path: Path) -> None:
    turned = volume(tmp_path / "b.nii", VOLUME[::-1], (-1, 1, 1, 1))
    assert np.array_equal(cut(turned, 2), cut(volume(tmp_path / "a.nii"), 2))


def test_a_fourth_axis_is_channels(tmp_path: Path) -> None:
    slices = cut(volume(tmp_path / "a.nii", np.stack([VOLUME, -VOLUME], 3)), 2)
    assert slices[0].shape == (3, 2, 2)
    assert np.array_equal(slices[1][:, :, 0], -slices[1][:, :, 1])


def test_scaled_values_are_in_their_units(tmp_path: Path) -> None:
    content = bytearray(volume(tmp_path / "a.nii").read_bytes())
    content[112:120] = np.array([0.5, -3], "<f4").tobytes()  # slope and intercept in the header
    (tmp_path / "a.nii").write_bytes(content)
    assert np.array_equal(cut(tmp_path / "a.nii", 0)[1][:, :, 0], (VOLUME[1] * 0.5 - 3).T[::-1])


def test_volumes_in_a_zip_are_cut_too(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"sick/one.nii.gz": volume(tmp_path / "x.nii.gz").read_bytes()})
    source = places.at(str(path), "data.root")
    names = source.find(listing.log.log)
    assert [name.name for name in names] == [f"one#00{index}.nii.gz" for index in range(4)]
    assert np.array_equal(source.array(names[2]), cut(tmp_path / "x.nii.gz", 2)[2])
    assert source.state(names[0]) == source.state(names[3])


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.dcm"])
def test_a_damaged_file_is_one_image_that_can_not_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind" * 100)
    source = places.at(str(tmp_path), "data.root")
    (only,) = source.find(listing.log.log)
    with pytest.raises(Exception, match=r"."):
        source.array(only)


def test_without_the_extra_such_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(medical, "is_installed", lambda: False)
    (tmp_path / "a.png").touch()
    volume(tmp_path / "b.nii.gz")
    caplog.set_level(logging.INFO)
    places.at(str(tmp_path), "data.root").find(listing.log.log)
    assert "not used: 1 .nii.gz (pip install 'gan-lab-lightning[medical]')" in caplog.text
