"""Labels texts from Python: classify.py LIBRARY BUNDLE TEXT..., where LIBRARY is libwiretag.so.0 or its path."""

import sys
from ctypes import CDLL, POINTER, Structure, byref, c_char, c_char_p, c_double, c_float, c_int, c_size_t, c_uint32, c_void_p


class Error(Structure):
    _fields_ = [("error_class", c_int), ("code", c_char * 40), ("message", c_char * 600)]


class Text(Structure):
    _fields_ = [("bytes", c_char_p), ("count", c_size_t)]


class Result(Structure):
    _fields_ = [("status", c_int), ("error", POINTER(Error)), ("label", c_uint32), ("name", c_char_p), ("score", c_double),
                ("logits", POINTER(c_float)), ("scores", POINTER(c_double))]


wiretag = CDLL(sys.argv[1])
wiretag.wt_results_get.restype = POINTER(Result)
wiretag.wt_results_get.argtypes = [c_void_p, c_size_t]
classifier, results, error = c_void_p(), c_void_p(), Error()
texts = [text.encode() for text in sys.argv[3:]]
array = (Text * len(texts))(*[Text(text, len(text)) for text in texts])
if (wiretag.wt_classifier_open(sys.argv[2].encode(), None, None, byref(classifier), byref(error))
        or wiretag.wt_classify(classifier, array, c_size_t(len(texts)), byref(results), byref(error))):
    sys.exit(error.message.decode())
for i in range(len(texts)):
    result = wiretag.wt_results_get(results, i).contents
    print(f"{result.name.decode()} {result.score:.6g}" if result.status == 0 else result.error.contents.message.decode())
wiretag.wt_results_destroy(results)
wiretag.wt_classifier_destroy(classifier)
