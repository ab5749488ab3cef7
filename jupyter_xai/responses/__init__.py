"""Response curves, removal curves and the nearest flip."""
