"""What tests of comparisons share: made-up records, what their tables mark, and a comparison from end to end."""

from manymodes.experiment.records import Record

COUNTS = ("updates", "examples_per_second", "seconds", "epochs", "judged_epoch")


def record(row, measures, seed=0):
    """Make up the record of a row; one with a configuration was trained."""
    if row.config is None:
        return Record({"seed": seed}, {}, measures, {}, {})
    made_with = {"seed": seed, "settings": row.config.check().to_json()}
    training = {"losses": {"loss": 1.0}, **dict.fromkeys(COUNTS, 3.0)}
    return Record(made_with, training, measures, {}, {})


def marked(tables):
    """Return (title, row, text) of the cells that are marked as bad; every row must have a cell for every column."""
    assert all(len(row) == len(table.headers) for table in tables for row in table.rows)
    return [(table.title, row[0].text, cell.text) for table in tables for row in table.rows for cell in row if cell.bad]


def compared(completed, main, tmp_path, stem, *options):
    """Run a comparison with one job; return what it printed, its Markdown and the names of its pictures."""
    out = tmp_path / "results"
    text = completed(main, "--out", out, "--work", tmp_path / "work", "--jobs", 1, *options)
    pictures = {path.name for path in (out / stem).glob("*.png")}
    return text, (out / f"{stem}.md").read_text(encoding="utf-8"), pictures
