"""The parts of the document builder: from Markdown with Python cells to HTML and PDF."""

FORMAT = 1  # changes when the same text and results give other bytes
