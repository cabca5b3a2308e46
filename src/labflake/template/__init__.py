"""The template that this project was made from: its versions, rendered and merged."""
