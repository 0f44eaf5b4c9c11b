"""A schema registry for tests: what Confluent's REST interface answers to serializers and to the worker."""

import base64
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Registry:
    """Serves on a port of its own; `url`, `schemas` {id: answer}, `subjects` {"SUBJECT/versions/N": answer}, all of
    them deleted, `asked` [path of each GET]. Over TLS with a `certificate`, (certificate, key) as files. `path`: all
    lies below it, as behind a proxy or in a context."""

    def __init__(self, schemas=None, username=None, password=None, port=0, certificate=None, subjects=None, path=""):
        self.schemas = schemas or {}
        self.subjects = subjects or {}
        self.asked = []
        self.status = None  # answers everything with this HTTP status
        self.page = None  # or with this page and 200, or leads every request on to another URL
        self.leads_to = None
        self._authorization = None if username is None else "Basic " + base64.b64encode(
            f"{username}:{password}".encode()).decode()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.asked.append(self.path)
                if registry.page is not None or registry.leads_to is not None:
                    return self.lead_on()
                asked = self.path.removeprefix(path) if self.path.startswith(path) else ""
                if asked == "/schemas/types":
                    return self.answer(200, ["JSON", "PROTOBUF", "AVRO"])
                number = re.fullmatch(r"/schemas/ids/(\d+)", asked)
                version = re.fullmatch(r"/subjects/([^/]+/versions/\d+)\?deleted=true", asked)
                guid = asked.removeprefix("/schemas/guids/")
                if not number and not version and guid == asked:
                    return self.answer(404, {"error_code": 404, "message": "HTTP 404 Not Found"})
                found = registry.schemas.get(int(number[1])) if number else registry.subjects.get(
                    unquote(version[1])) if version else next(
                        (one for one in registry.schemas.values() if one.get("guid") == guid), None)
                missing = {"error_code": 40403 if number else 40402, "message": "not found"}
                return self.answer(404 if found is None else 200, found or missing)

            def lead_on(self):
                self.send_response(200 if registry.leads_to is None else 301)
                if registry.leads_to is not None:
                    self.send_header("Location", registry.leads_to + self.path)
                self.send_header("Content-Length", str(len(registry.page or b"")))
                self.end_headers()
                self.wfile.write(registry.page or b"")

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = {"schema": body["schema"], **({"schemaType": body["schemaType"]} if "schemaType" in body else {})}
                number = next((n for n, known in registry.schemas.items() if known == answer), 100001 + len(registry.schemas))
                registry.schemas[number] = answer
                self.answer(200, {"id": number, "version": 1, "subject": "s", **answer})

            def answer(self, status, body):
                if registry._authorization not in (None, self.headers["Authorization"]):
                    status, body = 401, {"error_code": 401, "message": "Unauthorized"}
                if registry.status is not None:
                    status, body = registry.status, {"error_code": 50001, "message": "Error in the backend data store"}
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
            self._server.handle_error = lambda *_: None  # those who do not trust it hang up
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}{path}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
