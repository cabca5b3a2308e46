def qualities(path):
    with open(path) as file:
        return [float(line.split()[1]) for line in file if not line.startswith("#")]
