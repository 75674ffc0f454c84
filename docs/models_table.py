"""Writes the table of models.md anew from the catalogue."""

from pathlib import Path

from workers.checkpoints.catalog import table

PAGE = Path(__file__).with_name("models.md")
BEGIN, END = "<!-- models: docs/models_table.py writes this -->\n", "<!-- end of models -->"


def main() -> None:
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table()}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
