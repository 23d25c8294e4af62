"""`python -m benchmarks`: what the app costs, each as a ratio within one run, with its goal."""
