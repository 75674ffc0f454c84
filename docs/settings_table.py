"""Writes the settings table of the README anew (`make docs`)."""

from pathlib import Path

from bot.core.settings import table

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- settings: `make docs` writes this -->\n", "<!-- end of settings -->"


def main() -> None:
    before, rest = README.read_text().split(BEGIN)
    README.write_text(f"{before}{BEGIN}{table()}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
