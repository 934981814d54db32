"""What does API Particulier answer? A local stand-in with the answers and errors of its documentation, for tests and for a look.

`with Stub() as stub:` listens on a free port of this machine; `stub.url` is its address. It knows the persons in PEOPLE, and fails as
`stub.fail(504)` tells it to. Every question is in `stub.asked`.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

PATH = "/v3/dss/quotient_familial/identite"
TOKEN, SIRET = "a-token-for-tests", "21770000100019"
#: (name at birth, first of the first names, code of the place of birth) → (fund, quotient).
PEOPLE = {
    ("GALBERT", "CHRISTELLE", "77284"): ("CNAF", 650),
    ("MARTIN", "SOPHIE", "99139"): ("MSA", 200),
}
REQUIRED = ("recipient", "nomNaissance", "prenoms[]", "sexeEtatCivil", "codeCogInseePaysNaissance")
#: status → (code, title), as documented.
ERRORS = {
    401: ("00101", "Token non valide"),
    403: ("00100", "Privilèges insuffisants"),
    404: ("37003", "Dossier allocataire absent CNAV"),
    409: ("00015", "Requête déjà en cours de traitement"),
    422: ("00301", "Paramètre non valide"),
    429: ("00429", "Trop de requêtes"),
    502: ("37999", "Erreur inconnue du fournisseur"),
    503: ("37001", "Fournisseur indisponible"),
    504: ("37002", "Temps d'attente dépassé"),
}


class Stub:
    """The stand-in, listening while the `with` lasts."""

    def __init__(self):
        self.asked, self.failing, self.people = [], [], dict(PEOPLE)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def fail(self, *statuses):
        """Answer the next questions with these statuses, one each; bytes are sent as the content of a 200."""
        self.failing += statuses

    def answer(self, query, token):
        """(status, content) of a question."""
        if self.failing:
            status = self.failing.pop(0)
            return (200, status) if isinstance(status, bytes) else (status, _error(status))
        if token != f"Bearer {TOKEN}":
            return 401, _error(401)
        if any(not query.get(name) for name in REQUIRED):
            return 422, _error(422)
        place = query.get("codeCogInseeCommuneNaissance") or query["codeCogInseePaysNaissance"]
        found = self.people.get((query["nomNaissance"][0].upper(), query["prenoms[]"][0].upper(), place[0]))
        if found is None or "anneeDateNaissance" not in query:
            return 404, _error(404)
        fund, value = found
        quotient = {"fournisseur": fund, "valeur": value, "annee": 2026, "mois": 11, "annee_calcul": 2026, "mois_calcul": 11}
        return 200, {"data": {"quotient_familial": quotient, "allocataires": [], "enfants": [], "adresse": {}}, "links": {}, "meta": {}}

    def _handler(self):
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                query = parse_qs(parts.query)
                stub.asked.append(query)
                status, content = stub.answer(query, self.headers.get("Authorization")) if parts.path == PATH else (404, {})
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if status == 429:
                    self.send_header("Retry-After", "7")
                if status in (301, 302):
                    self.send_header("Location", f"{stub.url}/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def _error(status):
    code, title = ERRORS.get(status, ("00000", "Erreur"))
    return {"errors": [{"code": code, "title": title, "detail": title, "source": None, "meta": {"provider": "CNAV"}}]}
