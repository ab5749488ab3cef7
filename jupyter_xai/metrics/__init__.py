"""Metrics of explanations, whatever kernel made them: faithfulness, stability, agreement, sanity."""

from jupyter_xai.metrics._measure import Measure
from jupyter_xai.metrics.agreement import Likeness, agreement, likeness
from jupyter_xai.metrics.areas import Removal, removal
from jupyter_xai.metrics.faithfulness import completeness_gap, local_fidelity, log_odds_drop
from jupyter_xai.metrics.infidelity import infidelity
from jupyter_xai.metrics.projection import onto
from jupyter_xai.metrics.road import impute, road
from jupyter_xai.metrics.sanity import SanityCheck, permuted_labels, randomised_layers
from jupyter_xai.metrics.stability import across_random_states, max_sensitivity, stability
from jupyter_xai.metrics.subject import Subject

__all__ = [
    "Likeness",
    "Measure",
    "Removal",
    "SanityCheck",
    "Subject",
    "across_random_states",
    "agreement",
    "completeness_gap",
    "impute",
    "infidelity",
    "likeness",
    "local_fidelity",
    "log_odds_drop",
    "max_sensitivity",
    "onto",
    "permuted_labels",
    "randomised_layers",
    "removal",
    "road",
    "stability",
]
