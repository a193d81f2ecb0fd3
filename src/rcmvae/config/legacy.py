def is_legacy(raw): return False
