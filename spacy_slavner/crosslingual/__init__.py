"""What crosses languages: word vectors in one space, translation by dictionary, romanisation."""
