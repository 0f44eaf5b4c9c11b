"""The engines that run the full-size model. Each has `batch(ids, mask)`, which gives logits as a numpy
array, and `texts(rows)`, which labels token rows the way the engine is used: one at a time, padded
batches, or several at once. `threads` is what it may use in all."""

import numpy

from .full_size import Forms

PAD = 0


def padded(rows):
    """ids and mask of rows of differing length."""
    ids = numpy.full((len(rows), max(map(len, rows))), PAD, dtype=numpy.int64)
    mask = numpy.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, :len(row)] = row
        mask[number, :len(row)] = 1
    return ids, mask


class Engine:
    def texts(self, rows):
        return numpy.concatenate([self.batch(*padded([row])) for row in rows])


class Transformers(Engine):
    """transformers' BertModel and torch's LSTM: the published loop."""

    def __init__(self, forms: Forms, vocab_size: int, threads: int, rows_at_once: int = 1):
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.module = forms.module(vocab_size)
        self.rows_at_once = rows_at_once

    def batch(self, ids, mask):
        with self.torch.inference_mode():
            return self.module(self.torch.from_numpy(ids), self.torch.from_numpy(mask)).numpy()

    def texts(self, rows):
        step = self.rows_at_once
        return numpy.concatenate([self.batch(*padded(rows[at:at + step])) for at in range(0, len(rows), step)])


class OnnxRuntime(Engine):
    def __init__(self, path, threads: int):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that spin after a call would take from the engine that is measured next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def batch(self, ids, mask):
        return self.session.run(None, {"ids": ids, "mask": mask})[0]


class OpenVino(Engine):
    """`streams` of one thread each run side by side and share the weights; with one stream it has all
    threads. In a batch of several streams each has the whole batch, as wiretag's replicas."""

    def __init__(self, path, threads: int, streams: int, group: int = 0):
        import openvino
        from openvino import properties

        core = openvino.Core()
        settings = {properties.inference_num_threads(): threads, properties.num_streams(): streams,
                    properties.hint.inference_precision(): openvino.Type.f32}
        if group:
            settings[properties.hint.dynamic_quantization_group_size()] = group
        self.core, self.settings, self.streams = core, settings, streams
        self.compiled = core.compile_model(core.read_model(path), "CPU", settings)
        self.queue = openvino.AsyncInferQueue(self.compiled, streams)
        self.results = {}
        self.queue.set_callback(self._done)

    def _done(self, request, number):
        self.results[number] = request.get_output_tensor(0).data.copy()

    def start(self, number, ids, mask):
        """Waits for a free stream and gives it a batch."""
        self.queue.start_async({0: ids, 1: mask}, number)

    def wait(self):
        self.queue.wait_all()

    def batch(self, ids, mask):
        self.start(0, ids, mask)
        self.wait()
        return self.results[0]

    def texts(self, rows):
        for number, row in enumerate(rows):
            self.start(number, *padded([row]))
        self.wait()
        return numpy.concatenate([self.results[number] for number in range(len(rows))])


def make(name: str, forms: Forms, vocab_size: int, threads: int) -> Engine:
    """Everything but wiretag, which measures itself (wiretag bench model)."""
    return {
        "transformers": lambda: Transformers(forms, vocab_size, threads),
        "transformers-batch-32": lambda: Transformers(forms, vocab_size, threads, rows_at_once=32),
        "onnxruntime-fp32": lambda: OnnxRuntime(forms.onnx, threads),
        "onnxruntime-int8": lambda: OnnxRuntime(forms.onnx_int8, threads),
        "openvino-fp32": lambda: OpenVino(forms.openvino, threads, 1),
        "openvino-fp32-streams": lambda: OpenVino(forms.openvino, threads, threads),
        "openvino-int8": lambda: OpenVino(forms.openvino_int8, threads, 1, group=128),
        "openvino-int8-streams": lambda: OpenVino(forms.openvino_int8, threads, threads, group=128),
        "openvino-static": lambda: OpenVino(forms.openvino_static, threads, 1),
        "openvino-static-streams": lambda: OpenVino(forms.openvino_static, threads, threads),
    }[name]()


NAMES = ["transformers", "transformers-batch-32", "onnxruntime-fp32", "onnxruntime-int8", "openvino-fp32",
         "openvino-fp32-streams", "openvino-int8", "openvino-int8-streams", "openvino-static",
         "openvino-static-streams"]
