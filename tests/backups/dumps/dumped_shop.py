"""The shop: tables with whatever makes a dump difficult, and how the tests look at it."""

from __future__ import annotations

import random
from typing import Any

from upkeep.backups.dumps import DatabaseServer, MySqlDump, PostgresDump
from upkeep.backups.dumps.dump import Dump
from upkeep.backups.dumps.marks import databases

BUCKET = "backups"
CUSTOMERS, ORDERS, PICTURES = 70, 2000, 6
PICTURE_BYTES = 1024**2
"""Noise, so that a dump has more than one part."""

NASTY = ("a\n(b", "'); DROP TABLE x; --", "\\", "\n(1,2),\n(3,4)", "LOCK TABLES `x` WRITE;", "é✓", "")

_MYSQL = """
CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(80) NOT NULL);
CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT, at DATETIME(6) NOT NULL,
    CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers (id));
CREATE TABLE `odd ``name%s` (a INT);
CREATE TABLE pictures (id INT PRIMARY KEY, data LONGBLOB NOT NULL)
"""
_POSTGRES = """
CREATE TABLE customers (id int PRIMARY KEY, name varchar(80) NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, customer int, at timestamptz NOT NULL,
    CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers (id));
CREATE SCHEMA "odd ""schema";
CREATE TABLE "odd ""schema"."odd ""name%s" (a int);
CREATE TABLE pictures (id int PRIMARY KEY, data bytea NOT NULL)
"""
_ALSO_MYSQL = (
    "CREATE TRIGGER upper_name BEFORE INSERT ON customers FOR EACH ROW\nBEGIN\n"
    "  -- INSERT INTO `customers` VALUES\n  SET NEW.name = TRIM(NEW.name);\nEND",
    "CREATE PROCEDURE nothing()\nBEGIN\n  SELECT\n(1);\nEND",
    "CREATE VIEW customer_names AS SELECT name FROM customers",
)


def fill(server: DatabaseServer) -> None:
    """Make the shop."""
    those, noise = databases(server), random.Random(1)
    those.drop(server.database)
    those.create(
        server.database,
        {"character_set": "utf8mb4", "collation": "utf8mb4_bin"} if server.engine == "mysql" else {},
    )
    script = _MYSQL if server.engine == "mysql" else _POSTGRES
    with server.session() as session:
        for statement in script.split(";\n"):
            session.run(statement)
        for number in range(CUSTOMERS):
            name = NASTY[number % len(NASTY)] + str(number)
            session.run("INSERT INTO customers VALUES (%s, %s)", (number, name))
        rows = ", ".join(
            f"({n % CUSTOMERS if n % 7 else 'NULL'}, '2026-03-01 02:{n % 60:02}:00')" for n in range(ORDERS)
        )
        session.run(f"INSERT INTO orders (customer, at) VALUES {rows}")
        for number in range(PICTURES):
            data = noise.randbytes(PICTURE_BYTES)
            session.run("INSERT INTO pictures VALUES (%s, %s)", (number, data))
        for statement in _ALSO_MYSQL if server.engine == "mysql" else ():
            session.run(statement)


def expected_rows(server: DatabaseServer) -> dict[str, int]:
    """Return the rows by table, as a dump of the shop names them."""
    rows = {"customers": CUSTOMERS, "orders": ORDERS, "pictures": PICTURES}
    if server.engine == "mysql":
        return {**rows, "odd `name%s": 0}
    return {**{f"public.{name}": count for name, count in rows.items()}, 'odd "schema.odd "name%s': 0}


def contents(server: DatabaseServer) -> list[Any]:
    """Return everything that matters in a shop, to compare."""
    digest = "MD5(data)" if server.engine == "mysql" else "md5(data)"
    with server.session() as session:
        return [
            session.run("SELECT id, name FROM customers ORDER BY id"),
            session.run("SELECT id, customer, at FROM orders ORDER BY id"),
            session.run(f"SELECT id, {digest} FROM pictures ORDER BY id"),
        ]


def dump(server: DatabaseServer, client: Any, **options: Any) -> Dump:
    """Return the dumps of a server's database under `shop/`."""
    method = MySqlDump if server.engine == "mysql" else PostgresDump
    return method(
        server=server, client=client, bucket=BUCKET, prefix="shop/", **({"encryption": "AES256"} | options)
    )


def make_bucket(client: Any) -> None:
    """Make the bucket, empty; it keeps versions."""
    if BUCKET not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    found = client.list_object_versions(Bucket=BUCKET)
    for one in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
        client.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])
    for one in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        client.abort_multipart_upload(Bucket=BUCKET, Key=one["Key"], UploadId=one["UploadId"])


def everything(client: Any) -> dict[str, list[str]]:
    """Return all that S3 keeps: versions, marks of deletion, unfinished uploads."""
    found = client.list_object_versions(Bucket=BUCKET)
    return {
        "versions": sorted(one["Key"] for one in found.get("Versions", [])),
        "marks": sorted(one["Key"] for one in found.get("DeleteMarkers", [])),
        "uploads": [one["Key"] for one in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])],
    }
