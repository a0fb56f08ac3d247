"""Links: from names to ids that are the same in all languages."""
