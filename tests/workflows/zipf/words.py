from collections import Counter


def count(text):
    return Counter(text.lower().split()).most_common()


def load(path):
    with open(path) as file:
        return [(line.split()[0], int(line.split()[1])) for line in file]
