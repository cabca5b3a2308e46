"""The data of an experiment: where it comes from, and the gate that verifies it."""
