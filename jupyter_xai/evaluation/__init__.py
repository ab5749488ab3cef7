"""Predictor x masker: batches, row limit, out-of-memory halving, the pool of answers."""

from jupyter_xai.evaluation.calls import Block, Evaluation, check_batch_size, out_of_memory
from jupyter_xai.evaluation.masks import Coalitions, MaskEvaluation
from jupyter_xai.evaluation.pool import Pool
from jupyter_xai.evaluation.shelves import ask_instances

__all__ = [
    "Block",
    "Coalitions",
    "Evaluation",
    "MaskEvaluation",
    "Pool",
    "ask_instances",
    "check_batch_size",
    "out_of_memory",
]
