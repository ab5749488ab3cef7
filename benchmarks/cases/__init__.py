"""The rows. Importing this registers them in the order of the table."""

from cases import images, text, tabular, shapley, memory, sizes, deeplift, dataset, gradients, games  # noqa: F401, I001 - the order of the table
from cases import metrics, curves, solving, live  # noqa: F401
