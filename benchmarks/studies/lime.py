"""LIME beside the real lime: errors against what infinitely many draws of lime's own scheme would answer."""
