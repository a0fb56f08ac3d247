"""What crosses scripts and languages: romanisation."""
