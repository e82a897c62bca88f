"""What is in the way, and what must be done by when. Pure: inventories in, findings and due work out."""
