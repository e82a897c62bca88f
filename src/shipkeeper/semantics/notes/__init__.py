"""Change logs and migration documents taken apart: what people must know before a hop. Pure text in, records out."""
