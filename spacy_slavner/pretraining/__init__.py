"""What happens to an encoder before the pipeline is trained: getting it, cutting its vocabulary."""
