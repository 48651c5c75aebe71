"""The commands of kubectl that speak protobuf, which the sandbox does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conformance.both.kubectl import Kubectl
from tests.conformance.both.manifests import IMAGE
from tests.conformance.cluster import Cluster


@pytest.fixture
def kubectl(real_cluster: Cluster, real_namespace: Callable[..., str], tmp_path: Path) -> Kubectl:
    """kubectl in the test's namespace."""
    if real_cluster.kubectl is None:
        pytest.skip("there is no kubectl: install one beside UPKEEP_TEST_KUBECONFIG")
    return Kubectl(real_cluster.kubectl, real_cluster.kubeconfig, real_namespace(), tmp_path)


def test_generators(kubectl: Kubectl) -> None:
    made = kubectl("create", "configmap", "one", "--from-literal=a=1").stdout
    assert made == "configmap/one created\n"
    assert kubectl("get", "cm", "one", "-o", "jsonpath={.data.a}").stdout == "1"
    kubectl("create", "deployment", "web", f"--image={IMAGE}")
    kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=30s")


def test_one_can_ask_what_one_may_do(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "delete", "pods").stdout == "yes\n"
