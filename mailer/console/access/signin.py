"""Signing in and out, and the language."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from html import escape
from urllib.parse import quote, urlencode

from itsdangerous import BadSignature
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mailer.actions.team import credentials
from mailer.actions.team import members as team
from mailer.actions.team.rights import ROLES
from mailer.base.errors import Refused, UsageError
from mailer.base.states import MailOutState
from mailer.console.access.middleware import came_from, cookie, from_here, place_of
from mailer.console.access.sessions import BrowserSession, TooOften
from mailer.console.language.languages import spoken
from mailer.console.language.translation import Translation, preferred
from mailer.console.request import PAGES, Console, Visit, badge
from mailer.ledger.accounts import everyone, noted

FORM_LASTS = 3600  # seconds


def endpoint(console: Console) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers under /sign-in: the one page for people who are not signed in."""

    async def sign_in(request: Request) -> Response:
        say = Translation(preferred(request.headers.get("accept-language", "")))
        if request.method == "GET":
            return await run_in_threadpool(_get, console, request, say)
        return await _answer(console, request, say, _post, _page)

    return sign_in


def joining(console: Console) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers under /join: a one-time link, by which somebody sets their password."""

    async def join(request: Request) -> Response:
        say = Translation(preferred(request.headers.get("accept-language", "")))
        if request.method == "GET":
            key = request.query_params.get("key", "")
            return await run_in_threadpool(_join_page, console, say, key=key)
        return await _answer(console, request, say, _join, _join_page)

    return join


async def _answer(
    console: Console,
    request: Request,
    say: Translation,
    post: Callable[..., Response],
    page: Callable[..., Response],
) -> Response:
    """Answer a form of somebody who is not signed in: counted first, by where it comes from; and of
    those who remain, two at a time.
    """
    before = _before(console, request)
    form = await request.form(max_files=0, max_fields=10)
    values = _values(form)
    carried = {name: values.get(name, "") for name in ("key", "kept")}
    if not from_here(request.headers, console.origins):
        return Response("This form did not come from a page of the console.", 403)
    try:
        console.signer.loads(values.get("_token", ""), max_age=FORM_LASTS)
    except BadSignature:
        return await run_in_threadpool(
            partial(page, console, say, say("This page was too old; please try again."), **carried)
        )
    source = f"browser of {before.name}" if before else place_of(request.scope, https=console.https)
    try:
        console.sessions.count(source)
    except TooOften as wait:
        message = say("Too many attempts. Please wait {n} seconds.", n=wait.seconds)
        answer = await run_in_threadpool(
            partial(page, console, say, message, status=429, **carried)
        )
        answer.headers["retry-after"] = str(wait.seconds)
        return answer
    answer = await asyncio.get_running_loop().run_in_executor(
        console.sessions.hashing, post, console, values, say, before
    )
    if "set-cookie" in answer.headers:
        console.sessions.got_in(source)
    return answer


def _get(console: Console, request: Request, say: Translation) -> Response:
    key = request.query_params.get("key", "")
    if not key:
        to, before = _inside(request.query_params.get("next", "/")), _before(console, request)
        if before and not console.sessions.asleep(before):
            return RedirectResponse(to, 303)
        done = tuple(before.notices) if before else ()
        return _page(console, say, to=to, name=before.name if before else "", done=done)
    opened = None if console.https else console.sessions.open_with(key, console.owner)
    if opened is None:
        return _page(console, say, say("This address has been used, or is too old."))
    noted(console.ledger, "signed_in", who=console.owner, detail="one-time key")
    # No redirect: a strict cookie is not sent on one that began on another page, in a chat or a web
    # mailer.
    answer = _by_way_of_here("/", say)
    answer.set_cookie(**cookie(console.cookie, opened, https=console.https))
    return answer


def _before(console: Console, request: Request) -> BrowserSession | None:
    """Return who sits at this browser, perhaps asleep."""
    return console.sessions.find(request.cookies.get(console.cookie, ""))


def _by_way_of_here(to: str, say: Translation) -> Response:
    """Answer with a page of ours that leads on: a strict cookie goes along from there, whoever
    linked here.
    """
    return HTMLResponse(PAGES.get_template("welcome.html").render(say=say, _=say, to=to))


def _values(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def lead_to_the_door(console: Console, request: Request, typed: FormData | None = None) -> Response:
    """Answer somebody who is not, or no longer, signed in; what they asked for waits behind the
    door, and so does what they have `typed`.
    """
    if key := request.query_params.get("key"):
        return RedirectResponse(f"/sign-in?{urlencode({'key': key})}", 303)
    say = Translation(preferred(request.headers.get("accept-language", "")))
    asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    fragment = "hx-request" in request.headers
    posted = request.method != "GET"
    if typed is not None:
        return _keep(console, say, request, typed)
    to = came_from(request.headers, console.origins) or "/" if posted or fragment else asked
    door = "/sign-in" if to == "/" else f"/sign-in?{urlencode({'next': to})}"
    if fragment:
        return Response("", 401, headers={"hx-redirect": door})
    if posted:
        ended = say("Your sign-in had ended, and nothing was changed. Please sign in again.")
        if request.url.path.endswith(("/pause", "/stop", "/stop-everything")):
            ended = say(
                "Your sign-in had ended: nothing was paused or stopped, letters go on. Please sign"
                " in again, and press the button once more; or type: mailer pause"
            )
        return _page(console, say, ended, status=401, to=to)
    if (
        request.headers.get("sec-fetch-site") == "cross-site"
    ):  # a link in a chat: perhaps they are signed in after all
        return _by_way_of_here(door, say)
    return RedirectResponse(door, 303)


def _keep(console: Console, say: Translation, request: Request, typed: FormData) -> Response:
    """Ask for a new sign-in, and carry along what was typed: it is kept in the form alone."""
    saving = typed.get("do") == "save"
    fields = [
        (name, value)
        for name, value in typed.multi_items()
        if isinstance(value, str) and name not in ("_token", "do")
    ]
    if "hx-request" in request.headers and not saving:  # nobody has pressed a button
        ended = say(
            "Your sign-in has ended. Press Save: you sign in again, and your text comes back."
        )
        text = f'<div id="look" class="look"><p class="notice wait">{escape(ended)}</p></div>'
        return HTMLResponse(text)
    kept = json.dumps({"to": request.url.path, "fields": fields})
    ended = say("Your sign-in had ended. Please sign in again: what you typed comes back.")
    before = _before(console, request)
    name, to = before.name if before else "", request.url.path
    answer = _back_to(console, say, kept, before)
    if answer is not None:  # signed in anew, in another window: this form is of the old sign-in
        answer.status_code = 403
    else:
        answer = _page(console, say, ended, name=name, status=401, to=to, kept=kept)
    if "hx-request" in request.headers:
        in_place_of_the_page(answer)
    return answer


def in_place_of_the_page(answer: Response) -> None:
    """Let a script put a whole page where its own is, and not where it asked for a part."""
    answer.status_code = 200  # htmx throws other answers away
    answer.headers.update(
        {"hx-retarget": "#main", "hx-reselect": "#main", "hx-reswap": "outerHTML show:top"}
    )


def _back_to(
    console: Console, say: Translation, kept: str, session: BrowserSession | None
) -> Response | None:
    """Answer with the form that brings back what was typed; None where nothing was, or nobody is
    signed in.
    """
    try:
        found = json.loads(kept)
        to, fields = (
            _inside(found["to"]),
            [(str(name), str(text)) for name, text in found["fields"]],
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if session is None or console.sessions.asleep(session) or not to.startswith("/letters/"):
        return None
    fields += [("do", "show"), ("_token", session.token)]
    text = PAGES.get_template("resume.html").render(say=say, _=say, to=to, fields=fields)
    return HTMLResponse(text)


def _post(
    console: Console, values: dict[str, str], say: Translation, before: BrowserSession | None
) -> Response:
    kept = values.get("kept", "")
    if values.get("link") and not console.https:
        console.announce(f"{console.address}/sign-in?key={quote(console.sessions.new_key())}")
        return _page(console, say, say("A new address stands in the terminal."), kept=kept)
    if values.get("again"):
        waits = say("Nobody is signed in here yet.")
        return _back_to(console, say, kept, before) or _page(console, say, waits, kept=kept)
    name, to = values.get("name", "").strip(), _inside(values.get("next", "/"))
    opened = console.sessions.sign_in(
        name, values.get("password", ""), values.get("code", ""), before
    )
    if opened is None:
        noted(console.ledger, "sign_in_failed", who=name[:80])
        wrong = say("Name, password and code do not go together.")
        return _page(console, say, wrong, name=name, status=403, to=to, kept=kept)
    noted(console.ledger, "signed_in", who=name, detail="password")
    back = _back_to(console, say, kept, console.sessions.find(opened))
    return _opened(console, opened, back or RedirectResponse(to, 303))


def _opened(console: Console, key: str, answer: Response) -> Response:
    answer.set_cookie(**cookie(console.cookie, key, https=console.https))
    return answer


def _page(
    console: Console,
    say: Translation,
    problem: str = "",
    *,
    name: str = "",
    status: int = 200,
    to: str = "/",
    done: Sequence[str] = (),
    kept: str = "",
    key: str = "",  # noqa: ARG001 - as `_join_page` takes it
) -> Response:
    with console.ledger.reading() as connection:
        people = everyone(connection)
    return _door(
        console,
        say,
        "sign_in.html",
        status,
        problem=problem,
        done=done,
        name=name,
        to=to,
        kept=kept,
        people=bool(people),
        codes=any(one.second for one in people),
        link=not console.https,
    )


def _door(
    console: Console, say: Translation, page: str, status: int, **context: object
) -> Response:
    text = PAGES.get_template(page).render(
        say=say,
        _=say,
        token=console.signer.dumps("sign-in"),
        badge=badge(console.cache.workspace()),
        **context,
    )
    return HTMLResponse(text, status)


def _join_page(
    console: Console,
    say: Translation,
    problem: str = "",
    *,
    key: str,
    status: int = 200,
    kept: str = "",  # noqa: ARG001 - as `_page` takes it
) -> Response:
    try:
        one = team.invited(console.ledger, key)
    except Refused as refusal:
        said = f"{say(refusal.message)} {say('Ask an administrator for a new one.')}"
        return _page(console, say, said, status=410)
    return _door(
        console,
        say,
        "join.html",
        status,
        problem=problem,
        name=one.name,
        role=one.role,
        key=key,
        shortest=credentials.SHORTEST,
    )


def _join(
    console: Console, values: dict[str, str], say: Translation, _before: BrowserSession | None
) -> Response:
    key, password = values.get("key", ""), values.get("password", "")
    if password != values.get("again", ""):
        wrong = say("The two passwords are not the same.")
        return _join_page(console, say, wrong, key=key, status=400)
    try:
        one = team.join(console.ledger, key, password, console.sessions.hasher.hash)
    except UsageError as fault:
        return _join_page(console, say, say(fault.message), key=key, status=400)
    except Refused:
        return _join_page(console, say, key=key)
    console.sessions.end_where(
        lambda session: session.account is not None and session.name == one.name
    )
    if one.second:  # whoever has the link alone does not get past the second factor
        return RedirectResponse("/sign-in", 303)
    opened = console.sessions.sign_in(one.name, password)
    return _opened(console, opened or "", RedirectResponse("/", 303))


def _inside(path: str) -> str:
    """Return a path of ours, never another site's address."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def sign_out(visit: Visit) -> Response:
    """End this sign-in, or all of whoever asks for it."""
    mine, sessions = visit.session, visit.console.sessions
    if visit.field("everywhere"):
        sessions.end_where(lambda one: (one.name, one.account_id) == (mine.name, mine.account_id))
    else:
        sessions.end(visit.request.cookies.get(visit.console.cookie, ""))
    where = "everywhere" if visit.field("everywhere") else ""
    noted(visit.console.ledger, "signed_out", who=visit.who, detail=where)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(visit.console.cookie, path="/")
    return answer


def language(visit: Visit) -> Response:
    visit.session.language = visit.known(visit.field("language"), spoken())
    visit.console.sessions.keep()
    return visit.go(_inside(visit.field("next") or "/"))


def help_page(visit: Visit) -> Response:
    return visit.page("help.html", mail_out_states=MailOutState, roles=ROLES)
