"""Faithfulness, stability and agreement of explanations."""
