"""What decides the result of a program besides its inputs: code and packages."""
