"""The studies. Importing this registers them in the order in which they are run."""

from studies import lime, lime_masks, lime_tables, permutation, shapley  # noqa: F401
