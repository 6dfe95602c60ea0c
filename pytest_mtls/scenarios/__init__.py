"""Known regressions of client certificates behind nginx: one file each, found by their names."""
