"""Things to back up by each method, told in values that a child process can be told, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool
from tests.acts.runs import Stages
from tests.servers.child import child_client
from tests.servers.situation import ClientsOf, make_system

from upkeep.acts.model import Act, Result
from upkeep.backups.dumps import DatabaseServer
from upkeep.backups.files.place import ResticPlace
from upkeep.backups.keys import BackupKey
from upkeep.backups.kubernetes.repository import GitLogin
from upkeep.backups.physical import Stanza
from upkeep.backups.physical.place import PgBackRestPlace
from upkeep.clients.prometheus import Point, Series

POLICY = "data"


_client = cache(child_client)


def engine(url: str) -> Engine:
    """Return the ledger."""
    return create_engine(url, poolclass=NullPool)


@dataclass(frozen=True)
class Steady:
    """A Prometheus whose values are all the same at all times."""

    value: float

    def instant(self, promql: str, at: datetime) -> list[Any]:
        return [SimpleNamespace(value=self.value)]

    def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> list[Series]:
        moments = [start + number * step for number in range(round((end - start) / step) + 1)]
        return [Series({}, tuple(Point(at, self.value) for at in moments))]


def clients(told: dict[str, Any]) -> ClientsOf:
    """Return the clients of what is told."""
    from tests.servers.cluster import api_client

    from upkeep.clients.kubernetes import Kubernetes

    made: dict[str, Any] = {"aws": {name: _client(name, url) for name, url in told["aws"].items()}}
    if "database" in told:
        made["database"] = {role: DatabaseServer(**one) for role, one in told["database"].items()}
    if "git" in told:
        made["git"] = (told["git"], GitLogin())
    if "folder" in told:
        made["folder"] = Path(told["folder"])
    if "password_file" in told:
        keys = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-central-1",
        }
        location = f"s3:{told['aws']['s3']}/{told['bucket']}/restic/{POLICY}"
        place = ResticPlace(location, Path(told["password_file"]), keys)
        made["restic"] = {told["bucket"]: place}
    if "stanza" in told:
        given = told["stanza"]
        paths = {name: Path(given[name]) for name in ("config", "programs")}
        stanza = Stanza(**given | paths)
        made["pgbackrest"] = {stanza.name: PgBackRestPlace(stanza, Path(told["folder"]))}
    if "kubernetes" in told:
        made["kubernetes"] = Kubernetes(api_client(told["kubernetes"], told["token"]), 20)
    if "metric" in told:
        made["prometheus"] = Steady(told["metric"])
    if "key" in told:
        made["backup_key"] = BackupKey(*told["key"])
    return ClientsOf(**made)


def act_of(told: dict[str, Any], run: dict[str, Any]) -> Act:
    """Return the act of a run."""
    return Act(
        system_id="shop",
        system=make_system(**told["parts"]),
        clients=clients(told),
        engine=engine(told["ledger"]),
        task_id=run["kind"],
        label=run["label"],
        began_at=datetime.fromisoformat(run["began_at"]),
        now=datetime.now(UTC) + timedelta(seconds=run.get("ahead", 0)),
        dry_run=False,
        form=run["form"],
        carried=run["carried"],
        run=(f"shop_{run['kind']}", run["label"]),
        attempt=0,
    )


def policy(bucket: str, source: dict[str, Any], encryption: str) -> dict[str, Any]:
    """Return the policy in the words of the catalog."""
    location = {"kind": "s3_objects", "connection": "shop_aws", "bucket": bucket, "prefix": "copies/"}
    return {
        "title": "Data",
        "what": "The data",
        "method": "dump",
        "location": location,
        "source": source,
        "encryption": encryption,
        "rpo_minutes": 60,
    }


class Now(Stages):
    """A run whose stages go by the clock on the wall, as what they call does."""

    def do(self, name: str, **changes: Any) -> Result:
        return super().do(name, **{"now": datetime.now(UTC)} | changes)


@dataclass
class World:
    """One policy, `data`: what it backs up, and how its runs go.

    told: plain values. state: reads the source, to compare. damaged: which of the stored objects holds the
    data, by the end of its key.
    """

    told: dict[str, Any]
    s3: Any
    state: Callable[[], Any]
    data: str
    recovery: str
    drill: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        return str(self.told["bucket"])

    def run(self, kind: str, label: str = "one", *, policy: str = POLICY, **form: Any) -> Stages:
        """Begin a run of a kind."""
        run = {
            "kind": kind,
            "label": label,
            "form": form,
            "carried": {},
            "began_at": datetime.now(UTC).isoformat(),
        }
        given = {"policy": policy} | (self.parameters if kind in (self.recovery, self.drill) else {})
        return Now(act_of(self.told, run), kind, given)

    def through(self, **urls: str) -> World:
        """Return the same with other ways to services of AWS."""
        return replace(self, told={**self.told, "aws": {**self.told["aws"], **urls}})

    def with_policy(self, **changes: Any) -> World:
        """Return the same with another policy."""
        parts = json.loads(json.dumps(self.told["parts"]))
        parts["backups"][POLICY] |= changes
        return replace(self, told={**self.told, "parts": parts})

    def stored(self) -> dict[str, int]:
        """Return the sizes of what is in the bucket."""
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {one["Key"]: one["Size"] for one in found}

    def largest(self) -> str:
        """Return the key of the largest object that holds the data."""
        sizes = {key: size for key, size in self.stored().items() if self.data in key}
        return max(sizes, key=lambda key: sizes[key])

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def harm(self, how: str) -> str:
        """Damage the largest object of the data, as a fault of the storage would; return its key."""
        key = self.largest()
        body = self.read(key)
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        middle = len(body) // 2
        damaged = {
            "flipped": body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :],
            "torn": body[: middle // 2] + bytes(100_000) + body[middle // 2 + 100_000 :],
            "cut": body[:middle],
        }
        if how != "lost":
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=damaged[how], ServerSideEncryption="AES256")
        return key

    def left_over(self) -> list[str]:
        """Return uploads that nobody has ended."""
        found = self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads") or []
        return [one["Key"] for one in found]
