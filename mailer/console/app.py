"""The console: which page is where, and which right it needs. Whatever is not in the table does not
exist.

Every view is a plain function of a `Visit`, run in a thread; only the live stream waits on the
event loop. GET changes nothing; every POST needs the session's token and must come from a page of
ours.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from mailer.actions.team.rights import Right
from mailer.base.errors import MailerError, Problem, Refused, UsageError
from mailer.console.access import signin
from mailer.console.access.middleware import Guard, came_from, from_here
from mailer.console.access.sessions import BrowserSession
from mailer.console.language.translation import preferred
from mailer.console.request import Console, Visit
from mailer.console.views import (
    delivery,
    inbox,
    left_out,
    live,
    mail_outs,
    outcomes,
    people,
    start,
    steps,
)
from mailer.console.views.contacts import dropped, hold_list, rows, sheet, votes
from mailer.console.views.standing import board, brought, delegations
from mailer.console.views.writing import about_form, editor, file_list

View = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """One address: what answers to GET and to POST, and the right that each needs."""

    path: str
    get: View | None = None
    post: View | None = None
    look: Right = Right.LOOK
    act: Right = Right.WORK
    keeps: bool = False  # what was typed comes back after a new sign-in
    own: bool = False  # one's own account: open also to whoever still owes a second factor
    halts: bool = False  # the form keeps letters from going out: it needs no fresh sign-in


M = "/mail-outs/{mail_out}"
A = "/letters/{appeal}"
W = A + "/write/{language}"
B = A + "/board"
PAGES: tuple[Page, ...] = (
    Page("/", start.show),
    Page("/tell", live.tell),
    Page("/stop-everything", post=start.stop_everything, act=Right.SEND, halts=True),
    Page("/allow-again", post=start.allow_again, act=Right.SEND),
    Page("/language", post=signin.language, act=Right.LOOK, own=True),
    Page("/sign-out", post=signin.sign_out, act=Right.LOOK, own=True),
    Page("/search", outcomes.search),
    Page("/help", signin.help_page),
    Page("/order", start.order_page, start.order, act=Right.SEND),
    Page("/mail-outs", mail_outs.index),
    Page(M, live.show),
    Page(M + "/now", live.now),
    Page(M + "/compare", mail_outs.compare),
    Page(M + "/stream", live.stream),
    Page(M + "/pause", post=live.pause, act=Right.SEND, halts=True),
    Page(M + "/resume", post=live.resume, act=Right.SEND),
    Page(M + "/stop", post=live.stop, act=Right.SEND, halts=True),
    Page(M + "/name", post=live.call),
    Page(M + "/note", post=live.note),
    Page(M + "/outcomes", outcomes.show),
    Page(M + "/outcomes.{kind:str}", outcomes.export),
    Page(M + "/call-sheet", outcomes.call_sheet),
    Page(M + "/send", steps.send_page, steps.send, act=Right.SEND),
    Page(M + "/schedule", post=steps.schedule, act=Right.SEND),
    Page(M + "/approve", post=steps.approve, act=Right.APPROVE),
    Page(M + "/retry", post=steps.retry, act=Right.SEND),
    Page(M + "/drafts", post=live.drafts, act=Right.SEND),
    Page(M + "/people/{number:int}", delivery.show),
    Page(M + "/people/{number:int}/letter", delivery.letter),
    Page(M + "/people/{number:int}/letter.html", delivery.html),
    Page(M + "/people/{number:int}/letter.eml", delivery.eml),
    Page(M + "/people/{number:int}/note", post=delivery.note),
    Page(M + "/people/{number:int}/done", post=delivery.done),
    Page(M + "/people/{number:int}/assign", post=delivery.assign),
    Page(M + "/people/{number:int}/settle", post=delivery.settle, act=Right.SEND),
    Page(M + "/people/{number:int}/resend", post=delivery.resend, act=Right.SEND),
    Page(M + "/people/{number:int}/hold", post=delivery.hold),
    Page(M + "/delegations", delegations.show),
    Page(M + "/left-out", left_out.left_out),
    Page(M + "/follow-up", left_out.follow_up),
    Page(M + "/follow-up.{kind:str}", left_out.export),
    Page(M + "/follow-up/call-sheet", left_out.call_sheet),
    Page("/inbox", inbox.index),
    Page("/inbox/message", inbox.message),
    Page("/inbox/attachment", inbox.attachment),
    Page("/inbox/sort", post=inbox.sort),
    Page("/letters", steps.index, editor.begin, act=Right.WRITE),
    Page(A, steps.letter),
    Page(A + "/write", editor.first),
    Page(A + "/languages", post=editor.add, act=Right.WRITE),
    Page(A + "/history", editor.history),
    Page(A + "/about", about_form.show, about_form.typed, act=Right.WRITE, keeps=True),
    Page(A + "/files", file_list.show, file_list.add, act=Right.WRITE),
    Page(A + "/files/strip", post=file_list.strip, act=Right.WRITE),
    Page(A + "/files/remove", post=file_list.remove, act=Right.WRITE),
    Page(A + "/sign", post=about_form.sign, act=Right.APPROVE),
    Page(W, editor.write, editor.typed, act=Right.WRITE, keeps=True),
    Page(W + "/letter.html", editor.letter_html),
    Page(W + "/remove", post=editor.remove, act=Right.WRITE),
    Page(A + "/audience", post=steps.audience, act=Right.WRITE),
    Page(A + "/preview.html", steps.preview),
    Page(A + "/letters.pdf", steps.printed),
    Page(A + "/standing", mail_outs.of_appeal),
    Page(A + "/outcomes.{kind:str}", outcomes.export),
    Page(A + "/call-sheet", outcomes.call_sheet),
    Page(A + "/calendar", brought.dates),
    Page(A + "/calendar.ics", brought.dates_as_file),
    Page(A + "/report", brought.show),
    Page(A + "/report.{kind:str}", brought.as_file),
    Page(A + "/report/{sheet}", brought.sheet),
    Page("/board", board.first, look=Right.POSITIONS),
    Page(B, board.show, look=Right.POSITIONS),
    Page(B + "/members", board.people, look=Right.POSITIONS),
    Page(
        B + "/member",
        board.member,
        board.note,
        look=Right.POSITIONS,
        act=Right.POSITIONS,
        keeps=True,
    ),
    Page(B + "/clear", post=board.clear, act=Right.POSITIONS),
    Page(A + "/people", steps.people),
    Page(A + "/check", steps.check),
    Page(A + "/rehearse", steps.rehearse, steps.samples, act=Right.SEND),
    Page(A + "/sample.eml", steps.sample),
    Page(A + "/accept", post=steps.accept, act=Right.APPROVE),
    Page(A + "/send", steps.plan_page, steps.plan, act=Right.SEND),
    Page("/contacts", sheet.index, dropped.drop, act=Right.EDIT),
    Page("/contacts/votes", votes.index, votes.take_in, look=Right.EDIT, act=Right.EDIT),
    Page("/contacts/hold-list", hold_list.index, hold_list.hold),
    Page("/contacts/hold-list/release", post=hold_list.release, act=Right.EDIT),
    Page(
        "/contacts/dropped/{drop}",
        dropped.show,
        dropped.take_over,
        look=Right.EDIT,
        act=Right.EDIT,
    ),
    Page("/contacts/dropped/{drop}/marked", post=dropped.marked_copy, act=Right.EDIT),
    Page("/contacts/dropped/{drop}/throw-away", post=dropped.throw_away, act=Right.EDIT),
    Page("/contacts/dropped/{drop}/newer", post=dropped.take_over_newer, act=Right.EDIT),
    Page("/contacts/{sheet}", sheet.show),
    Page("/contacts/{sheet}/take-back", post=sheet.take_back, act=Right.EDIT),
    Page("/contacts/{sheet}/rows", rows.index),
    Page("/contacts/{sheet}/rows/{row:int}", rows.show, rows.save, act=Right.EDIT),
    Page("/contacts/{sheet}/marked", post=sheet.marked_copy, act=Right.EDIT),
    Page("/own", people.own, own=True),
    Page("/own/password", post=people.password, act=Right.LOOK, own=True),
    Page("/own/second", post=people.second, act=Right.LOOK, own=True),
    Page("/people", people.index, people.invite, look=Right.RULE, act=Right.RULE),
    Page("/people/link", post=people.link, act=Right.RULE),
    Page("/people/role", post=people.role, act=Right.RULE),
    Page("/people/close", post=people.close, act=Right.RULE),
    Page("/journal", people.journal, look=Right.RULE),
    Page("/held", people.held_page, people.held, look=Right.RULE, act=Right.RULE),
    Page("/held/forget", post=people.forget, act=Right.RULE),
)


def application(console: Console, hosts: set[str]) -> ASGIApp:
    """Return the whole console; `hosts` are the names it goes by."""
    routes: list[Route | Mount] = [
        Route("/sign-in", signin.endpoint(console), methods=["GET", "POST"]),
        Route("/join", signin.joining(console), methods=["GET", "POST"]),
        Mount("/static", StaticFiles(packages=[("mailer.console", "static")])),
    ]
    for page in PAGES:
        methods = [method for method, view in (("GET", page.get), ("POST", page.post)) if view]
        routes.append(Route(page.path, _endpoint(console, page), methods=methods))
    app = Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: _not_here(console),
            MailerError: _in_words(console),
            Exception: _mistake(console),
        },
    )
    return Guard(
        app, hosts, https=console.https
    )  # outermost: its headers stand on every answer, mistakes included


def _endpoint(console: Console, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        posted = request.method == "POST"
        view = page.post if posted else page.get
        assert view is not None
        session = _session(console, request)
        halts = posted and page.halts
        if session is None or (console.sessions.asleep(session) and not halts):
            typed = None
            if posted and page.keeps and from_here(request.headers, console.origins):
                typed = await request.form(max_files=0, max_fields=500)
            return await run_in_threadpool(signin.lead_to_the_door, console, request, typed)
        request.state.session = session
        form = FormData()
        if posted:
            if not from_here(request.headers, console.origins):
                raise HTTPException(
                    403, "This form did not come from a page of the console. Nothing was changed."
                )
            form = await request.form(max_files=1, max_fields=500)
            token = form.get("_token")
            if not isinstance(token, str) or not hmac.compare_digest(
                token.encode(), session.token.encode()
            ):
                if page.keeps:
                    return await run_in_threadpool(signin.lead_to_the_door, console, request, form)
                raise HTTPException(
                    403, "This page is too old. Go back, load it anew, and try again."
                )
        visit = Visit(request, console, session, form)
        if not (page.own or halts) and visit.owes_second_factor:
            return RedirectResponse("/own", 303)
        right = page.act if posted else page.look
        if not visit.may(right):
            raise HTTPException(403, "Your role does not include this. Nothing was changed.")
        try:
            return await run_in_threadpool(_answer, view, visit, posted)
        finally:
            await form.close()

    return endpoint


def _answer(view: View, visit: Visit, posted: bool) -> Response:
    if posted:  # what is written goes into the log that lies there now
        visit.console.ledger.follow()
    return view(visit)


def _session(console: Console, request: Request) -> BrowserSession | None:
    session = console.sessions.find(request.cookies.get(console.cookie, ""))
    if session is not None and not session.language:
        session.language = preferred(request.headers.get("accept-language", ""))
    return session


# ------------------------------------------------------------------------------------------- errors


def _visit(console: Console, request: Request) -> Visit | None:
    session = getattr(request.state, "session", None) or _session(console, request)
    if session is None or console.sessions.asleep(session):
        return None
    return Visit(request, console, session)


def _said(console: Console, request: Request, status: int, message: str) -> Response:
    visit = _visit(console, request)
    if visit is None:
        return Response(message, status)
    return _page(visit, status, visit.say(message))


def _page(
    visit: Visit, status: int, message: str, hint: str = "", problems: Sequence[Problem] = ()
) -> Response:
    request = visit.request
    back = came_from(request.headers, visit.console.origins) if request.method == "POST" else ""
    return visit.page(
        "error.html", status, message=message, hint=hint, problems=problems, back=back
    )


def _not_here(console: Console) -> Any:
    async def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        usual = {
            404: "There is no such page.",
            405: "This cannot be done in this way. Nothing was changed.",
        }
        said = error.detail != HTTPStatus(error.status_code).phrase
        message = error.detail if said else usual.get(error.status_code, error.detail)
        return await run_in_threadpool(_said, console, request, error.status_code, message)

    return handler


def _in_words(console: Console) -> Any:
    async def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, MailerError)
        visit = _visit(console, request)
        nowhere = isinstance(error, UsageError) and request.method == "GET"
        status = 409 if isinstance(error, Refused) else 404 if nowhere else 400
        if visit is None:
            return Response(error.message, status)
        message, hint = (visit.say.refusal(one or "") for one in (error.message, error.hint))
        return await run_in_threadpool(_page, visit, status, message, hint, error.problems)

    return handler


def _mistake(console: Console) -> Any:
    async def handler(request: Request, _error: Exception) -> Response:
        message = (
            "This is a mistake in the mailer. Nothing was sent by it; the details are in the"
            " terminal."
        )
        return await run_in_threadpool(_said, console, request, 500, message)

    return handler
