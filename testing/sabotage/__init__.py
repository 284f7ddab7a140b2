"""Tests the tests: breaks the shop on purpose, and requires that the named checker notices.

`python -m testing.sabotage` runs all of it. Nothing in `shop/` knows that it can be broken: a
sabotage is a setting, an option of Redis, or a patch that `launch` applies in a service's process.
"""
