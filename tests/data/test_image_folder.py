import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rcmvae.data import ImageFolder, load
from rcmvae.errors import DataError


def save(path: Path, pixels: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 5, 4)).astype(np.uint8)


@pytest.fixture
def root(tmp_path: Path, pixels: np.ndarray) -> Path:
    """Twelve images of ants, twelve of bees."""
    for i, image in enumerate(pixels):
        save(tmp_path / "insects" / ("ant" if i < 12 else "bee") / f"{i:02}.png", image)
    (tmp_path / "insects" / "ant" / "notes.txt").write_text("not an image")
    (tmp_path / "insects" / ".cache").mkdir()
    return tmp_path / "insects"


def test_classes_are_folders(root: Path, pixels: np.ndarray) -> None:
    dataset = load(ImageFolder(path=root))
    assert dataset.name == "insects"
    assert dataset.shape == (5, 4, 1)
    assert dataset.label_names == ("ant", "bee")
    raw = ImageFolder(path=root).read()
    np.testing.assert_array_equal(raw.train.x[..., 0], pixels)
    np.testing.assert_array_equal(raw.train.label, np.repeat([0, 1], 12))


def test_loose_images_are_unlabelled(root: Path, pixels: np.ndarray) -> None:
    save(root / "zzz.PNG", pixels[0])
    raw = ImageFolder(path=root).read()
    assert np.bincount(raw.train.label + 1).tolist() == [1, 12, 12]
    np.testing.assert_array_equal(raw.train.x[0, ..., 0], pixels[0])


def test_a_second_folder_for_testing(root: Path, tmp_path: Path, pixels: np.ndarray) -> None:
    save(tmp_path / "new" / "bee" / "a.png", pixels[3])
    raw = ImageFolder(path=root, test_path=tmp_path / "new").read()
    assert raw.test is not None
    assert raw.test.label.tolist() == [1]
    np.testing.assert_array_equal(raw.test.x[0, ..., 0], pixels[3])


def test_colour_is_kept_converted_or_refused_when_mixed(root: Path, pixels: np.ndarray) -> None:
    colourful = np.stack([pixels[0], pixels[1], pixels[2]], -1)
    save(root / "cat" / "a.png", colourful)
    with pytest.raises(DataError, match=r"a\.png is rgb, .*00\.png is grey\. Set data\.color to grey or rgb"):
        ImageFolder(path=root).read()
    rgb = ImageFolder(path=root, color="rgb").read().train.x
    np.testing.assert_array_equal(rgb[-1], colourful)
    np.testing.assert_array_equal(rgb[0], np.repeat(pixels[0][..., None], 3, -1))
    assert ImageFolder(path=root, color="grey").read().train.x.shape == (25, 5, 4, 1)
    assert ImageFolder(path=root / "cat").read().train.x.shape == (1, 5, 4, 3)


def test_sizes_have_to_agree_unless_resized(root: Path) -> None:
    save(root / "bee" / "wide.png", np.full((5, 9), 100, np.uint8))
    with pytest.raises(DataError, match=r"wide\.png has 5×9 pixels, .*00\.png has 5×4\. Set data\.resize"):
        ImageFolder(path=root).read()
    x = ImageFolder(path=root, resize=(7, 3)).read().train.x
    assert x.shape == (25, 7, 3, 1)
    assert (x[-1] == 100).all()


def test_cameras_orientation_is_respected(tmp_path: Path, pixels: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    save(tmp_path / "a.png", pixels[0], exif=exif)
    np.testing.assert_array_equal(
        ImageFolder(path=tmp_path).read().train.x[0, ..., 0], np.rot90(pixels[0], -1)
    )


@pytest.mark.parametrize("opaque", [True, False])
def test_transparency(tmp_path: Path, pixels: np.ndarray, *, opaque: bool) -> None:
    alpha = np.full_like(pixels[0], 255)
    if not opaque:
        alpha[2, 2] = 254
    save(tmp_path / "a.png", np.stack([*pixels[:3], alpha], -1))
    if opaque:
        np.testing.assert_array_equal(
            ImageFolder(path=tmp_path).read().train.x[0], np.stack([*pixels[:3]], -1)
        )
    else:
        with pytest.raises(DataError, match=r"a\.png has transparent pixels"):
            ImageFolder(path=tmp_path).read()


def test_sixteen_bits_are_not_clipped(tmp_path: Path) -> None:
    save(tmp_path / "deep.png", np.full((3, 3), 40_000, np.uint16))
    with pytest.raises(DataError, match=r"deep\.png has more than 8 bits per pixel"):
        ImageFolder(path=tmp_path).read()


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_several_frames_are_not_one_sample(root: Path, pixels: np.ndarray, suffix: str) -> None:
    more = [Image.fromarray(image) for image in pixels[1:3]]
    save(root / "bee" / f"moving.{suffix}", pixels[0], save_all=True, append_images=more)
    with pytest.raises(DataError, match=rf"bee/moving\.{suffix} has 3 frames or pages; a sample is a single"):
        ImageFolder(path=root).read()


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_one_frame_is_a_sample(tmp_path: Path, pixels: np.ndarray, suffix: str) -> None:
    save(tmp_path / f"still.{suffix}", pixels[0], save_all=True)
    assert len(ImageFolder(path=tmp_path).read().train) == 1


def test_what_a_camera_appends_to_a_photo_is_no_second_sample(tmp_path: Path, pixels: np.ndarray) -> None:
    save(
        tmp_path / "a.jpg", pixels[0], format="mpo", save_all=True, append_images=[Image.fromarray(pixels[1])]
    )
    assert ImageFolder(path=tmp_path).read().train.x.shape == (1, 5, 4, 1)


def test_a_damaged_animation_is_named(tmp_path: Path, pixels: np.ndarray) -> None:
    more = [Image.fromarray(pixels[1])]
    save(tmp_path / "a.png", pixels[0], save_all=True, append_images=more)
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content.replace(b"\x08acTL", b"\x04acTL"))
    with pytest.raises(DataError, match=r"a\.png cannot be read as an image"):
        ImageFolder(path=tmp_path).read()


def test_a_broken_link_is_not_passed_over(root: Path) -> None:
    (root / "ant" / "link.png").symlink_to(root / "absent.png")
    with pytest.raises(DataError, match=r"link\.png cannot be read as an image"):
        ImageFolder(path=root).read()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems only have names in UTF-8")
def test_a_class_whose_name_is_not_utf8(root: Path, pixels: np.ndarray) -> None:
    save(root / os.fsdecode(b"\xffant") / "a.png", pixels[0])
    with pytest.raises(DataError, match=r"is '\\udcffant'; a label is a whole number or a text \(in UTF-8\)"):
        ImageFolder(path=root).read()


@pytest.mark.parametrize("keep", [0, 20, 60])
def test_damaged_images_are_named(root: Path, keep: int) -> None:
    path = root / "ant" / "03.png"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"03\.png cannot be read as an image"):
        ImageFolder(path=root).read()


def test_folders_without_images(tmp_path: Path, root: Path) -> None:
    with pytest.raises(DataError, match="absent is no folder"):
        ImageFolder(path=tmp_path / "absent").read()
    (tmp_path / "empty").mkdir()
    (tmp_path / "split").mkdir()
    root.rename(tmp_path / "split" / "train")
    with pytest.raises(DataError, match=r"empty holds no images .* and no folders of images"):
        ImageFolder(path=tmp_path / "empty").read()
    with pytest.raises(DataError, match=r"train holds no images .*; every folder in .* stands for a class"):
        ImageFolder(path=tmp_path / "split").read()
