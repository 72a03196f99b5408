"""Finding what the reader named, or saying where we looked."""

from os import PathLike
from pathlib import Path


def existing_file(path: str | PathLike[str]) -> Path:
    """The file at `path`, as an absolute Path; FileNotFoundError if there is none."""
    # Absolute, because a message that names the full path shows a wrong working directory at once.
    file = Path(path).absolute()
    if file.is_dir():
        raise FileNotFoundError(f"{file} is a folder, but a file was expected. Name the file inside it.")
    if not file.exists():
        raise FileNotFoundError(f"There is no file {file}. Check the spelling, or give the full path.")
    return file


def existing_folder(path: str | PathLike[str]) -> Path:
    """The folder at `path`, as an absolute Path; FileNotFoundError if there is none."""
    folder = Path(path).absolute()
    if folder.is_file():
        raise FileNotFoundError(f"{folder} is a file, but a folder was expected. Name the folder it lies in.")
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {folder}. Check the spelling, or give the full path.")
    return folder
