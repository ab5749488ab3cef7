"""The studies. Importing this registers them in the order in which they are run."""

from studies import lime, lime_masks, shapley  # noqa: F401
