"""Documents for tests: sources with every feature, and sources that are wrong."""
