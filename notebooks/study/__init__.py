"""The set-up of ``study.ipynb``: its pictures, networks, measurements, claims and figures.

``python -m study`` from the folder of the notebooks runs the whole study and can be stopped and started again at any
time: what is measured is kept in ``notebooks/.study``.
"""

from study.claims import CLAIMS, Finding, disagreements, leaders, preferable
from study.data import Pictures, digits, fashion
from study.figures import agreement_of_metrics, class_grid, judged_by
from study.measure import CELLS, METHODS, OTHERS, PIXELS, Study, explained, judges, measure, methods
from study.networks import accuracy, of_digits, of_fashion, report, trained, vgg
from study.page import claims_table, doubtful, means_table, preferable_table, write_page
from study.setting import Setting

__all__ = [
    "CELLS",
    "CLAIMS",
    "METHODS",
    "OTHERS",
    "PIXELS",
    "Finding",
    "Pictures",
    "Setting",
    "Study",
    "accuracy",
    "agreement_of_metrics",
    "claims_table",
    "class_grid",
    "digits",
    "disagreements",
    "doubtful",
    "explained",
    "fashion",
    "judged_by",
    "judges",
    "leaders",
    "means_table",
    "measure",
    "methods",
    "of_digits",
    "of_fashion",
    "preferable",
    "preferable_table",
    "report",
    "trained",
    "vgg",
    "write_page",
]
