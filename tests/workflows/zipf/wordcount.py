import sys

from words import count

with open(sys.argv[1]) as book, open(sys.argv[2], "w") as dat:
    for word, number in count(book.read()):
        print(word, number, file=dat)
