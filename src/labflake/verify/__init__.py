"""Build an experiment a second time, somewhere else, and compare what came out."""
