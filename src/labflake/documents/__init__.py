"""The parts of the document builder: from Markdown with Python cells to HTML and PDF."""
