"""Writes the tables of models anew from the catalogue: here, and in both READMEs."""

from pathlib import Path

from workers.checkpoints.catalog import short_table, table

HERE = Path(__file__).parent
TABLES = {
    HERE / "models.md": table(),
    HERE.parent / "README.md": short_table("en"),
    HERE.parent / "README.zh.md": short_table("zh"),
}
BEGIN, END = "<!-- models: docs/models_table.py writes this -->\n", "<!-- end of models -->"


def main() -> None:
    for page, rows in TABLES.items():
        before, rest = page.read_text("utf-8").split(BEGIN)
        page.write_text(f"{before}{BEGIN}{rows}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
