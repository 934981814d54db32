"""What does PayFiP answer? A local one: its three SOAP operations, with the faults that it documents, and a page where somebody pays."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen
from uuid import uuid4
from xml.etree import ElementTree
from xml.sax.saxutils import escape

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE = "http://securite.service.tpa.cp.finances.gouv.fr/services/mas_securite/contrat_paiement_securise/PaiementSecuriseService"
NUMCLI = "090909"


class LocalPayFip(ThreadingHTTPServer):
    """A PayFiP of one creditor; `payments` is {idOp: what was announced}, a result is put there by pay()."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.payments, self.broken = {}, False
        #: How the page where somebody pays behaves: notifications sent, a result that is not known yet, fields that it lies about.
        self.notifications, self.late, self.lies = 1, False, {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def notify(self, idop):
        """Tell the town that there is news of a payment."""
        urlopen(self.payments[idop]["urlnotif"], data=urlencode({"idop": idop}).encode(), timeout=10).close()

    def pay(self, idop, result, **changed):
        """Somebody pays (P, V), is refused (R, Z) or gives up (A); `changed` are fields that the answer lies about."""
        self.payments[idop] |= {"resultrans": result, **changed}


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_args):
        """Say nothing."""

    def do_GET(self):
        """The page where somebody pays."""
        idop = parse_qs(urlsplit(self.path).query)["idop"][0]
        buttons = "".join(f'<button name="result" value="{result}">{result}</button>' for result in "PVRZA")
        form = f'<form method="post" action="/pay"><input type="hidden" name="idop" value="{idop}">{buttons}</form>'
        self._send(200, f"<!DOCTYPE html><title>PayFiP</title><h1>PayFiP</h1>{form}", "text/html")

    def _paid(self):
        """Somebody has pressed a button: the notification, then the way back."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        idop, told = form["idop"][0], self.server.payments[form["idop"][0]]
        if self.server.late:
            told["later"] = form["result"][0]
        else:
            self.server.pay(idop, form["result"][0], **self.server.lies)
        for _time in range(self.server.notifications):
            self.server.notify(idop)
        self.send_response(303)
        self.send_header("Location", told["urlredirect"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        if self.path == "/pay":
            self._paid()
            return
        asked = ElementTree.fromstring(self.rfile.read(int(self.headers["Content-Length"]))).find(f"{{{SOAP}}}Body")[0]
        values = {item.tag: item.text for item in asked.find("arg0")}
        operation = asked.tag.rpartition("}")[2]
        if self.server.broken:
            self._send(503, "away")
            return
        try:
            self._send(200, _answer(operation, OPERATIONS[operation](self.server, values)))
        except Fault as fault:
            self._send(500, _fault(str(fault)))

    def _send(self, status, body, kind="text/xml"):
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Fault(Exception):
    """A FonctionnelleErreur, by its code."""


def _create(server, values):
    if values["numcli"] != NUMCLI:
        raise Fault("T1")
    if not re.fullmatch(r"[A-Za-z0-9]{6,30}", values["refdet"] or ""):
        raise Fault("R3")
    if not 100 <= int(values["montant"]) <= 9_999_999:
        raise Fault("M5")
    if not re.fullmatch(r"[A-Za-z0-9 ]{0,100}", values.get("objet") or ""):
        raise Fault("D1")
    idop = str(uuid4())
    server.payments[idop] = values
    return {"idOp": idop}


def _look(server, values):
    found = server.payments.get(values["idOp"])
    if found is None:
        raise Fault("P1")
    if "resultrans" not in found:
        raise Fault("P5")
    # As recorded: two digits of the year.
    answer = {"dattrans": "23112026", "heurtrans": "0941", "exer": "20", "idOp": values["idOp"], "numauto": "112233"}
    answer |= {name: found.get(name) or "" for name in ("mel", "montant", "numcli", "objet", "refdet", "resultrans", "saisie")}
    # In the order of its schema, that of the alphabet.
    return dict(sorted(answer.items(), key=lambda item: item[0].lower()))


def _creditor(_server, values):
    return {"libelleN1": "COMMUNE", "libelleN2": "REGIE", "libelleN3": "", "numcli": values["numCli"]}


OPERATIONS = {"creerPaiementSecurise": _create, "recupererDetailPaiementSecurise": _look, "recupererDetailClient": _creditor}


def _envelope(inside):
    return f'<S:Envelope xmlns:S="{SOAP}"><S:Body>{inside}</S:Body></S:Envelope>'


def _answer(operation, values):
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return _envelope(f'<n:{operation}Response xmlns:n="{SERVICE}"><return>{inside}</return></n:{operation}Response>')


def _fault(code):
    error = f'<n:FonctionnelleErreur xmlns:n="{SERVICE}"><code>{code}</code><descriptif/><libelle>{code}</libelle><severite>2</severite>'
    return _envelope(
        "<S:Fault><faultcode>S:Server</faultcode>"
        "<faultstring>fr.gouv.finances.cp.tpa.webservice.exceptions.FonctionnelleErreur</faultstring>"
        f"<detail>{error}</n:FonctionnelleErreur></detail></S:Fault>"
    )


@contextmanager
def payfip(folder):
    """(a LocalPayFip that answers, the configuration that reaches it)."""
    server = LocalPayFip()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield (
            server,
            {"PAYFIP_NUMCLI": NUMCLI, "PAYFIP_SAISIE": "W", "PAYFIP_PAGE": f"{server.url}/pay", "PAYFIP_WSDL": _wsdl(folder, server.url)},
        )
    finally:
        server.shutdown()
        server.server_close()


def _wsdl(folder, url):
    """The service's description as eopayment ships it, with this server's address."""
    import eopayment

    shipped = Path(eopayment.__file__).parent / "resource"
    for file in shipped.iterdir():
        if file.suffix in (".wsdl", ".xsd"):
            text = re.sub(r'(soap:address location=")[^"]+', rf"\g<1>{url}/ws", file.read_text())
            (Path(folder) / file.name).write_text(text)
    return f"file://{Path(folder) / 'PaiementSecuriseService.wsdl'}"
