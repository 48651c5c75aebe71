"""What a scan of an image finds: public CVEs by what the image is built on."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.kubernetes.objects import Object

PATCHED = "patch"
"""An image with this in its tag has every available fix."""


@dataclass(frozen=True)
class Vulnerability:
    """One known vulnerability of one package. fixed: empty while there is no fix."""

    id: str
    package: str
    installed: str
    fixed: str
    severity: str
    score: float
    title: str
    published: str


_DEBIAN = (
    Vulnerability(
        "CVE-2024-37371", "libkrb5-3", "1.20.1-2+deb12u1", "1.20.1-2+deb12u2", "MEDIUM", 6.5,
        "krb5: GSS message token handling", "2024-06-28T23:15:11Z",
    ),
    Vulnerability(
        "CVE-2023-31484", "perl-base", "5.36.0-7+deb12u1", "", "LOW", 3.7,
        "perl: CPAN.pm does not verify TLS certificates", "2023-04-29T00:15:09Z",
    ),
    Vulnerability(
        "CVE-2011-3374", "libapt-pkg6.0", "2.6.1", "", "LOW", 3.7,
        "apt-key does not correctly validate gpg keys", "2019-11-26T00:15:11Z",
    ),
)  # fmt: skip
_GO = (
    Vulnerability(
        "CVE-2024-24791", "stdlib", "1.22.3", "1.21.12, 1.22.5", "MEDIUM", 5.9,
        "net/http: denial of service due to improper 100-continue handling", "2024-07-02T22:15:04Z",
    ),
)  # fmt: skip
_GO_HTTP2 = (
    Vulnerability(
        "CVE-2023-39325", "golang.org/x/net", "v0.15.0", "0.17.0", "HIGH", 7.5,
        "golang: net/http, x/net/http2: rapid stream resets can cause excessive work",
        "2023-10-11T22:15:09Z",
    ),
)  # fmt: skip
_NODE = (
    Vulnerability(
        "CVE-2024-4067", "micromatch", "4.0.5", "4.0.8", "MEDIUM", 5.3,
        "micromatch: vulnerable to Regular Expression Denial of Service", "2024-05-14T15:42:47Z",
    ),
    Vulnerability(
        "CVE-2024-28863", "tar", "6.2.0", "6.2.1", "MEDIUM", 6.5,
        "node-tar: denial of service while parsing a tar file due to lack of folders depth validation",
        "2024-03-21T23:15:10Z",
    ),
)  # fmt: skip
_JAVA = (
    Vulnerability(
        "CVE-2024-38809", "org.springframework:spring-web", "6.1.5", "5.3.38, 6.0.23, 6.1.12", "MEDIUM", 5.3,
        "org.springframework:spring-web: Spring Framework DoS via conditional HTTP request",
        "2024-09-27T17:15:12Z",
    ),
)  # fmt: skip
_JAVA_WEB = (
    Vulnerability(
        "CVE-2024-22262", "org.springframework:spring-web", "6.1.5", "5.3.34, 6.0.19, 6.1.6", "HIGH", 8.1,
        "springframework: URL Parsing with Host Validation", "2024-04-16T06:15:46Z",
    ),
)  # fmt: skip
_MYSQL = (
    Vulnerability(
        "CVE-2024-21096", "mysql-community-server", "8.0.36", "8.0.37", "MEDIUM", 4.9,
        "mysql: client: mysqldump unspecified vulnerability", "2024-04-16T22:15:19Z",
    ),
)  # fmt: skip

_BUILT_ON: tuple[tuple[str, tuple[Vulnerability, ...]], ...] = (
    ("quikapp/auth-service", _JAVA + _JAVA_WEB + _DEBIAN),
    ("quikapp/", _JAVA + _DEBIAN),
    ("zetra", _NODE + _DEBIAN),
    ("lessay", _NODE + _DEBIAN),
    ("tapio-agent", _GO + _GO_HTTP2),
    ("tapio", _GO + _DEBIAN[:1]),
    ("maintenance-api", _GO),
    ("mysql", _MYSQL + _DEBIAN),
)

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")


def vulnerabilities_of(image: str) -> tuple[Vulnerability, ...]:
    """Return what a scanner finds in an image.

    >>> [v.id for v in vulnerabilities_of("registry.example/tapio-agent:v1.2.3-patch")]
    []
    """
    name, _, tag = image.rpartition(":")
    found = next((found for part, found in _BUILT_ON if part in (name or image)), _DEBIAN)
    return tuple(v for v in found if not (PATCHED in tag and v.fixed))


def count_by_severity(found: tuple[Vulnerability, ...]) -> dict[str, int]:
    """Return how many there are of each severity, zeros included."""
    return {severity: sum(v.severity == severity for v in found) for severity in SEVERITIES}


def as_report_entry(vulnerability: Vulnerability, target: str) -> Object:
    """Return the entry of trivy-operator's report."""
    link = f"https://avd.aquasec.com/nvd/{vulnerability.id.lower()}"
    return {
        "vulnerabilityID": vulnerability.id,
        "resource": vulnerability.package,
        "installedVersion": vulnerability.installed,
        "fixedVersion": vulnerability.fixed,
        "severity": vulnerability.severity,
        "score": vulnerability.score,
        "title": vulnerability.title,
        "publishedDate": vulnerability.published,
        "lastModifiedDate": vulnerability.published,
        "primaryLink": link,
        "links": [],
        "target": target,
    }
