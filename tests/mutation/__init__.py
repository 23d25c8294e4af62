"""Mutation testing of the core: `python -m tests.mutation --sample 50 --seed 1` (needs the extra `mutation`).

One random change at a time is made in a copy of the tree, and the tests that reach the changed line must notice it.
"""
