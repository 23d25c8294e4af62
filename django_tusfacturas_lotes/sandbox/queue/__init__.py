"""What happens to a comprobante once it is taken: it is issued, its notices are delivered, all is counted.

:mod:`.controls` is what a person or a test may do to it; :mod:`.backend` holds all of it under one lock.
"""
