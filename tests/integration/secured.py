"""What the tests of TLS and SASL work with: certificates of an authority of their own, and a broker with a listener
for each way in (`Secured`). openssl makes the certificates; nothing of them is kept."""

import subprocess
import threading
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps

from broker import Broker
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

USER, PASSWORD = "newsroom", "p'a\"s,s w=o$rd{};"
PLAIN_PASSWORD = "plain-s3cret"
SESSION_S = 10  # of the listener SHORT


def openssl(*arguments, **options):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Authority:
    """Issues certificates into `folder`; `ca` is its own, as a file."""

    KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    def __init__(self, folder, name="wiretag tests"):
        self.folder = folder
        folder.mkdir()
        self.ca, self._key = folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", *self.KEY, "-keyout", self._key, "-out", self.ca, "-days", 2, "-subj", f"/CN={name}")

    def issue(self, name, names="IP:127.0.0.1,DNS:localhost", days=2):
        """(certificate, key) as files, and NAME.both.pem with the two; days=-1 has expired."""
        certificate, key, request, extension = (self.folder / f"{name}{end}" for end in (".pem", ".key", ".csr", ".ext"))
        openssl("req", *self.KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extension.write_text(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial", "-days", days,
                "-extfile", extension, "-out", certificate)
        (self.folder / f"{name}.both.pem").write_bytes(key.read_bytes() + certificate.read_bytes() + self.ca.read_bytes())
        return certificate, key


class Secured:
    """A broker with listeners TLS, MUTUAL, EXPIRED, MISNAMED (all SSL), SCRAM and SHORT (SASL_SSL; SHORT ends sessions
    after `session_ms`), OAUTH (SASL_PLAINTEXT; ends sessions with their tokens)."""

    def __init__(self, folder, session_ms=1000 * SESSION_S):
        folder.mkdir(exist_ok=True)
        self._session_ms = session_ms
        self.authority = Authority(folder / "certificates")
        self.stranger = Authority(folder / "elsewhere", "another authority")
        issue = self.authority.issue
        issue("broker")
        issue("expired", days=-1)
        issue("misnamed", names="DNS:localhost,DNS:kafka.example.org")
        self.certificate, self.key = issue("client")
        self.broker = Broker(folder / "broker", settings=self._settings(), listeners={
            "TLS": "SSL", "MUTUAL": "SSL", "EXPIRED": "SSL", "MISNAMED": "SSL", "SCRAM": "SASL_SSL", "SHORT": "SASL_SSL",
            "OAUTH": "SASL_PLAINTEXT"})
        self.bootstrap = self.broker.bootstrap
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            self.add_user(USER, PASSWORD, mechanism)

    def _settings(self):
        folder = self.authority.folder
        settings = {}
        for listener, certificate in {"tls": "broker", "mutual": "broker", "expired": "expired", "misnamed": "misnamed",
                                      "scram": "broker", "short": "broker"}.items():
            prefix = f"listener.name.{listener}."
            settings |= {prefix + "ssl.keystore.type": "PEM",
                         prefix + "ssl.keystore.location": folder / f"{certificate}.both.pem",
                         prefix + "ssl.truststore.type": "PEM", prefix + "ssl.truststore.location": self.authority.ca}
        settings["listener.name.mutual.ssl.client.auth"] = "required"
        plain = ("org.apache.kafka.common.security.plain.PlainLoginModule required "
                 f'user_{USER}="{PLAIN_PASSWORD}";')
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        for listener in ("scram", "short"):
            prefix = f"listener.name.{listener}."
            settings |= {prefix + "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
                         prefix + "plain.sasl.jaas.config": plain,
                         prefix + "scram-sha-256.sasl.jaas.config": scram,
                         prefix + "scram-sha-512.sasl.jaas.config": scram}
        for mechanism in ("plain", "scram-sha-256", "scram-sha-512"):
            settings[f"listener.name.short.{mechanism}.connections.max.reauth.ms"] = self._session_ms
        settings |= {
            "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.oauth.oauthbearer.connections.max.reauth.ms": 3600000,
            "listener.name.oauth.oauthbearer.sasl.jaas.config":
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
                'unsecuredLoginStringClaim_sub="broker";',
            "listener.name.oauth.oauthbearer.sasl.server.callback.handler.class":
                "org.apache.kafka.common.security.oauthbearer.internals.unsecured."
                "OAuthBearerUnsecuredValidatorCallbackHandler"}
        return settings

    def add_user(self, user, password, mechanism=ScramMechanism.SCRAM_SHA_512):
        # Must outlive its future.
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        change = UserScramCredentialUpsertion(user, ScramCredentialInfo(mechanism, 4096), password.encode())
        for future in admin.alter_user_scram_credentials([change]).values():
            future.result(30)

    def has_topic(self, name):
        return name in AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(timeout=30).topics

    def tls(self, listener="TLS", **changes):
        """kafka.common of a client of that listener."""
        return {"bootstrap.servers": self.broker.addresses[listener], "security.protocol": "ssl",
                "ssl.ca.location": str(self.authority.ca), **changes}

    def scram(self, listener="SCRAM", **changes):
        return self.tls(listener, **{"security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-512",
                                     "sasl.username": USER, "sasl.password": PASSWORD, **changes})

    def oauth(self, **changes):
        return {"bootstrap.servers": self.broker.addresses["OAUTH"], "security.protocol": "sasl_plaintext",
                "sasl.mechanism": "OAUTHBEARER", **changes}

    def close(self):
        self.broker.close()


class TokenServer:
    """An OIDC token endpoint on loopback: unsigned tokens that live for `life_s`. `status`: what it answers with;
    `broken`: tokens that are none."""

    def __init__(self, life_s=20, secret="t0ken-s3cret"):
        self.life_s, self.secret = life_s, secret
        self.status, self.given, self.broken = 200, 0, False
        self.tokens = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, body = outer.answer()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._handler, self._server, self._port = Handler, None, 0
        self.start()

    def answer(self):
        if self.status != 200:
            return self.status, b'{"error":"invalid_client"}'
        if self.broken:
            return 200, b'{"access_token":"none"}'
        self.given += 1
        now = int(time.time())
        parts = ({"alg": "none"}, {"sub": USER, "iat": now, "exp": now + self.life_s})
        token = ".".join(urlsafe_b64encode(dumps(part).encode()).decode().rstrip("=") for part in parts) + "."
        self.tokens.append(token)
        return 200, dumps({"access_token": token, "token_type": "Bearer", "expires_in": self.life_s}).encode()

    def start(self):
        """On the port it had, if it had one."""
        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}/token"

    def settings(self):
        return {"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.id": USER,
                "sasl.oauthbearer.client.secret": self.secret, "sasl.oauthbearer.token.endpoint.url": self.url}
