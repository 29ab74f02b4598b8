"""Signing in and out, and the language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mailer.console.guard import cookie, from_here
from mailer.console.rights import ROLES
from mailer.console.sessions import TooOften
from mailer.console.visit import PAGES, Console, Visit, badge
from mailer.console.words import LANGUAGES, Words, preferred
from mailer.ledger import accounts
from mailer.states import MailOutState

FORM_LASTS = 3600  # seconds


def endpoint(console: Console) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers under /sign-in: the one page for people who are not signed in."""
    import secrets

    signer = URLSafeTimedSerializer(secrets.token_bytes(32), salt="sign-in")

    async def sign_in(request: Request) -> Response:
        say = Words(preferred(request.headers.get("accept-language", "")))
        if request.method == "GET":
            return await run_in_threadpool(_get, console, request, say, signer)
        form = await request.form(max_files=0, max_fields=10)
        values = {name: value for name, value in form.items() if isinstance(value, str)}
        if not from_here(request.headers, console.origins):
            return Response("This form did not come from a page of the console.", 403)
        try:
            signer.loads(values.get("_token", ""), max_age=FORM_LASTS)
        except BadSignature:
            return await run_in_threadpool(_page, console, say, signer, say("This page was too old; please try again."))
        return await run_in_threadpool(_post, console, values, say, signer)

    return sign_in


def _get(console: Console, request: Request, say: Words, signer: URLSafeTimedSerializer) -> Response:
    key = request.query_params.get("key", "")
    if not key:
        return _page(console, say, signer, to=_inside(request.query_params.get("next", "/")))
    opened = None if console.https else console.sessions.open_with(key, console.owner)
    if opened is None:
        return _page(console, say, signer, say("This address has been used, or is too old."))
    _note(console, "signed_in", console.owner, "one-time key")
    # No redirect: a strict cookie is not sent on one that began on another page, in a chat or a web mailer.
    answer = HTMLResponse(PAGES.get_template("welcome.html").render(say=say, _=say, to="/"))
    answer.set_cookie(**cookie(console.cookie, opened, https=console.https))
    return answer


def _post(console: Console, values: dict[str, str], say: Words, signer: URLSafeTimedSerializer) -> Response:
    if values.get("link") and not console.https:
        console.announce(f"{console.address}/sign-in?key={quote(console.sessions.new_key())}")
        return _page(console, say, signer, say("A new address stands in the terminal."))
    name, to = values.get("name", "").strip(), _inside(values.get("next", "/"))
    try:
        opened = console.sessions.sign_in(name, values.get("password", ""))
    except TooOften as wait:
        message = say("Too many attempts. Please wait {n} seconds.", n=wait.seconds)
        answer = _page(console, say, signer, message, name=name, status=429)
        answer.headers["retry-after"] = str(wait.seconds)
        return answer
    if opened is None:
        _note(console, "sign_in_failed", name[:80])
        return _page(console, say, signer, say("Name and password do not go together."), name=name, status=403, to=to)
    _note(console, "signed_in", name, "password")
    answer = RedirectResponse(to, 303)
    answer.set_cookie(**cookie(console.cookie, opened, https=console.https))
    return answer


def _page(
    console: Console,
    say: Words,
    signer: URLSafeTimedSerializer,
    problem: str = "",
    *,
    name: str = "",
    status: int = 200,
    to: str = "/",
) -> Response:
    with console.ledger.reading() as connection:
        people = bool(accounts.everyone(connection))
    text = PAGES.get_template("sign_in.html").render(
        say=say,
        _=say,
        problem=problem,
        name=name,
        to=to,
        token=signer.dumps("sign-in"),
        people=people,
        link=not console.https,
        badge=badge(console.shelf.workspace()),
    )
    return HTMLResponse(text, status)


def _inside(path: str) -> str:
    """Return a path of ours, never another site's address."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _note(console: Console, kind: str, who: str, detail: str = "") -> None:
    with console.ledger.writing() as connection:
        accounts.note(connection, kind, at=console.ledger.now(), who=who, detail=detail)


def sign_out(visit: Visit) -> Response:
    visit.console.sessions.end(visit.request.cookies.get(visit.console.cookie, ""))
    _note(visit.console, "signed_out", visit.who)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(visit.console.cookie, path="/")
    return answer


def language(visit: Visit) -> Response:
    if visit.field("language") in LANGUAGES:
        visit.session.language = visit.field("language")
    return visit.go(_inside(visit.field("next") or "/"))


def help_page(visit: Visit) -> Response:
    return visit.page("help.html", mail_out_states=MailOutState, roles=ROLES)
