"""What people say, do and learn around maintenance."""
