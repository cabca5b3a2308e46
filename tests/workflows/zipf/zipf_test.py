import sys

from words import load

for path in sys.argv[1:]:
    first, second = (number for _, number in load(path)[:2])
    print(path, first, second, round(first / second, 2))
