"""What crosses to the browser: the schema, its encoding and the generated TypeScript types."""
