"""From an inventory to a plan: which nodes, in which batches and steps, in which window, and how short it could be."""
