"""What a feature is and what its absence means, for tables, texts and images."""
