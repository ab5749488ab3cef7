"""Methods beside each other: on one prediction, and over many rows."""

from jupyter_xai.comparing.entry import Entry
from jupyter_xai.comparing.many import benchmark, stream_benchmark
from jupyter_xai.comparing.one import compare
from jupyter_xai.comparing.result import Comparison
from jupyter_xai.comparing.run import Asked
from jupyter_xai.comparing.summary import BenchmarkView
from jupyter_xai.comparing.table import Benchmark, Difference, Record
from jupyter_xai.comparing.view import ComparisonView

__all__ = [
    "Asked",
    "Benchmark",
    "BenchmarkView",
    "Comparison",
    "ComparisonView",
    "Difference",
    "Entry",
    "Record",
    "benchmark",
    "compare",
    "stream_benchmark",
]
