"""What happens to an encoder before the pipeline: getting it, its vocabulary, training it further."""
