"""One fault, many times over, with a figure for each promise that is about time or about counting.

`python -m testing.drills` runs them. A chaos run shows that faults do no harm when they come mixed;
a drill shows how long one kind of fault lasts, or how often it leaves something behind.
"""
