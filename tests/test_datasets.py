"""The data sets, against their published checksums and counts, and every way a file can disappoint."""

import gzip
import hashlib
import math
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from tinygrad_edu import datasets
from tinygrad_edu.datasets import and_gate, mnist, or_gate, read_csv, read_idx, workshop_line, xor

pytestmark = pytest.mark.filterwarnings("error")

PACKAGED = Path(datasets.__file__).with_name("mnist")

# Of the decompressed bytes, as published.
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

# Type byte and struct letter of each type an IDX file may hold.
IDX_TYPES = {
    "uint8": (0x08, "B"),
    "int8": (0x09, "b"),
    "int16": (0x0B, "h"),
    "int32": (0x0C, "i"),
    "float32": (0x0D, "f"),
    "float64": (0x0E, "d"),
}


def idx_bytes(values, shape, type_name="uint8"):
    """The bytes of an IDX file, written with struct alone."""
    code, letter = IDX_TYPES[type_name]
    header = struct.pack(">BBBB", 0, 0, code, len(shape)) + struct.pack(f">{len(shape)}I", *shape)
    return header + struct.pack(f">{len(values)}{letter}", *values)


def image_file(count):
    return idx_bytes([(i * 7) % 256 for i in range(count * 784)], (count, 28, 28))


def label_file(labels):
    return idx_bytes(labels, (len(labels),))


@pytest.fixture
def folder(tmp_path):
    """A folder of somebody's own: three images to train with, two to test with."""
    (tmp_path / "train-images-idx3-ubyte").write_bytes(image_file(3))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(label_file([7, 0, 9]))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(image_file(2))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(label_file([1, 2]))
    return tmp_path


@pytest.fixture
def csv(tmp_path):
    """Writes lines to a CSV file and returns its path."""

    def write(*lines, encoding="utf-8", end="\n"):
        path = tmp_path / "digits.csv"
        path.write_bytes("".join(line + end for line in lines).encode(encoding))
        return path

    return write


def csv_line(label="3", **pixels):
    """One line of 784 zero pixels; `p5="12"` puts 12 at pixel 5, counting from 1."""
    fields = ["0"] * 784
    for name, text in pixels.items():
        fields[int(name[1:]) - 1] = text
    return ",".join([label, *fields])


# By hand


def test_workshop_line_is_the_table_of_the_workshop():
    # The table as it stands in the workshop's README.
    table = """
        -2.0 4.4
        3.7 0.5
        4.7 -0.3
        1.0 1.4
        3.4 0.4
        1.9 1.4
        0.5 2.0
        3.7 0.5
        -3.7 5.6
        -1.4 3.5
    """
    x, y = workshop_line()
    assert [(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)] == [
        tuple(map(float, line.split())) for line in table.strip().splitlines()
    ]
    assert (x.dtype, y.dtype, x.shape, y.shape) == (np.float64, np.float64, (10,), (10,))


def test_workshop_line_has_the_slope_of_the_workshop():
    # The normal equations in exact tenths: the workshop prints y = -0.68x + 2.75, its table gives 2.74.
    x, y = ([round(10 * number) for number in numbers.tolist()] for numbers in workshop_line())
    sxy, sxx = sum(a * b for a, b in zip(x, y, strict=True)), sum(a * a for a in x)
    slope = (10 * sxy - sum(x) * sum(y)) / (10 * sxx - sum(x) ** 2)
    intercept = (sum(y) - slope * sum(x)) / 100
    assert (round(slope, 2), round(intercept, 2)) == (-0.68, 2.74)


@pytest.mark.parametrize(
    ("gate", "truth"), [(and_gate, lambda a, b: a & b), (or_gate, lambda a, b: a | b), (xor, lambda a, b: a ^ b)]
)
def test_gates_are_the_boolean_operations(gate, truth):
    x, y = gate()
    assert x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [truth(int(a), int(b)) for a, b in x]
    assert (x.dtype, y.dtype, x.shape, y.shape) == (np.float32, np.int64, (4, 2), (4,))


@pytest.mark.parametrize("table", [workshop_line, and_gate, or_gate, xor])
def test_changing_a_table_leaves_the_next_one_alone(table):
    before = [part.tolist() for part in table()]
    for part in table():
        part += 1
    assert [part.tolist() for part in table()] == before


# MNIST in the package


@pytest.fixture(scope="module")
def digits():
    return mnist()


@pytest.mark.parametrize("name", CHECKSUMS)
def test_packaged_files_are_the_published_ones(name):
    content = gzip.decompress((PACKAGED / f"{name}.gz").read_bytes())
    assert hashlib.sha256(content).hexdigest() == CHECKSUMS[name]


def test_readme_beside_the_files_names_authors_licence_and_checksums():
    readme = (PACKAGED / "README.md").read_text(encoding="utf-8")
    for words in ("Yann LeCun", "Corinna Cortes", "Christopher J. C. Burges", "CC BY-SA 3.0", *CHECKSUMS.values()):
        assert words in readme


def test_mnist_shapes_and_types(digits):
    assert digits._fields == ("train_images", "train_labels", "test_images", "test_labels")
    assert [part.shape for part in digits] == [(60000, 784), (60000,), (10000, 784), (10000,)]
    assert [part.dtype for part in digits] == [np.float32, np.int64, np.float32, np.int64]
    assert all(part.flags.c_contiguous and part.flags.writeable for part in digits)


def test_mnist_labels_are_the_known_ones(digits):
    assert digits.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digits.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # How often each digit occurs, as tabulated in the literature.
    train_counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test_counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(digits.train_labels).tolist() == train_counts
    assert np.bincount(digits.test_labels).tolist() == test_counts


def test_mnist_pixels_have_the_known_mean_and_spread(digits):
    assert round(float(digits.train_images.mean(dtype=np.float64)), 4) == 0.1307
    assert round(float(digits.train_images.std(dtype=np.float64)), 4) == 0.3081
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 1)


@pytest.mark.parametrize(("part", "index"), [("train", 0), ("t10k", 2)])
def test_mnist_pixels_are_the_bytes_of_the_file(digits, part, index):
    content = gzip.decompress((PACKAGED / f"{part}-images-idx3-ubyte.gz").read_bytes())
    expected = [np.float32(byte) / np.float32(255) for byte in content[16 : 16 + 5 * 784]]
    assert digits[index][:5].ravel().tolist() == expected
    whole = np.rint(digits[index].ravel() * 255).astype(np.uint8).tobytes()
    assert hashlib.sha256(content[:16] + whole).hexdigest() == CHECKSUMS[f"{part}-images-idx3-ubyte"]


def test_mnist_never_makes_a_float64_copy():
    tracemalloc.start()
    try:
        kept = mnist()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 220 MB are returned; one float64 copy of the training images alone would add 376 MB.
    assert peak < sum(part.nbytes for part in kept) + 60e6


# MNIST in a folder of one's own


def check_own_digits(folder):
    digits = mnist(folder)
    assert [part.shape for part in digits] == [(3, 784), (3,), (2, 784), (2,)]
    assert digits.train_labels.tolist() == [7, 0, 9]
    assert digits.test_labels.tolist() == [1, 2]
    assert digits.train_images[1, 2] == np.float32((786 * 7) % 256) / np.float32(255)


def test_own_folder_with_plain_files(folder):
    check_own_digits(folder)
    check_own_digits(str(folder))


def test_own_folder_with_compressed_files(folder):
    for file in list(folder.iterdir()):
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    check_own_digits(folder)


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_own_folder_spelled_with_a_dot(folder, packing):
    for file in list(folder.iterdir()):
        file.rename(folder / (file.name.replace("-idx", ".idx") + packing))
    check_own_digits(folder)


def test_own_folder_may_hold_no_images(folder):
    (folder / "t10k-images-idx3-ubyte").write_bytes(image_file(0))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(label_file([]))
    assert mnist(folder).test_images.shape == (0, 784)


def test_relative_folder_counts_from_the_working_directory(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    check_own_digits(folder.name)


def shown_alone(error):
    """Whether the traceback shows this error only, not the one inside the library that led to it."""
    return error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)


def refuse(error, call, *expected):
    """The call raises `error`, and its text is the expected pieces joined by spaces."""
    with pytest.raises(error, match="^" + re.escape(" ".join(expected)) + "$") as caught:
        call()
    assert type(caught.value) is error
    assert shown_alone(caught.value)


def test_missing_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse(
        FileNotFoundError,
        lambda: mnist("data/digits"),
        f"There is no folder {tmp_path / 'data' / 'digits'}. Check the spelling, or give the full path.",
    )


def test_file_in_place_of_a_folder(folder):
    file = folder / "train-images-idx3-ubyte"
    refuse(
        FileNotFoundError,
        lambda: mnist(file),
        f"{file} is a file, but a folder was expected. Name the folder it lies in.",
    )


def test_missing_file_in_the_folder(folder):
    (folder / "t10k-labels-idx1-ubyte").rename(folder / "test-labels")
    refuse(
        FileNotFoundError,
        lambda: mnist(folder),
        f"{folder} holds no test labels: a file called t10k-labels-idx1-ubyte.gz, t10k-labels-idx1-ubyte,",
        "t10k-labels.idx1-ubyte.gz or t10k-labels.idx1-ubyte was expected, but the folder holds",
        "t10k-images-idx3-ubyte, test-labels, train-images-idx3-ubyte, train-labels-idx1-ubyte.",
        "Put the file there under one of these names.",
    )


@pytest.mark.parametrize(
    ("count", "held"), [(0, "nothing"), (8, "0, 1, 2, 3, 4, 5, 6, 7"), (9, "0, 1, 2, 3, 4, 5, 6, 7, ...")]
)
def test_folder_of_other_things(tmp_path, count, held):
    for name in range(count):
        (tmp_path / str(name)).touch()
    refuse(
        FileNotFoundError,
        lambda: mnist(tmp_path),
        f"{tmp_path} holds no training images: a file called train-images-idx3-ubyte.gz, train-images-idx3-ubyte,",
        "train-images.idx3-ubyte.gz or train-images.idx3-ubyte was expected, but the folder holds",
        f"{held}. Put the file there under one of these names.",
    )


def test_counts_that_differ(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes(label_file([7, 0]))
    refuse(
        ValueError,
        lambda: mnist(folder),
        f"{folder / 'train-images-idx3-ubyte'} holds 3 images, but train-labels-idx1-ubyte beside it holds 2 labels.",
        "Every image needs one label: take both files from the same source.",
    )


@pytest.mark.parametrize(
    ("content", "held"),
    [
        (label_file([7, 0, 9]), "uint8 values of shape (3,)"),
        (idx_bytes(range(12), (3, 2, 2)), "uint8 values of shape (3, 2, 2)"),
        (idx_bytes([0.5] * 784, (1, 28, 28), "float32"), "float32 values of shape (1, 28, 28)"),
    ],
)
def test_image_file_with_something_else_in_it(folder, content, held):
    file = folder / "train-images-idx3-ubyte"
    file.write_bytes(content)
    refuse(
        ValueError,
        lambda: mnist(folder),
        f"{file} holds {held}, but images are uint8 values of shape (n, 28, 28).",
        "Check that images and labels have not changed places.",
    )


@pytest.mark.parametrize(
    ("content", "held"),
    [
        (image_file(3), "uint8 values of shape (3, 28, 28)"),
        (idx_bytes([1, 2, 3], (3,), "int32"), "int32 values of shape (3,)"),
    ],
)
def test_label_file_with_something_else_in_it(folder, content, held):
    file = folder / "train-labels-idx1-ubyte"
    file.write_bytes(content)
    refuse(
        ValueError,
        lambda: mnist(folder),
        f"{file} holds {held}, but labels are uint8 values of shape (n,).",
        "Check that images and labels have not changed places.",
    )


def test_label_that_is_no_digit(folder):
    file = folder / "train-labels-idx1-ubyte"
    file.write_bytes(label_file([7, 10, 26]))
    refuse(
        ValueError,
        lambda: mnist(folder),
        f"{file} gives image 1 the label 10, but a label is a digit, 0 to 9. Check that the labels are those of MNIST.",
    )


# IDX


@given(
    st.data(),
    st.sampled_from(sorted(IDX_TYPES)),
    arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    st.booleans(),
)
def test_idx_round_trip(tmp_path_factory, data, type_name, shape, compressed):
    values = data.draw(arrays_of.arrays(type_name, shape))
    content = idx_bytes(values.ravel().tolist(), shape, type_name)
    # A name that lies about compression: only the content may decide.
    path = tmp_path_factory.mktemp("idx") / ("values.bin" if compressed else "values.gz")
    path.write_bytes(gzip.compress(content) if compressed else content)
    result = read_idx(path)
    assert result.dtype.isnative
    assert result.flags.writeable
    np.testing.assert_array_equal(result, values, strict=True)


def test_idx_is_big_endian(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes.fromhex("00000b02 00000001 00000002 0102 fffe"))
    assert read_idx(path).tolist() == [[258, -2]]


def test_idx_missing_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse(
        FileNotFoundError,
        lambda: read_idx("labels"),
        f"There is no file {tmp_path / 'labels'}. Check the spelling, or give the full path.",
    )


def test_idx_folder_in_place_of_a_file(tmp_path):
    refuse(
        FileNotFoundError,
        lambda: read_idx(tmp_path),
        f"{tmp_path} is a folder, but a file was expected. Name the file inside it.",
    )


@pytest.mark.parametrize(
    ("content", "beginning"),
    [
        (b"<!DOCTYPE html>", "b'<!DO'"),
        (b"\x89PNG\r\n\x1a\n", "b'\\x89PNG'"),
        (b"\0\0\x07\x01\0\0\0\0", "b'\\x00\\x00\\x07\\x01'"),
        (b"\0\x01\x08\x01\0\0\0\0", "b'\\x00\\x01\\x08\\x01'"),
        (gzip.compress(b"5,0,0,0"), "b'5,0,'"),
    ],
)
def test_idx_foreign_file(tmp_path, content, beginning):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    refuse(
        ValueError,
        lambda: read_idx(path),
        f"{path} is not an IDX file: it begins with {beginning}, but an IDX file begins with two zero bytes,",
        "a type byte (08, 09, 0b, 0c, 0d, 0e in hexadecimal) and the number of dimensions.",
        "Check that this is the file you meant.",
    )


@pytest.mark.parametrize("length", range(16))
def test_idx_header_cut_short(tmp_path, length):
    path = tmp_path / "images"
    path.write_bytes(image_file(1)[:length])
    refuse(
        ValueError,
        lambda: read_idx(path),
        f"{path} is cut short: it ends after {length} bytes, inside its header. Get the file again.",
    )


@pytest.mark.parametrize(("change", "verdict"), [(-1, "cut short"), (-784, "cut short"), (1, "too long")])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_of_another_length_than_announced(tmp_path, change, verdict, pack):
    path = tmp_path / "images"
    content = image_file(1)
    path.write_bytes(pack(content[:change] if change < 0 else content + b"\0" * change))
    refuse(
        ValueError,
        lambda: read_idx(path),
        f"{path} is {verdict}: its header announces uint8 values of shape (1, 28, 28), which take 784 bytes,",
        f"but {784 + change} bytes follow. Get the file again.",
    )


def test_idx_counts_bytes_not_values(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(idx_bytes([1.5, 2.5], (2,), "float64")[:-1])
    refuse(
        ValueError,
        lambda: read_idx(path),
        f"{path} is cut short: its header announces float64 values of shape (2,), which take 16 bytes,",
        "but 15 bytes follow. Get the file again.",
    )


def test_idx_every_truncated_gzip_stream_is_refused(tmp_path):
    path = tmp_path / "images.gz"
    whole = gzip.compress(image_file(1))
    for length in range(2, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is a damaged gzip file") as caught:
            read_idx(path)
        assert str(caught.value).startswith(f"{path} is a damaged gzip file: ")
        assert str(caught.value).endswith(". Perhaps a download broke off; get the file again.")
        assert shown_alone(caught.value)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_idx_damaged_gzip_stream(tmp_path, position):
    # A wrong method, a wrong block type, a wrong checksum: three different exceptions of the standard library.
    path = tmp_path / "images.gz"
    whole = bytearray(gzip.compress(image_file(1), mtime=0))
    whole[[2, 10, -5][position]] ^= 0xFF
    path.write_bytes(whole)
    reason = ["Unknown compression method", "Error -3 while decompressing", "CRC check failed"][position]
    with pytest.raises(ValueError, match=re.escape(f"{path} is a damaged gzip file: {reason}")):
        read_idx(path)


# CSV


def test_csv_reads_labels_and_pixels(csv):
    images, labels = read_csv(csv(csv_line("5", p1="255", p2="51"), csv_line("0", p784="1")))
    assert labels.tolist() == [5, 0]
    assert (images.dtype, labels.dtype, images.shape) == (np.float32, np.int64, (2, 784))
    expected = np.zeros((2, 784))
    expected[0, :2], expected[1, 783] = [1, 0.2], 1 / 255
    np.testing.assert_array_equal(images, expected.astype(np.float32))


def test_csv_of_mnist_equals_mnist(csv, digits):
    content = gzip.decompress((PACKAGED / "t10k-images-idx3-ubyte.gz").read_bytes())
    lines = [
        ",".join(map(str, [label, *content[16 + 784 * i : 16 + 784 * (i + 1)]]))
        for i, label in enumerate(digits.test_labels[:50].tolist())
    ]
    images, labels = read_csv(csv(*lines))
    np.testing.assert_array_equal(images, digits.test_images[:50])
    np.testing.assert_array_equal(labels, digits.test_labels[:50])


@pytest.mark.parametrize("writing", [{"end": "\r\n"}, {"encoding": "utf-8-sig"}, {"end": "\n\n"}, {"end": " \n"}])
def test_csv_as_other_programs_write_it(csv, writing):
    images, labels = read_csv(csv(csv_line("1", p3=" 255"), csv_line("2"), **writing))
    assert (labels.tolist(), images[0, 2], math.fsum(images.ravel())) == ([1, 2], 1, 1)


def test_csv_without_a_last_newline(tmp_path):
    (tmp_path / "digits.csv").write_text(csv_line("8"))
    assert read_csv(str(tmp_path / "digits.csv"))[1].tolist() == [8]


def test_csv_missing_file(tmp_path):
    path = tmp_path / "digits.csv"
    refuse(
        FileNotFoundError,
        lambda: read_csv(path),
        f"There is no file {path}. Check the spelling, or give the full path.",
    )


@pytest.mark.parametrize("lines", [(), ("", "  ")])
def test_csv_without_images(csv, lines):
    path = csv(*lines)
    refuse(
        ValueError,
        lambda: read_csv(path),
        f"{path} holds no images: every line is blank. Check that this is the file you meant.",
    )


@pytest.mark.parametrize(
    ("line", "found", "beginning"),
    [
        ("5,0,0", 3, "'5,0,0'"),
        (csv_line() + ",0", 786, f"'3{',0' * 19},...'"),
        (csv_line().replace(",", ";"), 1, f"'3{';0' * 19};...'"),
        (csv_line()[2:], 784, f"'0{',0' * 19},...'"),
    ],
)
def test_csv_with_another_number_of_columns(csv, line, found, beginning):
    path = csv(csv_line(), "", line)
    refuse(
        ValueError,
        lambda: read_csv(path),
        f"{path}, line 3: expected 785 columns (a label and 784 pixels, separated by commas), found {found}.",
        f"The line begins with {beginning}. Write each image of 28 by 28 pixels on one line.",
    )


@pytest.mark.parametrize("text", ["256", "-1", "0.5", "12.0", "", "ink", "nan", "1 2", "0x1f"])
def test_csv_pixel_that_is_no_byte(csv, text):
    path = csv(csv_line(), csv_line(p784=text, p783="255"))
    refuse(
        ValueError,
        lambda: read_csv(path),
        f"{path}, line 2: pixel 784 is {text!r}, expected a whole number from 0 to 255.",
        "Correct column 785 of this line.",
    )


@pytest.mark.parametrize("text", ["10", "255", "256", "-1", "7.0", "", "seven"])
def test_csv_label_that_is_no_digit(csv, text):
    path = csv(csv_line(), csv_line(text))
    refuse(
        ValueError,
        lambda: read_csv(path),
        f"{path}, line 2: the label is {text!r}, expected a whole number from 0 to 9. Correct column 1 of this line.",
    )


def test_csv_with_a_header(csv):
    path = csv(",".join(["label", *(f"pixel{i}" for i in range(784))]), csv_line())
    refuse(
        ValueError,
        lambda: read_csv(path),
        f"{path}, line 1: the label is 'label', expected a whole number from 0 to 9.",
        "If this line is a header, delete it: the form has none.",
    )


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 40 + "..."), (5000, "x" * 40 + "...")])
def test_csv_names_the_first_wrong_field(csv, length, shown):
    path = csv(csv_line("9", p7="x" * length, p8="999"))
    refuse(
        ValueError,
        lambda: read_csv(path),
        f"{path}, line 1: pixel 7 is '{shown}', expected a whole number from 0 to 255.",
        "Correct column 8 of this line.",
    )


def test_csv_that_is_not_text(tmp_path):
    path = tmp_path / "digits.csv"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 1: expected 785 columns")):
        read_csv(path)
