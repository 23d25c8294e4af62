"""Is all well? What needs a person, and what does not move by itself any more?"""
