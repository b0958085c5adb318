"""The review page: server-rendered HTML over the decision service. No script, no build, nothing from elsewhere.

GET /  ·  GET /candidates/NAME  ·  GET /candidates/NAME/evidence  ·  POST /candidates/NAME/decision  ·  GET /style.css

It listens on loopback and takes requests only under a loopback name (no DNS rebinding); a decision needs the token that only
its own form knows. Who decides is whoever runs it, as the registry knows that person.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from fde_api.candidate import PatternCandidate
from fde_api.errors import ApiError
from fde_api.primitive import Runtime
from fde_events.errors import BadInput, FdeError, Refused, Unavailable
from fde_registry.registry import Registry
from fde_review import exhibit
from fde_review.decision import Checker, Decisions, missing

_HERE: Final = Path(__file__).parent
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MAX_BODY: Final = 64 * 1024
_COLOURS: Final = 8
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ChallengeStatus(Protocol):
    """One challenge on its way, as the extraction worker tells it (see fde_extraction.status)."""

    @property
    def challenge(self) -> str:
        """Its id."""
        ...

    @property
    def title(self) -> str:
        """What it is about."""
        ...

    def line(self) -> str:
        """One sentence."""
        ...


def create_app(
    registry: Registry,
    status: Callable[[], Sequence[ChallengeStatus]] = tuple,
    *,
    checker: Checker,
    may_decide: bool = True,
) -> Starlette:
    """The page over `registry`. `status`: how far each challenge is; `may_decide` False shows and takes no decision."""
    return _Page(registry, status, Decisions(registry, checker), may_decide).app()


class _Page:
    def __init__(
        self,
        registry: Registry,
        status: Callable[[], Sequence[ChallengeStatus]],
        decisions: Decisions,
        may_decide: bool,
    ) -> None:
        self.registry, self.status, self.decisions, self.may_decide = registry, status, decisions, may_decide
        self.token = secrets.token_urlsafe(32)
        self.templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.index, methods=["GET"]),
                Route("/style.css", self.style, methods=["GET"]),
                Route("/candidates/{name}", self.show, methods=["GET"]),
                Route("/candidates/{name}/evidence", self.evidence, methods=["GET"]),
                Route("/candidates/{name}/decision", self.decide, methods=["POST"]),
            ],
            middleware=[Middleware(_Guard)],
            exception_handlers={FdeError: self.sorry, ApiError: self.sorry, 404: self.lost},
        )

    def index(self, request: Request) -> Response:
        candidates = [_summary(candidate) for candidate in self.registry.candidates()]
        candidates.sort(key=lambda item: (item["state"] != "Proposed", item["name"]))
        statuses = [{"challenge": s.challenge, "title": s.title, "line": s.line()} for s in self.status()]
        return self._html(
            "index.html",
            candidates=candidates,
            statuses=statuses,
            primitives=[primitive.metadata.name for primitive in self.registry.primitives()],
        )

    def show(self, request: Request) -> Response:
        return self._show(self.registry.candidate(request.path_params["name"]))

    def evidence(self, request: Request) -> Response:
        """Where each parameter stands in each sibling: private, so it is a page of its own and each look is noted."""
        candidate = self.registry.candidate(request.path_params["name"])
        found = self.decisions.checker.attributed(candidate, who=self.registry.whoami())
        return self._html(
            "evidence.html",
            summary=_summary(candidate),
            siblings=exhibit.by_sibling(found),
            colours=_colours(candidate),
        )

    async def decide(self, request: Request) -> Response:
        body = await _body(request)
        form = {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
        return await run_in_threadpool(self._decide, request.path_params["name"], form)

    def _decide(self, name: str, form: dict[str, str]) -> Response:
        if not self.may_decide:
            return PlainTextResponse("This page shows; decisions are made with `fde review`.", 403)
        if not hmac.compare_digest(form.get("token", "").encode(), self.token.encode()):
            return PlainTextResponse("The form is not of this page, or it is too old: open the candidate again.", 403)
        candidate = self.registry.candidate(name)
        try:
            generation = int(form.get("generation", ""))
            if form.get("decision") == "approve":
                self.decisions.approve(
                    name,
                    reason=form.get("reason", ""),
                    generation=generation,
                    library_only=form.get("runs") == "library",
                    acknowledged=form.get("acknowledged") == "yes",
                    runtime=_runtime(form.get("workload", "")) if form.get("runs") == "workload" else None,
                )
            elif form.get("decision") == "reject":
                self.decisions.reject(name, reason=form.get("reason", ""), generation=generation)
            else:
                return PlainTextResponse("A decision is approve or reject.", 400)
        except ValueError:
            return PlainTextResponse("The form names no generation: open the candidate again.", 400)
        except (Refused, BadInput) as refused:
            return self._show(candidate, error=str(refused), form=form, code=409)
        return RedirectResponse(f"/candidates/{name}", 303)

    def style(self, request: Request) -> Response:
        return Response((_HERE / "static" / "style.css").read_text(), media_type="text/css")

    def sorry(self, request: Request, error: Exception) -> Response:
        code = 503 if isinstance(error, Unavailable) else 404 if isinstance(error, Refused) else 500
        return self._html("sorry.html", code=code, sentence=str(error))

    def lost(self, request: Request, error: Exception) -> Response:
        return self._html("sorry.html", code=404, sentence="There is no such page.")

    def _show(
        self, candidate: PatternCandidate, *, error: str = "", form: dict[str, str] | None = None, code: int = 200
    ) -> Response:
        me = self.registry.whoami()
        spec = candidate.spec
        needs = missing(candidate, reviewer=me)
        checker = self.decisions.checker
        inferred, compliance = checker.inferred(spec.proposal)
        acknowledge = exhibit.acknowledge_of(candidate)
        return self._html(
            "candidate.html",
            code=code,
            c=candidate,
            summary=_summary(candidate),
            colours=_colours(candidate),
            files=[(file, exhibit.lines_of(n, file)) for n, file in enumerate(spec.proposal.template.files)],
            parameters=exhibit.parameters_of(candidate),
            acknowledge=acknowledge,
            to_acknowledge=sum(len(group.entries) for group in acknowledge),
            inferred=exhibit.by_field(inferred),
            compliance=exhibit.by_field(compliance),
            has_evidence=checker.reaches(candidate),
            needs=needs,
            needs_workload=any("runtime.workload" in sentence for sentence in needs),
            barred=me == spec.author.username or me in spec.contributors,
            runtime=yaml.safe_dump(msgspec.to_builtins(spec.proposal.runtime), sort_keys=False),
            may_decide=self.may_decide,
            error=error,
            form=form or {},
        )

    def _html(self, name: str, *, code: int = 200, **values: Any) -> HTMLResponse:
        page = self.templates.get_template(name).render(me=self.registry_name(), token=self.token, **values)
        return HTMLResponse(page, code)

    def registry_name(self) -> str:
        """Who decides; a page about a registry that is away still renders."""
        try:
            return self.registry.whoami()
        except FdeError:
            return "unknown (the registry does not answer)"


class _Guard(BaseHTTPMiddleware):
    """Only under a loopback name, only from its own origin; every answer with the security headers."""

    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        refused = _refusal(request)
        response = PlainTextResponse(refused, 421) if refused else await call_next(request)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response


def _refusal(request: Request) -> str:
    host = request.headers.get("host", "")
    if _hostname(f"//{host}") not in _LOOPBACK:
        return "This page answers under 127.0.0.1 and localhost only."
    origin = request.headers.get("origin")
    if request.method == "POST" and origin is not None and urlsplit(origin).netloc != host:
        return "A decision must come from this page itself."
    return ""


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _body(request: Request) -> str:
    """The form as text. Refused above 64 KiB: no form of ours is as long."""
    found = b""
    async for chunk in request.stream():
        found += chunk
        if len(found) > _MAX_BODY:
            raise HTTPException(413, "The form is larger than 64 KiB.")
    return found.decode("utf-8", "replace")


def _runtime(text: str) -> Runtime:
    """A runtime typed into the form: the whole of it, or the workload alone."""
    try:
        document = yaml.safe_load(text) or {}
        if isinstance(document, dict) and "image" in document:
            document = {"workload": document}
        return msgspec.convert(document, Runtime)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BadInput("workload", str(error)) from error


def _colours(candidate: PatternCandidate) -> dict[str, int]:
    return {parameter.name: n % _COLOURS for n, parameter in enumerate(candidate.spec.proposal.parameters)}


def _summary(candidate: PatternCandidate) -> dict[str, Any]:
    spec = candidate.spec
    return {
        "name": candidate.metadata.name,
        "generation": candidate.metadata.generation or 1,
        "state": candidate.state,
        "primitive": spec.proposal.object_name,
        "title": spec.signal.title or spec.signal.challenge,
        "deployments": spec.signal.deployments,
        "customers": spec.signal.customers,
        "parameters": len(spec.proposal.parameters),
        "proof": spec.proof.line() if spec.proof is not None else "no proof",
        "proven": spec.proof is not None and spec.proof.rebuilt == spec.proof.siblings and not spec.proof.leaks,
        "languages": ", ".join(sorted({file.language for file in spec.proposal.template.files})),
        "visible": len(spec.proposal.provenance.visible_to),
    }
