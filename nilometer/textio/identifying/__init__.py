"""What a file is, by how it begins: the kinds of files that people have, and for each what to do with it.

May import ``domain.errors`` and nothing else. Begin with ``identify``; each other module is a table of kinds of one
family, and a new kind is a line in one of them.
"""
