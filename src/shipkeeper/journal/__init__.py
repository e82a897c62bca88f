"""The durable record of a run: hash-chained, append-only, in memory for rehearsals and in SQLite for real runs."""
