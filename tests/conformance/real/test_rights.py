"""What RBAC refuses, and what Upkeep's own client makes of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config
from tests.conformance.cluster import Cluster
from tests.conformance.real.refusals import refused

from upkeep.clients.kubernetes import Kubernetes
from upkeep.errors import ConfigurationError, PermanentError

As = Callable[[str], client.ApiClient]


@pytest.fixture
def as_token(real_cluster: Cluster) -> Iterator[As]:
    """A client that has a token and nothing else."""
    made = []

    def make(token: str) -> client.ApiClient:
        settings = client.Configuration()
        config.load_kube_config(str(real_cluster.kubeconfig), client_configuration=settings)
        settings.cert_file = settings.key_file = None
        settings.refresh_api_key_hook = None
        settings.api_key = {"authorization": f"Bearer {token}"}
        made.append(client.ApiClient(settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def reader(api: client.ApiClient, core: client.CoreV1Api, ns: str, as_token: As) -> client.ApiClient:
    """A client as a service account that may get pods of its namespace, and do nothing else."""
    rbac = client.RbacAuthorizationV1Api(api)
    core.create_namespaced_service_account(ns, {"metadata": {"name": "reader"}})
    rules: list[dict[str, Any]] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    rbac.create_namespaced_role(ns, {"metadata": {"name": "reader"}, "rules": rules})
    rbac.create_namespaced_role_binding(
        ns,
        {
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": ns}],
        },
    )
    asked = core.create_namespaced_service_account_token("reader", ns, {"spec": {"expirationSeconds": 600}})
    return as_token(asked.status.token)


def test_what_is_granted_is_allowed(reader: client.ApiClient, ns: str) -> None:
    assert list(Kubernetes(reader).pods(ns)) == []


def test_another_kind_is_refused_for_good(reader: client.ApiClient, ns: str) -> None:
    with pytest.raises(ConfigurationError, match=r'403.*cannot list resource "jobs"') as raised:
        list(Kubernetes(reader).jobs(ns))
    assert isinstance(raised.value, PermanentError)
    assert f"system:serviceaccount:{ns}:reader" in str(raised.value)


def test_another_namespace_is_refused_for_good(reader: client.ApiClient) -> None:
    with pytest.raises(ConfigurationError, match="403"):
        list(Kubernetes(reader).pods("kube-system"))


def test_the_whole_cluster_is_refused_for_good(reader: client.ApiClient) -> None:
    with pytest.raises(ConfigurationError, match="at the cluster scope"):
        list(Kubernetes(reader).pods())


def test_a_change_is_refused(reader: client.ApiClient, ns: str) -> None:
    with refused(403, "Forbidden") as refusal:
        client.CoreV1Api(reader).delete_namespaced_pod("any", ns)
    assert 'cannot delete resource "pods"' in refusal.message


def test_nobody_gives_himself_more_rights(
    api: client.ApiClient, core: client.CoreV1Api, reader: client.ApiClient, ns: str
) -> None:
    rbac = client.RbacAuthorizationV1Api(api)
    verbs = ["create", "get", "patch", "update"]
    rules = [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": verbs}]
    rbac.patch_namespaced_role("reader", ns, {"rules": rules})
    more = {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
    with refused(403, "Forbidden") as refusal:
        client.RbacAuthorizationV1Api(reader).patch_namespaced_role("reader", ns, more)
    assert "attempting to grant RBAC permissions not currently held" in refusal.message


@pytest.mark.parametrize(("verb", "resource", "allowed"), [("list", "pods", True), ("delete", "pods", False)])
def test_one_can_ask_beforehand(
    reader: client.ApiClient, ns: str, verb: str, resource: str, allowed: bool
) -> None:
    about = {"namespace": ns, "verb": verb, "resource": resource}
    review = client.AuthorizationV1Api(reader).create_self_subject_access_review(
        {"spec": {"resourceAttributes": about}}
    )
    assert review.status.allowed is allowed


def test_a_token_that_nobody_issued_is_refused_for_good(as_token: As, ns: str) -> None:
    with pytest.raises(ConfigurationError, match="401"):
        list(Kubernetes(as_token("not-a-token")).pods(ns))
