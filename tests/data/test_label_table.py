from pathlib import Path

import pytest

from gan_lab.data.label_table import LabelTable
from gan_lab.utils.errors import UserError


def table(tmp_path: Path, content: str | bytes) -> LabelTable:
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return LabelTable(str(path), tmp_path)


def files(tmp_path: Path, *names: str) -> list[Path]:
    return [tmp_path / name for name in names]


@pytest.mark.parametrize(
    "content",
    [
        "file,class,age\na/1.png,cat,3\nb.png,dog,4\n",
        "\ufeffclass;age;file\r\ncat;3;a\\1.png\r\n\r\ndog;4;./b.png",
        "file\tage\tclass\na/1.png\t3\tcat\n\t\t\nb.png\t4\tdog",
        'file,"class",age\n"a/1.png"," cat ",3\nb.png,dog,4\n',
    ],
)
def test_cells_are_found_by_file_and_column(content: str, tmp_path: Path) -> None:
    found = table(tmp_path, content)
    assert sorted(found.columns) == ["age", "class"]
    of = files(tmp_path, "b.png", "a/1.png")
    assert found.cells("data.labels", "class", of) == ["dog", "cat"]
    assert found.cells("data.attributes=[age]", "age", of) == ["4", "3"]
    found.refuse_strangers(of)


def test_commas_quotes_and_line_ends_may_be_inside_a_cell(tmp_path: Path) -> None:
    found = table(tmp_path, 'file,class\n"a,1.png","cat ""big""\nand fat"\n')
    assert found.cells("data.labels", "class", files(tmp_path, "a,1.png")) == ['cat "big"\nand fat']


def test_letters_may_be_composed_or_not(tmp_path: Path) -> None:
    found = table(tmp_path, "file,class\nKu\u0308che.png,cat\n")
    assert found.cells("data.labels", "class", files(tmp_path, "K\u00fcche.png")) == ["cat"]


def test_a_table_may_lie_in_the_folder_of_the_images(tmp_path: Path) -> None:
    table(tmp_path, "file,class\na.png,cat\n")
    assert LabelTable("/nowhere/labels.csv", tmp_path).columns == ["class"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty; its first line names the columns: file,class"),
        ("\n\n", "is empty; its first line names the columns: file,class"),
        ("name,class\na,b\n", "has no column file, the path of an image in data.root; it has name, class"),
        ("file,class,class\n", "has 2 columns named class; rename them"),
        ("file,class\na.png,cat\nb.png\n", "line 3 has 1 of 2 cells"),
        ("file,class\na.png,cat,1\n", "line 2 has 3 of 2 cells"),
        ("file,class\n,cat\n", "line 2 has nothing in the column file"),
        ("file,class\na.png,cat\n./a.png,cat\n", "lines 2 and 3 are of the same file, a.png; remove one of them"),
        ("file,class\na.png,K\u00fcche\n".encode("latin-1"), "line 2 is no UTF-8 text; save the table as CSV in UTF-8"),
        ("file,class\na.png,cat\n".encode("utf-16"), "line 1 is no UTF-8 text; save the table as CSV in UTF-8"),
        ('file,class\na.png,"cat\n', "line 2 is no line of a table, unexpected end of data"),
    ],
)
def test_what_is_no_table_is_one_line(content: str | bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        table(tmp_path, content)
    assert str(caught.value) == f"data.labels={tmp_path}/labels.csv: {reason}"


def test_what_does_not_fit_the_images_is_one_line(tmp_path: Path) -> None:
    found = table(tmp_path, "file,class,age\na.png,cat,\nb.png,dog,2\n")
    option = f"data.labels={tmp_path}/labels.csv"
    with pytest.raises(UserError, match=r"line 2 has nothing in the column age$"):
        found.cells("data.labels", "age", files(tmp_path, "b.png", "a.png"))
    with pytest.raises(UserError) as caught:
        found.cells("data.attributes=[agee]", "agee", [])
    assert str(caught.value) == f"data.attributes=[agee]: {option} has no column agee. Did you mean age?"
    with pytest.raises(UserError) as caught:
        found.cells("data.labels", "class", files(tmp_path, "a.png", *(f"{number}.png" for number in range(5))))
    assert str(caught.value) == (
        f"{option}: has no line for 0.png, 1.png, 2.png and 2 more in data.root; add them, or remove the images"
    )
    with pytest.raises(UserError) as caught:
        found.refuse_strangers(files(tmp_path, "a.png"))
    assert str(caught.value) == f"{option}: b.png (line 3) can't be found among the images of data.root={tmp_path}"


def test_a_missing_table_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^data\.labels=/nowhere/x\.csv: can't be read, No such file or directory$"):
        LabelTable("/nowhere/x.csv", tmp_path)
    with pytest.raises(UserError, match=r"can't be read, "):
        LabelTable(str(tmp_path), tmp_path)
