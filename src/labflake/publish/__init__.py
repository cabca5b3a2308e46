"""Results of an experiment, posted on the pull request of its branch."""
