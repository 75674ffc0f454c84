"""Writes the settings table of settings.md anew (`make docs`)."""

from pathlib import Path

from bot.core.settings_table import table

PAGE = Path(__file__).with_name("settings.md")
BEGIN, END = "<!-- settings: `make docs` writes this -->\n", "<!-- end of settings -->"


def main() -> None:
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table()}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
