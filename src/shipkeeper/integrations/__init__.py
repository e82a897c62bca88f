"""One folder per outside system: they know the vocabulary, the ports, semantics and knowledge, and not each other."""
