"""How the demonstration model is made: scripts/demo/train.py is the command, this is its parts.

- texts.py       reads data/: the training and held-out texts (no torch, tests use it too).
- augment.py     variants of a text: cropped, shuffled, decorated as posts in channels are (no torch).
- vocabulary.py  the WordPiece vocabulary of the training texts, and encoding with dropped matches.
- learning.py    pretraining by masked words, training, averaging, measuring.
- report.py      progress bar, confusion matrix.
"""
