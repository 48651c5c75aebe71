"""Airflow's own REST API, for what tasks and people cannot do otherwise: pools, runs by name, health.

Tasks have no access to Airflow's database; the suite looks after itself through the same door as
everybody else, with a user's rights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import httpx

from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError, excerpt

TIMEOUT_SECONDS = 15.0
PAGE = 100


@dataclass(frozen=True)
class Login:
    """Where the API server is and who asks. `base_url` ends before `/api/v2`."""

    base_url: str
    username: str
    password: str = field(repr=False)


class AirflowApi:
    """A session with Airflow's REST API; a context manager. The token is fetched with the first request."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._http = httpx.Client(base_url=login.base_url.rstrip("/"), timeout=TIMEOUT_SECONDS)
        self._token: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def healthy(self) -> bool:
        """Return whether the scheduler, triggerer, DAG processor and database say that they are well."""
        try:
            parts = self._http.get("/api/v2/monitor/health").json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(part.get("status") == "healthy" for part in parts.values())

    def dag_ids(self, tag: str) -> list[str]:
        """Return the ids of all DAGs with the tag, sorted."""
        return sorted(dag["dag_id"] for dag in self._all("/api/v2/dags", "dags", {"tags": tag}))

    def dags(self, tag: str) -> list[dict[str, Any]]:
        """Return what Airflow knows of the DAGs with the tag whose files it still finds."""
        return self._all("/api/v2/dags", "dags", {"tags": tag})

    def next_dags(self, tag: str, before: datetime) -> list[dict[str, Any]]:
        """Return what Airflow knows of the DAGs with the tag whose next run was due before a time.

        Airflow cannot select them, but sorts by the beginning of the next run's interval: where the intervals
        are about as long, those longest due come first, and no page is read after one without any.
        """
        found: list[dict[str, Any]] = []
        for page in self._pages("/api/v2/dags", "dags", {"tags": tag, "order_by": "next_dagrun"}):
            due = [dag for dag in page if (at := dag["next_dagrun_run_after"]) and _at(at) < before]
            found += due
            if not due:
                break
        return found

    def runs(
        self,
        *,
        state: Sequence[str],
        end_date_gte: datetime | None = None,
        run_after_lte: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Return the runs of all DAGs in certain states, and ended or due in a certain time."""
        times = {"end_date_gte": end_date_gte, "run_after_lte": run_after_lte}
        given = {name: moment.isoformat() for name, moment in times.items() if moment is not None}
        return self._all("/api/v2/dags/~/dagRuns", "dag_runs", {"state": list(state), **given})

    def ran_on_schedule(self, dag_id: str, before: datetime) -> bool:
        """Return whether a DAG has a scheduled run that was due before a time."""
        params = {"run_type": "scheduled", "run_after_lt": before.isoformat(), "limit": 1}
        return bool(self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=params).json()["total_entries"])

    def waiting_tasks(self, pools: str, now: datetime) -> list[dict[str, Any]]:
        """Return the task instances that wait for a slot of a pool or for a worker, of the oldest runs first.

        pools: how the names of their pools begin. At most one page: who waits longest is in it.
        """
        params: dict[str, Any] = {
            "state": ["scheduled", "queued"],
            "pool_name_prefix_pattern": pools,
            "run_after_lte": now.isoformat(),
            "order_by": "run_after",
            "limit": PAGE,
        }
        page = self._ask("GET", "/api/v2/dags/~/dagRuns/~/taskInstances", params=params).json()
        return list(page["task_instances"])

    def health(self) -> dict[str, Any]:
        """Return what each part of Airflow says of itself."""
        found: dict[str, Any] = self._ask("GET", "/api/v2/monitor/health").json()
        return found

    def import_errors(self) -> list[dict[str, Any]]:
        """Return what the UI shows as import errors."""
        return self._all("/api/v2/importErrors", "import_errors", {})

    def trigger(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        run_after: datetime | None = None,
    ) -> bool:
        """Trigger a run under a name of the caller's own; False where it exists already.

        run_after: the run stays queued until then, and costs the scheduler nothing.
        """
        body: dict[str, Any] = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf or {})}
        if run_after is not None:
            body["run_after"] = run_after.isoformat()
        answer = self._ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body, accept=(409,))
        return answer.status_code != httpx.codes.CONFLICT

    def knows(self, dag_id: str) -> bool:
        """Return whether Airflow has the DAG."""
        return self._ask("GET", f"/api/v2/dags/{dag_id}", accept=(404,)).is_success

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return what Airflow knows of a run."""
        found: dict[str, Any] = self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}").json()
        return found

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run: queued, running, success or failed."""
        return str(self.run(dag_id, run_id)["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return the state of every task of a run."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return {row["task_id"]: row["state"] for row in self._all(path, "task_instances", {})}

    def ended_before(self, dag_id: str, before: datetime) -> tuple[list[str], int]:
        """Return names of a DAG's runs that ended before a time, oldest first, and how many there are.

        The names are those of one page; the number is that of all.
        """
        params: dict[str, Any] = {
            "state": ["success", "failed"],
            "end_date_lt": before.isoformat(),
            "order_by": "end_date",
            "limit": PAGE,
        }
        page = self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=params).json()
        return [run["dag_run_id"] for run in page["dag_runs"]], int(page["total_entries"])

    def delete_runs(self, dag_id: str, run_ids: Sequence[str]) -> int:
        """Delete runs with their task instances; return how many there were. One that is gone is no error.

        Raises PermanentError where Airflow refuses one, such as a run that somebody has just cleared.
        """
        action = {
            "action": "delete",
            "entities": [{"dag_run_id": run_id} for run_id in run_ids],
            "action_on_non_existence": "skip",
        }
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        deleted = self._ask("PATCH", path, json={"actions": [action]}).json()["delete"]
        if errors := deleted["errors"]:
            raise PermanentError(
                f"Airflow does not delete {len(errors)} of {len(run_ids)} runs of {dag_id}: "
                f"{excerpt(str(errors[0].get('error')))}"
            )
        return len(deleted["success"])

    def ensure_pool(self, name: str, slots: int, description: str) -> bool:
        """Make the pool if it is missing; return whether it was. An existing one keeps its slots."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        answer = self._ask("POST", "/api/v2/pools", json=body, accept=(409,))
        return answer.status_code != httpx.codes.CONFLICT

    def pools(self) -> set[str]:
        """Return the names of all pools."""
        return {pool["name"] for pool in self._all("/api/v2/pools", "pools", {})}

    def _all(self, path: str, key: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [row for page in self._pages(path, key, params) for row in page]

    def _pages(self, path: str, key: str, params: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        read = 0
        while True:
            page = self._ask("GET", path, params={**params, "limit": PAGE, "offset": read}).json()
            read += len(page[key])
            yield page[key]
            if not page[key] or read >= page["total_entries"]:
                return

    def _ask(
        self,
        method: str,
        path: str,
        *,
        accept: Sequence[int] = (),
        json: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        if self._token is None:
            self._token = self.new_token()
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._send(method, path, headers=headers, json=json, params=params)
        if answer.is_success or answer.status_code in accept:
            return answer
        raise _refusal(method, path, answer)

    def new_token(self) -> str:
        """Sign in and return the token. Raises ConfigurationError where Airflow refuses the user."""
        login = {"username": self._login.username, "password": self._login.password}
        answer = self._send("POST", "/auth/token", json=login)
        if not answer.is_success:
            raise ConfigurationError(
                f"Airflow at {self._login.base_url} refused the user {self._login.username!r} "
                f"({answer.status_code}); check the connection's login and password"
            )
        try:
            return str(answer.json()["access_token"])
        except (ValueError, KeyError) as e:
            raise BadAnswer(f"Airflow at {self._login.base_url} answered a login without a token") from e

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.HTTPError as e:
            raise TemporaryError(
                f"Airflow's API at {self._login.base_url} does not answer: {type(e).__name__}"
            ) from e


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _refusal(method: str, path: str, answer: httpx.Response) -> TemporaryError | PermanentError:
    busy = answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error
    said = f"Airflow answered {answer.status_code} to {method} {path}: {excerpt(answer.text)}"
    return TemporaryError(said) if busy else PermanentError(said)


def wait_until_healthy(api: AirflowApi, timeout_seconds: float, poll_seconds: float = 0.5) -> None:
    """Return when Airflow is healthy. Raises TemporaryError when it is not in time."""
    end = time.monotonic() + timeout_seconds
    while not api.healthy():
        if time.monotonic() > end:
            raise TemporaryError(f"Airflow is not healthy after {timeout_seconds:g} s")
        time.sleep(poll_seconds)
