"""Base forms of names: memory, a learned transducer, and rules over lemmas."""
