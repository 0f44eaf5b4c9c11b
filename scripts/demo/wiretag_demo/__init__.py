"""How the demonstration model is made: scripts/demo/train.py is the command, this is its parts.

- texts.py        reads data/: the training and held-out texts (no torch, tests use it too).
- posts.py        reads real posts, without their links (no torch).
- augment.py      variants of a text: cropped, shuffled, decorated as posts in channels are (no torch).
- vocabulary.py   the WordPiece vocabulary of posts and texts, its twins, encoding with dropped matches.
- pretraining.py  the encoder guesses hidden words of posts.
- learning.py     the categories: lessons, training, averaging, predicting.
- stages.py       all of that in a row, and what is kept between runs.
- encoding.py     padding, and the encoder alone.
- teacher.py      naive Bayes, which labels collages and posts.
- report.py       progress bar, confusion matrix.
"""
