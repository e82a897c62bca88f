"""The texts of notices: to users in plain words, to developers with the names of what is theirs."""
