"""From a journal to what people read and auditors verify: report, checklists, notices' words, offline verification."""
