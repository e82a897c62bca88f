"""One folder per outside system. They know the model, the ports, the semantics and the knowledge, and not each other."""
