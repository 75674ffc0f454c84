"""Documents at the terminal become files that nobody else can read."""

import pytest

from bot.adapters.console.saving import save
from bot.commands import Document


def test_a_document_is_a_file_for_its_owner_alone_and_the_newest_wins(tmp_path):
    for content in (b"old and longer", b"new"):
        file = save(Document("a.txt", content), tmp_path / "data" / "exports")

    assert file == tmp_path / "data" / "exports" / "a.txt"
    assert file.read_bytes() == b"new"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(file.parent.iterdir()) == [file], "no half file is left"


def test_of_a_document_that_cannot_be_put_there_no_part_is_left(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match="a directory"):
        save(Document("a.txt", b"new"), tmp_path)

    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]
