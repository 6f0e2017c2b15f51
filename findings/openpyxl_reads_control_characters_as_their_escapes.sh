#!/bin/sh
# openpyxl 3.1.5 and XlsxWriter 3.3.1: a control character in a cell, such as the vertical tab of a line that was broken by
# hand, stands in the file as its escape (`_x000B_`, ECMA-376 part 1, 22.9.2.19). openpyxl gives back the seven letters of
# the escape, and not the character. Of text that looks like an escape, which XlsxWriter writes as `_x005F_x000B_`, it takes
# the escape of the underscore off. So both come out alike, and which of them was written is not known any more.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "openpyxl==3.1.5" "xlsxwriter==3.3.1"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from openpyxl import load_workbook
from xlsxwriter import Workbook

written = ["two\x0blines", "two_x000B_lines"]
with Workbook("cells.xlsx") as book:
    book.add_worksheet().write_column(0, 0, written)
read = [cell.value for cell in load_workbook("cells.xlsx").active["A"]]
print(written, "is read as", read)
assert read == ["two_x000B_lines", "two_x000B_lines"], read
PYTHON
