"""What-if edits as data, and their pure application to an instance."""
