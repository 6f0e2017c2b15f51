"""The pages as a web application: addresses, answers, and what is said where there is none."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, StreamingResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from data.errors import HeadroomError, OutcomeError
from serving.access.forms import checked_form, csrf_token, written
from serving.access.oidc import SIGN_OUT
from serving.access.plain import WayOn, plain_page
from serving.access.protect import protect
from serving.access.settings import AccessSettings
from serving.access.viewer import OwnersOf, log_not_yours
from serving.published.read import PublishedList
from serving.render import html
from serving.settings import ServeSettings
from serving.store.views import SavedView, ViewError, ViewStore
from serving.web.export import as_csv, as_excel, columns_of
from serving.web.frame import Frame, frame_of, render
from serving.web.index import ListIndex, Places
from serving.web.lists import PublishedLists
from serving.web.pages import excluded, my_list, reports, team, views
from serving.web.pages.account import account_page
from serving.web.pages.monitoring import monitoring_page
from serving.web.pages.my_list import Desk, counts_of, place_for
from serving.web.pages.record import (
    ActionForm,
    action_form,
    correction_form,
    outcome_of,
    refused_form,
    request_key_of,
    row_to_correct,
)
from serving.web.pages.tasks import HeldTasks, task_page
from serving.web.ports import Sight, WorkLog, viewer
from serving.web.query import (
    CORRECT,
    ApartQuery,
    ListQuery,
    Q,
    QueryError,
    TaskQuery,
    account_address,
    account_asked_for,
    read_query,
)
from serving.web.work import HeldWork

LOG = logging.getLogger("headroom.web")
HERE = Path(__file__).parent
STATIC = {
    "list.css": (Path(html.__file__).with_name("templates") / "list.css", "text/css"),
    "serve.css": (HERE / "static" / "serve.css", "text/css"),
    "serve.js": (HERE / "static" / "serve.js", "text/javascript"),
}
"""The files that a page loads: the look of the static page, what is new here, and a few keys."""
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ROWS_AT_ONCE = 1_000
_NOT_THERE = {404: "there is no such page.", 405: "this page does not answer to {method}."}
"""What is found instead of a page, by the status of the answer."""


def today_utc() -> date:
    return datetime.now(UTC).date()


def itself(email: str) -> Iterable[str]:
    """The owner of the list that an e-mail stands for: one of that name."""
    return [email]


@dataclass(frozen=True)
class Site:
    """What the pages stand on. ``work`` is None where nothing is recorded of what was done, ``views`` where no view is
    saved.

    ``access``: who may look. ``owners_of``: the owners of an e-mail where ``[serve.people]`` names none. ``port``: the
    one that is listened on, where it is known.
    """

    out: Path
    reports: Path
    settings: ServeSettings
    work: WorkLog | None = None
    access: AccessSettings = field(default_factory=AccessSettings)
    owners_of: OwnersOf = itself
    sight: Callable[[Request], Sight] = viewer
    today: Callable[[], date] = today_utc
    port: int = 0
    views: ViewStore | None = None


def create_app(site: Site, lists: PublishedLists | None = None) -> FastAPI:
    """The application. It reads what is published in ``site.out``, and writes what is done to ``site.work`` alone.

    ``lists``: those of ``site.out``, where they were opened before. Raises SettingsError where its settings let in
    whoever asks.
    """
    app = FastAPI(title=site.settings.title, docs_url=None, redoc_url=None, openapi_url=None)
    answers = _Answers(site, lists or PublishedLists(site.out))
    for path, answer in {
        "/": answers.my_list,
        "/export.csv": answers.csv,
        "/export.xlsx": answers.excel,
        "/accounts": answers.account,
        "/accounts/{account_id:path}": answers.account,
        "/excluded": answers.excluded,
        "/tasks": answers.my_tasks,
        "/team": answers.team,
        "/model": answers.model,
        "/backtest": answers.backtest,
        "/monitoring": answers.monitoring,
        "/experiment": answers.experiment,
        "/static/{name}": _static,
    }.items():
        app.api_route(path, methods=["GET", "HEAD"])(answer)
    if site.views is not None:
        of_views = _ViewAnswers(site.views, answers)
        for path, show, change in (
            ("/views", of_views.all, of_views.save),
            ("/views/{number:int}", of_views.open, of_views.change),
        ):
            app.api_route(path, methods=["GET", "HEAD"])(show)
            app.post(path)(change)
    if site.work is not None:
        for path in ("/accounts", "/accounts/{account_id:path}"):
            app.post(path)(answers.record)
    app.add_exception_handler(HeadroomError, answers.refused)
    app.add_exception_handler(StarletteHTTPException, answers.not_there)
    protect(app, site.access, site.owners_of, site.port)
    return app


def _static(request: Request) -> Response:
    found = STATIC.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return FileResponse(found[0], media_type=found[1], headers={"Cache-Control": "max-age=3600"})


class _Answers:
    """The answer to each address."""

    def __init__(self, site: Site, lists: PublishedLists) -> None:
        self.site, self.lists = site, lists
        self.work = None if site.work is None else HeldWork(site.work)
        self.tasks = HeldTasks()

    def my_list(self, request: Request) -> Response:
        index = self.lists.latest()
        query, left_out = self.asked(ListQuery, request.query_params.multi_items(), request, index)
        return self.list_page(request, index, query, left_out=left_out)

    def list_page(
        self, request: Request, index: ListIndex, query: ListQuery, *, status: int = 200, **values: Any
    ) -> Response:
        """A page of the list, with the saved views above it."""
        desk = self._desk(request)
        page = my_list.my_list(index, query, desk, self.site.settings.page_rows)
        if self.site.views is not None:
            seen = views.views_seen(self.site.views, desk.sight)
            values = {
                "tabs": views.tabs(seen, query, desk.sight),
                "view_form": views.ViewForm(),
                "view_token": csrf_token(request),
                "asked": views.asked_text(query),
            } | values
        return self.page("my_list", request, index, status=status, page=page, **values)

    def csv(self, request: Request) -> Response:
        index, query, desk, places = self._export(request)
        chunks = (places[start : start + _ROWS_AT_ONCE] for start in range(0, len(places), _ROWS_AT_ONCE))
        rows = (row for chunk in chunks for row in my_list.rows(index, chunk, query, desk))
        lines = as_csv(rows, columns_of(query))
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=_attached(index, "csv"))

    def excel(self, request: Request) -> Response:
        index, query, desk, places = self._export(request)
        settings = index.listing.manifest["serving"]
        if len(places) > settings["workbook_rows"]:
            raise QueryError(
                "Write these rows as an Excel file.",
                f"there are {len(places):,}, and it takes {settings['workbook_rows']:,} at most.",
                "Filter the list, or take the CSV file.",
            )
        content = as_excel(my_list.rows(index, places, query, desk), columns_of(query), settings["currency"])
        return Response(content, media_type=_EXCEL, headers=_attached(index, "xlsx"))

    def account(self, request: Request) -> Response:
        index, form = self.lists.latest(), None
        if self.site.work is not None:
            form = action_form(csrf_token(request), self.site.today(), index.listing)
        return self._account(request, index, form)

    def record(self, request: Request) -> Response:
        """What was done about an account, or what should stand in the place of a row of it.

        It is about the list that its sender saw, and the account may have left the list since. The page is shown anew,
        with a form that is refused as it was filled.
        """
        form = checked_form(request)
        asked = account_asked_for(request)
        index, desk = self.lists.latest(), self._desk(request)
        if desk.work is None or not self._is_theirs(index, asked, desk.sight):
            return self._no_account(request, index, asked)
        has_page = index.place(asked) is not None
        number = request.query_params.get(CORRECT, "")
        corrected = row_to_correct(desk.work.history(asked), number, request_key_of(form, asked)) if number else None
        corrects = None if corrected is None else corrected[0]
        try:
            desk.work.append([outcome_of(form, self._lists(index), asked, desk.sight.name, corrects)])
        except OutcomeError as error:
            if not has_page:
                return self._no_account(request, index, asked, error.found)
            refused = refused_form(csrf_token(request), self.site.today(), index.listing, form, error)
            return self._account(request, index, refused, status=422)
        if not has_page:
            return plain_page(
                200,
                "Recorded",
                "The account has left the list since, and has no page any more.",
                WayOn("/", "To the list"),
                told=written(form),
                title=self.site.settings.title,
            )
        return RedirectResponse(f"{account_address(asked)}#done", 303)

    def _is_theirs(self, index: ListIndex, account_id: str, sight: Sight) -> bool:
        """Is it an account that they may see, today or, where it has left the list, on the last one that had it?"""
        if index.place(account_id) is not None:
            return place_for(index, account_id, sight) is not None
        for listing in self._lists(index):
            for score in listing.of_account("scores", account_id, ("owner",)):
                return sight.may_see(score["owner"])
        return False

    def _lists(self, index: ListIndex) -> Iterator[PublishedList]:
        """The lists that a page may have shown: the latest, and the earlier ones that are still here."""
        yield index.listing
        yield from reversed(self.lists.looked_back_at().lists)

    def excluded(self, request: Request) -> Response:
        index = self.lists.latest()
        query, left_out = self.asked(ApartQuery, request.query_params.multi_items(), request, index)
        page = excluded.excluded_page(index, query, self._desk(request), self.site.settings.page_rows)
        return self.page("excluded", request, index, page=page, left_out=left_out)

    def my_tasks(self, request: Request) -> Response:
        index, desk = self.lists.latest(), self._desk(request)
        query, left_out = self.asked(TaskQuery, request.query_params.multi_items(), request, index)
        page = task_page(index, self.tasks.of(index, desk), query, desk, self.site.settings.page_rows)
        return self.page("tasks", request, index, page=page, left_out=left_out)

    def team(self, request: Request) -> Response:
        index = self.lists.latest()
        return self.page("team", request, index, page=team.team_page(index, self._desk(request)))

    def model(self, request: Request) -> Response:
        index = self.lists.latest()
        return self.page("model", request, index, page=reports.model_page(index.listing, self.site.reports))

    def backtest(self, request: Request) -> Response:
        index = self.lists.latest()
        return self.page("backtest", request, index, page=reports.backtest_page(index.listing, self.site.reports))

    def monitoring(self, request: Request) -> Response:
        index = self.lists.latest()
        page = monitoring_page(self.site.out, index.listing, self.site.sight(request))
        return self.page("monitoring", request, index, page=page)

    def experiment(self, request: Request) -> Response:
        """For leads and the data team; to a CSM it is a page that is not there."""
        if not may_see_experiment(self.site.sight(request)):
            log_not_yours(request, "the experiment")
            raise HTTPException(404)
        index = self.lists.latest()
        return self.page("experiment", request, index, page=reports.experiment_page(index.listing, self.site.reports))

    def refused(self, request: Request, error: Exception) -> Response:
        """An address that asks for what cannot be, or a list that cannot be read."""
        assert isinstance(error, HeadroomError)
        if isinstance(error, (QueryError, OutcomeError, ViewError)):
            return self._bare(request, 400, error.asked, error.found, error.todo)
        LOG.error("%s %s could not be answered: %s", request.method, request.url.path, error)
        if request.method == "POST":
            todo = "Nothing has been recorded: send it again later."
            return self._bare(request, 503, "Record what was sent.", error.found, todo)
        return self._bare(request, 503, "Show the list.", error.found, error.todo)

    def not_there(self, request: Request, error: Exception) -> Response:
        """An address that there is not, or that cannot be asked in this way."""
        assert isinstance(error, StarletteHTTPException)
        found = _NOT_THERE.get(error.status_code, f"{error.detail}.").format(method=request.method)
        answer = self._bare(request, error.status_code, "Show this page.", found, "Begin with the list.")
        answer.headers.update(error.headers or {})
        return answer

    def asked(
        self, kind: type[Q], given: Iterable[tuple[str, str]], request: Request, index: ListIndex
    ) -> tuple[Q, tuple[str, ...]]:
        """What an address asks for, an owner as the list writes it. The book of another is not there."""
        query, left_out = read_query(kind, given)
        if query.owner and not self.site.sight(request).may_see(query.owner):
            log_not_yours(request, f"the accounts of {query.owner}")
            raise HTTPException(404)
        return query.model_copy(update={"owner": index.owner_named(query.owner)}), left_out

    def _account(self, request: Request, index: ListIndex, form: ActionForm | None, *, status: int = 200) -> Response:
        asked = account_asked_for(request)
        page = account_page(index, self.lists.looked_back_at(), asked, self._desk(request))
        if page is None:
            return self._no_account(request, index, asked)
        if form is not None and page.done is not None:
            corrected = row_to_correct(reversed(page.done), request.query_params.get(CORRECT, ""))
            form = form if corrected is None else correction_form(form, *corrected)
        return self.page("account", request, index, status=status, page=page, form=form)

    def _no_account(self, request: Request, index: ListIndex, asked: str, why: str = "") -> Response:
        """The same answer for an account that is not there and for one that is not theirs to see.

        ``why``: what is wrong with a form that was sent about one that has left the list.
        """
        if index.place(asked) is not None:
            log_not_yours(request, f"account {asked}")
        sent = _sent(request)
        return self.page("no_account", request, index, status=404, asked=asked[:200], why=why, sent=sent)

    def _export(self, request: Request) -> tuple[ListIndex, ListQuery, Desk, Places]:
        """The rows to export: of the page that is asked for, of all pages where none is."""
        index, desk = self.lists.latest(), self._desk(request)
        query, _ = self.asked(ListQuery, request.query_params.multi_items(), request, index)
        places = my_list.all_rows(index, query, desk)
        if "page" in request.query_params:
            rows = self.site.settings.page_rows
            places = places[(query.page - 1) * rows : query.page * rows]
        return index, query, desk, places

    def _desk(self, request: Request) -> Desk:
        """Who looks at what, the same for all of a request."""
        if not hasattr(request.state, "desk"):
            request.state.desk = Desk(self.site.sight(request), self.work, self.site.today())
        desk: Desk = request.state.desk
        return desk

    def _frame(self, request: Request, index: ListIndex) -> Frame:
        refused = self.lists.refused
        why = "" if refused is None else refused.clause
        return frame_of(index.listing, self.site.settings, self.site.today(), self.site.sight(request).name, why)

    def page(self, name: str, request: Request, index: ListIndex, *, status: int = 200, **values: Any) -> Response:
        frame = self._frame(request, index)
        token = csrf_token(request) if self.site.access.sign_in == "oidc" else None
        values |= {"sign_out_token": token, "sign_out_path": SIGN_OUT}
        desk = self._desk(request)
        values |= {"tasks_due": self.tasks.count(index, desk), "counts": counts_of(index, desk.sight)}
        values["has_experiment"] = may_see_experiment(desk.sight)
        text = render(f"{name}.html.j2", frame.currency, frame=frame, here=request.url.path, **values)
        return HTMLResponse(text, status)

    def _bare(self, request: Request, status: int, asked: str, found: str, todo: str) -> Response:
        """A page without a list: there may be none. What was sent is given back."""
        return plain_page(
            status,
            "This cannot be shown",
            way_on=WayOn("/", "To the list"),
            told={"Asked": asked, "Found": found, "To do": todo} | (_sent(request) or {}),
            title=self.site.settings.title,
        )


class _ViewAnswers:
    """The answers about saved views. One that is not theirs to open is a page that is not there."""

    def __init__(self, store: ViewStore, pages: _Answers) -> None:
        self.store, self.pages = store, pages

    def all(self, request: Request) -> Response:
        return self._all(request, {})

    def save(self, request: Request) -> Response:
        """Save what a list shows; the list is shown anew, with the form as it was filled where it is refused.

        What is not known of what it asks for is left out, and said on the list.
        """
        form, index = checked_form(request), self.pages.lists.latest()
        asked = parse_qsl(str(form.get("asked", "")), keep_blank_values=True)
        query, left_out = self.pages.asked(ListQuery, asked, request, index)
        try:
            self.store.add(views.view_of(form, query, self.pages.site.sight(request)))
        except ViewError as error:
            refused = views.refused_view(form, error)
            return self.pages.list_page(request, index, query, status=422, view_form=refused, left_out=left_out)
        if left_out:
            return self.pages.list_page(request, index, query, left_out=left_out)
        return RedirectResponse(f"/{query.address()}", 303)

    def open(self, request: Request) -> Response:
        view = self._view(request)
        return RedirectResponse(f"/{views.asked_by(view).address()}", 303)

    def change(self, request: Request) -> Response:
        """Rename, share or delete a view of one's own."""
        form, view = checked_form(request), self._view(request, is_own=True)
        if form.get("action") == "delete":
            self.store.remove(view)
            return RedirectResponse("/views", 303)
        try:
            self.store.change(view, str(form.get("name", "")), is_shared=views.SHARED in form)
        except ViewError as error:
            return self._all(request, {view.id: views.refused_view(form, error)}, status=422)
        return RedirectResponse("/views", 303)

    def _all(self, request: Request, refused: Mapping[int, views.ViewForm], *, status: int = 200) -> Response:
        sight = self.pages.site.sight(request)
        index, token = self.pages.lists.latest(), csrf_token(request)
        rows = views.view_rows(index, views.views_seen(self.store, sight), sight, refused)
        return self.pages.page("views", request, index, status=status, rows=rows, token=token)

    def _view(self, request: Request, *, is_own: bool = False) -> SavedView:
        """The view of an address, if they may open it, or if it is their own."""
        number, sight = request.path_params["number"], self.pages.site.sight(request)
        view = self.store.get(number)
        if view is None:
            raise HTTPException(404)
        if not views.may_open(view, sight) or (is_own and view.person != views.person_of(sight)):
            log_not_yours(request, f"the saved view {number}")
            raise HTTPException(404)
        return view


def may_see_experiment(sight: Sight) -> bool:
    """May they see what the list has earned? A CSM who knows it would treat the listed otherwise."""
    return sight.role != "csm"


def _sent(request: Request) -> dict[str, str] | None:
    """What somebody wrote into the form that was sent; None where none was."""
    return written(checked_form(request)) if request.method == "POST" else None


def _attached(index: ListIndex, suffix: str) -> dict[str, str]:
    name = f"headroom-{index.listing.snapshot_date.isoformat()}.{suffix}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}
