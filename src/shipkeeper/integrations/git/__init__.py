"""Git repositories on this machine, read through the git program: tags, and files as they were at a tag."""
