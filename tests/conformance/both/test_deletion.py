"""Deletion: preconditions, and what goes with what."""

from __future__ import annotations

import pytest
from tests.conformance.both.api import Api, answered, gone, refused, wait_for
from tests.conformance.both.manifests import NOWHERE, config_map, deployment, owned, pod


def test_it_answers_with_what_has_gone(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one"))
    answer = answered(api.delete(f"{maps}/one"))
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert api.get(f"{maps}/one").status_code == 404


def test_preconditions(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one"))["metadata"]
    other = api.delete(f"{maps}/one", preconditions={"uid": "another"})
    assert refused(other) == (409, "Conflict")
    assert "another" in other.json()["message"]
    old = api.delete(f"{maps}/one", preconditions={"resourceVersion": "1"})
    assert refused(old) == (409, "Conflict")
    both = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    answered(api.delete(f"{maps}/one", preconditions=both))
    assert api.get(f"{maps}/one").status_code == 404


@pytest.mark.parametrize("policy", ["Background", "Foreground", None])
def test_dependents_go_with_their_owner(api: Api, maps: str, policy: str | None) -> None:
    owner = api.made(maps, config_map("owner"))
    child = api.made(maps, owned(config_map("child"), owner))
    api.made(maps, owned(config_map("grandchild"), child))
    answered(api.delete(f"{maps}/owner", **({"propagationPolicy": policy} if policy else {})))
    for name in ("grandchild", "child", "owner"):
        gone(api, f"{maps}/{name}")


def test_an_owner_deleted_in_the_foreground_waits_for_what_blocks_it(api: Api, maps: str) -> None:
    owner = api.made(maps, config_map("owner"))
    held = owned(config_map("child"), owner, blockOwnerDeletion=True)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    api.made(maps, held)
    going = answered(api.delete(f"{maps}/owner", propagationPolicy="Foreground"))
    assert going["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert going["metadata"]["deletionTimestamp"]
    wait_for(lambda: "deletionTimestamp" in answered(api.get(f"{maps}/child"))["metadata"], "the child to go")
    answered(api.get(f"{maps}/owner"))
    answered(api.patch(f"{maps}/child", {"metadata": {"finalizers": None}}))
    gone(api, f"{maps}/child")
    gone(api, f"{maps}/owner")


def test_an_owner_does_not_wait_for_what_does_not_block_it(api: Api, maps: str) -> None:
    owner = api.made(maps, config_map("owner"))
    held = owned(config_map("child"), owner)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    api.made(maps, held)
    answered(api.delete(f"{maps}/owner", propagationPolicy="Foreground"))
    gone(api, f"{maps}/owner")
    answered(api.patch(f"{maps}/child", {"metadata": {"finalizers": None}}))
    gone(api, f"{maps}/child")


def test_orphans_stay(api: Api, maps: str) -> None:
    owner = api.made(maps, config_map("owner"))
    api.made(maps, owned(config_map("child"), owner))
    answered(api.delete(f"{maps}/owner", propagationPolicy="Orphan"))
    gone(api, f"{maps}/owner")
    assert "ownerReferences" not in answered(api.get(f"{maps}/child"))["metadata"]


def test_one_of_two_owners_is_enough(api: Api, maps: str) -> None:
    first, second = (api.made(maps, config_map(name)) for name in ("first", "second"))
    child = owned(config_map("child"), first)
    child["metadata"]["ownerReferences"] += owned(child, second)["metadata"]["ownerReferences"]
    api.made(maps, child)
    answered(api.delete(f"{maps}/first"))
    witness = api.made(maps, owned(config_map("witness"), first))
    gone(api, f"{maps}/witness")
    assert witness
    answered(api.get(f"{maps}/child"))
    answered(api.delete(f"{maps}/second"))
    gone(api, f"{maps}/child")


def test_what_names_an_owner_that_is_not_there_is_collected(api: Api, maps: str) -> None:
    ghost = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ghost", "uid": "0-0-0-0"}}
    api.made(maps, owned(config_map("child"), ghost))
    gone(api, f"{maps}/child")


def test_a_finalizer_holds_its_object(api: Api, maps: str) -> None:
    held = config_map("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    api.made(maps, held)
    going = answered(api.delete(f"{maps}/held"))
    assert going["metadata"]["deletionTimestamp"]
    assert going["metadata"]["deletionGracePeriodSeconds"] == 0
    again = answered(api.delete(f"{maps}/held"))
    assert again["metadata"]["deletionTimestamp"] == going["metadata"]["deletionTimestamp"]
    assert refused(api.post(maps, held)) == (409, "AlreadyExists")
    more = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
    assert refused(api.patch(f"{maps}/held", more)) == (422, "Invalid"), "no new one on the way out"
    answered(api.patch(f"{maps}/held", {"metadata": {"finalizers": []}}))
    gone(api, f"{maps}/held")


def test_a_deployment_goes_with_its_sets_and_pods(api: Api, ns: str, deployments: str) -> None:
    api.made(deployments, deployment("web", 2))
    pods = f"/api/v1/namespaces/{ns}/pods"
    wait_for(lambda: len(answered(api.get(pods))["items"]) == 2, "the pods")
    answered(api.delete(f"{deployments}/web", propagationPolicy="Foreground"))
    gone(api, f"{deployments}/web")
    assert answered(api.get(pods))["items"] == []
    assert answered(api.get(f"/apis/apps/v1/namespaces/{ns}/replicasets"))["items"] == []


def test_an_orphaned_set_goes_on(api: Api, ns: str, deployments: str) -> None:
    api.made(deployments, deployment("web", 1))
    sets = f"/apis/apps/v1/namespaces/{ns}/replicasets"
    (one,) = wait_for(lambda: answered(api.get(sets))["items"], "the set")
    answered(api.delete(f"{deployments}/web", propagationPolicy="Orphan"))
    gone(api, f"{deployments}/web")
    kept = answered(api.get(f"{sets}/{one['metadata']['name']}"))
    assert "ownerReferences" not in kept["metadata"]
    pods = f"/api/v1/namespaces/{ns}/pods"
    (pod_of,) = wait_for(lambda: answered(api.get(pods))["items"], "the pod")
    answered(api.delete(f"{pods}/{pod_of['metadata']['name']}"))
    wait_for(
        lambda: [
            p["metadata"]["uid"]
            for p in answered(api.get(pods))["items"]
            if p["metadata"]["uid"] != pod_of["metadata"]["uid"]
        ],
        "another pod",
    )


def test_a_pod_that_runs_nowhere_goes_at_once(api: Api, ns: str) -> None:
    pods = f"/api/v1/namespaces/{ns}/pods"
    api.made(pods, pod("p", nodeSelector=NOWHERE, terminationGracePeriodSeconds=30))
    answered(api.delete(f"{pods}/p"))
    assert api.get(f"{pods}/p").status_code == 404


def test_options_that_make_no_sense(api: Api, maps: str) -> None:
    api.made(maps, config_map("one"))
    assert refused(api.delete(f"{maps}/one", propagationPolicy="Sometimes")) == (422, "Invalid")
    assert refused(api.delete(f"{maps}/one", propagationPolicy="Orphan", orphanDependents=True)) == (
        422,
        "Invalid",
    )
    answered(api.get(f"{maps}/one"))
