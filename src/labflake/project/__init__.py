"""The project: its folder, experiments, settings, and what git says of it."""
