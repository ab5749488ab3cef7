"""DeepLIFT on any torch network."""
