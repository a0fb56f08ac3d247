"""What happens to an encoder before the pipeline is trained: getting it, its vocabulary, training it further."""
