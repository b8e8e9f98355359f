"""Text as the live view draws it: spans with a role, lines of spans, sparklines, bars, plots. No widgets here."""

from podprobe.tui.drawing.line import Line, Span, Target, blank, cut, fit, join, length, said, span, words
from podprobe.tui.drawing.marks import mark_of_health, mark_of_level, mark_of_severity, role_of_share
from podprobe.tui.drawing.plot import plot
from podprobe.tui.drawing.spark import bar, histogram_spark, spark

__all__ = [
    "Line",
    "Span",
    "Target",
    "bar",
    "blank",
    "cut",
    "fit",
    "histogram_spark",
    "join",
    "length",
    "mark_of_health",
    "mark_of_level",
    "mark_of_severity",
    "plot",
    "role_of_share",
    "said",
    "span",
    "spark",
    "words",
]
