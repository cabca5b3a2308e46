"""The command line: which command and options its words mean."""
