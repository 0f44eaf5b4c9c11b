"""What scripts/bench/peers.py measures wiretag against: the same full-size model in other engines.

- full_size.py  makes the model, with random weights, and every form of it that an engine wants.
- engines.py    the engines, each with one call for a batch and one for a list of texts.
- server.py     runs one engine in a process of its own that measures when it is told to.
- gemm.py       how fast this machine multiplies matrices: the floor under every engine.
"""
