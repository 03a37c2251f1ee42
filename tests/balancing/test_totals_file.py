"""A file of totals and the command: what they read, what they write, and that nothing is left of what failed."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from test_balanced import distorted, world

from iomodel.balancing.drafts import make_draft, read_draft
from iomodel.balancing.totals_file import read_totals
from iomodel.cli import main
from iomodel.errors import BalanceError
from iomodel.table import load_table

HEAD = "side,region,sector,value,hardness\n"
ROWS = "row,AAA,g,93,hard\nrow,AAA,s,114,\nrow,BBB,g,148,hard\nrow,BBB,s,201,hard\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "totals.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_kind_of_total_is_read(tmp_path: Path) -> None:
    """Sellers, a factor, uses of final demand with a softness, and a free one."""
    uses = "column,AAA,household,140,0.1\ncolumn,AAA,inventories,,free\ncolumn,BBB,household,200,\n"
    text = (
        HEAD + ROWS + uses + "column,BBB,inventories,3,0.5\nrow,,compensation,200,hard\nrow,,operating_surplus,7,free\n"
    )
    totals = read_totals(written(tmp_path, text), make_draft(distorted(world())))
    np.testing.assert_array_equal(totals.rows, [93, 114, 148, 201, 200, np.nan])
    np.testing.assert_array_equal(totals.columns, [np.nan] * 4 + [140, np.nan, 200, 3])
    np.testing.assert_array_equal(totals.column_softness[4:], [0.1, np.inf, 0, 0.5])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "no column side, region, sector, value; allowed: side, region, sector, value, hardness"),
        (HEAD, "holds no total"),
        ("side,region,sector,value,hardnes\n" + ROWS, "unknown column 'hardnes'; .* Did you mean"),
        (HEAD + "rows,AAA,g,1,hard\n", "line 2, column side: found 'rows'; allowed: row or column"),
        (
            HEAD + ROWS + "row,AAA,q,1,hard\n",
            "line 6: the draft has no row AAA, q; allowed: .region, sector., such as AAA, g; .factor",
        ),
        (HEAD + ROWS + "row,AAA,g,1,hard\n", "line 6: row AAA, g stands in line 2 already"),
        (HEAD + "row,AAA,g,12%,hard\n", "line 2, column value: found '12%'; allowed: a finite number"),
        (HEAD + "row,AAA,g,,hard\n", "line 2, column value: found ''"),
        (HEAD + "row,AAA,g,1,firm\n", "line 2, column hardness: found 'firm'; allowed: hard, free, or a softness"),
        (HEAD + "row,AAA,g,1,-1\n", "line 2, column hardness: found '-1'"),
        (HEAD + "row,AAA,g,1,hard,more\n", "line 2: more cells than columns"),
        (
            HEAD + "row,AAA,g,1,hard\n",
            "of the rows over .*, 3 of 4 have no total: AAA, s; BBB, g; BBB, s. Give every",
        ),
    ],
)
def test_a_line_that_cannot_be_is_named(tmp_path: Path, text: str, error: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BalanceError, match=error) as caught:
        read_totals(path, make_draft(distorted(world())))
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BalanceError, match=r"There is no file .*totals.csv; name a CSV with the columns side, region"):
        read_totals(tmp_path / "totals.csv", make_draft(distorted(world())))
    with pytest.raises(BalanceError, match=r"There is no file .*draft.nc; name a NetCDF file with a draft"):
        read_draft(tmp_path / "draft.nc")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "totals.csv").write_bytes(b"side,region\n\xff\xfe")
    with pytest.raises(BalanceError, match="no readable CSV file"):
        read_totals(tmp_path / "totals.csv", make_draft(distorted(world())))


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., int]:
    """Run `iomodel balance` on a distorted draft in a folder of its own."""
    distorted(world()).drop_attrs().assign_attrs(name="two", year=2020, unit="million").to_netcdf(
        tmp_path / "draft.nc", engine="h5netcdf"
    )

    def run(text: str, *more: str) -> int:
        asked = [str(tmp_path / "draft.nc"), "--totals", str(written(tmp_path, text))]
        return main(["balance", *asked, "--out", str(tmp_path / "out" / "balanced.nc"), *more])

    return run


def test_the_command_writes_a_table_and_says_what_moved(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(HEAD + ROWS) == 0
    table = load_table(tmp_path / "out" / "balanced.nc")
    np.testing.assert_allclose(table.output.values.ravel(), [93, 114, 148, 201], rtol=1e-9)
    said = capsys.readouterr().out
    assert said.startswith("method gras: ")
    assert "moved most:\n  " in said
    assert said.rstrip().endswith("balanced.nc")


@pytest.mark.parametrize(
    ("text", "more", "code", "error"),
    [
        (HEAD + ROWS, ("--method", "grass"), 2, "There is no method 'grass'"),
        (HEAD + ROWS, ("--tolerance", "tiny"), 2, "tolerance is 'tiny'"),
        (HEAD + ROWS.replace("93,hard", "93,0.1"), (), 2, "takes hard totals only"),
        (HEAD + ROWS.replace("93", "-93"), (), 2, "row AAA, g: target -93"),
    ],
)
def test_what_fails_leaves_nothing_behind(
    command: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    more: tuple[str, ...],
    code: int,
    error: str,
) -> None:
    assert command(text, *more) == code
    assert error in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["draft.nc", "totals.csv"]


@pytest.mark.parametrize(
    ("out", "error"),
    [
        ("draft.nc", "--out: found .*draft.nc', which is the draft itself; allowed: another file"),
        ("balanced.csv", "--out: found .*balanced.csv'; allowed: the name of a NetCDF file, such as balanced.nc"),
    ],
)
def test_a_place_where_no_table_can_go_is_refused(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, error: str
) -> None:
    before = (tmp_path / "draft.nc").read_bytes()
    assert command(HEAD + ROWS, "--out", str(tmp_path / out)) == 2
    assert re.search(error, capsys.readouterr().err)
    assert (tmp_path / "draft.nc").read_bytes() == before
    assert not (tmp_path / "balanced.csv").exists()


def test_a_matrix_is_a_draft_too(tmp_path: Path) -> None:
    labels = {"from": ["a", "b"], "to": ["x", "y"]}
    matrix = xr.DataArray([[1.0, 2], [3, 4]], coords=labels, dims=("from", "to"), name="trade")
    matrix.to_dataset().to_netcdf(tmp_path / "draft.nc", engine="h5netcdf")
    totals = written(tmp_path, HEAD + "row,,a,4,\nrow,,b,6,\ncolumn,,x,5,\ncolumn,,y,5,\n")
    out = tmp_path / "matrix.nc"
    assert (
        main(["balance", str(tmp_path / "draft.nc"), "--totals", str(totals), "--method", "ras", "--out", str(out)])
        == 0
    )
    with xr.open_dataset(out, engine="h5netcdf") as found:
        np.testing.assert_allclose(found["trade"].sum("to"), [4, 6])
        np.testing.assert_allclose(found["trade"].sum("from"), [5, 5])
        assert "balanced by ras" in found.attrs["history"]
