"""The model side of wiretag in Python: training and export share it, the worker never needs it.

    from wiretag_modeling import Classifier, ClassifierConfig, TokenizerOptions, write_bundle

- classifier.py  the architecture (BERT encoder, two-layer BiLSTM, mean, linear), and its relatives by
                 their settings. The class that is trained is the class that is exported.
- families.py    how the families of Hugging Face directories differ: names, positions, heads.
- conversion.py  from published weights to a Classifier; deberta.py and modern.py are families of
                 their own.
- published.py   the published models themselves, by transformers, to compare with.
- tokenizer.py   the Hugging Face tokenizer that belongs to a vocabulary and its options.
- bundle.py      write_bundle(): TorchScript, wiretag.json, vocab.txt and selftest.jsonl in one
                 file, with the error bound of each precision measured and the result verified.
- labels.py      labels with their URIs and thresholds, and the task that they belong to.
- checks.py      what cannot become a working bundle, refused before anything expensive starts.
- measure.py     logits alone and among others, in each precision.
- worker.py      the same by the worker's own program, for the kernels that it brings.
- sources.py     what scripts/export/export_model.py can read: a published pickle, a Hugging Face
                 directory, a TorchScript file.
- hugging_face.py  what such a directory is; directory_files.py its weights, directory_tokenizer.py
                 its tokenizer, and whether it is the worker's.
- pickled.py     reads the tensors of a pickled module without executing anything in it.
"""

from .bundle import BundleReport, write_bundle
from .classifier import Classifier, ClassifierConfig
from .labels import Label
from .measure import ExportError
from .tokenizer import TokenizerOptions, build_tokenizer

__all__ = [
    "BundleReport",
    "Classifier",
    "ClassifierConfig",
    "ExportError",
    "Label",
    "TokenizerOptions",
    "build_tokenizer",
    "write_bundle",
]
