"""A collector of traces: takes OTLP over HTTP and reads it with OpenTelemetry's own messages."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


class Collector:
    """Listens on a port of its own. `status`: what it answers with; `hangs`: it does not answer."""

    def __init__(self, status=200, hangs=False, port=0):
        self.status, self.hangs = status, hangs
        self.requests = []
        self._over = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, self.headers["Content-Type"], body)
                if collector.hangs:
                    collector._over.wait(120)
                    return
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(collector.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.endpoint = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path, content_type, body):
        assert (path, content_type) == ("/v1/traces", "application/x-protobuf")
        request = ExportTraceServiceRequest.FromString(body)
        assert request.SerializeToString() == body, "it is not written as protobuf itself would write it"
        self.requests.append(request)

    def spans(self):
        return [span for request in list(self.requests) for resource in request.resource_spans
                for scope in resource.scope_spans for span in scope.spans]

    def close(self):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


def proxies():
    """The environment of a machine that asks for everything by way of a proxy, which is away."""
    proxy = "http://127.0.0.1:1"
    return {"http_proxy": proxy, "https_proxy": proxy, "all_proxy": proxy, "no_proxy": "", "NO_PROXY": ""}


def attributes(holder):
    """{key: value} of a span or a resource."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in holder.attributes}
