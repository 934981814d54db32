"""How does a list leave as a file? CSV as French Excel reads it, or a workbook; nothing in it is ever taken for a formula."""

import csv
import io
import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

import xlsxwriter
from flask import Response
from flask_babel import get_locale
from flask_login import current_user

from app.audit.operations import note_export
from app.core import clock
from app.core.i18n import _

TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
#: A cell that begins with one of these is a formula to a spreadsheet (OWASP, CSV injection).
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def exported(kind, title, labels, rows, *, noun):
    """The response that carries a list as a file; the log notes who took it."""
    content = {"csv": as_csv, "xlsx": as_workbook}[kind](labels, rows)
    note_export(noun, len(rows), title, by=current_user)
    words = re.findall("[a-z0-9]+", unicodedata.normalize("NFKD", str(title).lower()).encode("ascii", "ignore").decode())
    response = Response(content, content_type=TYPES[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="{"-".join(words)}-{clock.today():%Y-%m-%d}.{kind}"'
    return response


def as_csv(labels, rows):
    """Semicolons and a byte order mark: a double click opens it with its accents in French Excel."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    for row in (labels, *rows):
        writer.writerow([as_text(value) if isinstance(value, Decimal) else harmless(as_text(value)) for value in row])
    return "\ufeff" + out.getvalue()


def as_workbook(labels, rows):
    """A workbook whose first line stays in sight and filters."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
    day, money = book.add_format({"num_format": "dd/mm/yyyy"}), book.add_format({"num_format": "#,##0.00"})
    sheet.write_row(0, 0, labels, bold)
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, date) and not isinstance(value, datetime):
                sheet.write_datetime(number, column, datetime(value.year, value.month, value.day), day)
            elif isinstance(value, Decimal):
                sheet.write_number(number, column, value, money)
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                sheet.write_number(number, column, value)
            else:
                sheet.write_string(number, column, as_text(value))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, len(rows)), max(0, len(labels) - 1))
    sheet.autofit(300)
    book.close()
    return out.getvalue()


def as_text(value):
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", "," if _in_french() else ".")
    if isinstance(value, datetime):
        return f"{clock.local(value):%d/%m/%Y %H:%M}" if value.tzinfo else f"{value:%d/%m/%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}" if _in_french() else value.isoformat()
    if isinstance(value, Enum) and hasattr(value, "label"):
        return str(value.label)
    return str(value)


def _in_french():
    return str(get_locale() or "fr").startswith("fr")


def harmless(text):
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(DANGEROUS) else text
