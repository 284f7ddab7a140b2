"""Celery's own integration suite: does what passes on a plain worker pass on the shop's?

The suite comes from Celery's source distribution of the installed version, and is not copied into
the repository. Each test runs twice: with a worker of plain Celery, and with one that has all that
the shop installs into Celery. What is compared is the outcome of each test.
"""
