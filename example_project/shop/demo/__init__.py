"""The demonstration: made-up data, and the processes that show the whole way of an order on one machine."""
