"""What the simulator does with pods: what the sandbox does, by the same annotations and image names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sandbox.kubernetes.behaviours import (
    DEFAULT_RUN_SECONDS,
    EXIT_CODE,
    NEVER_READY,
    NO_SUCH_IMAGE,
    RUN_SECONDS,
)

Expression = dict[str, Any]


def write(defaults: Path, target: Path) -> None:
    """Write the simulator's settings: its own defaults, which pods of ours leave, and ours.

    defaults: what comes with kwok, as YAML documents.
    """
    stages = list(yaml.safe_load_all(defaults.read_text()))
    for stage in stages:
        if stage["metadata"]["name"] == "pod-ready":
            stage["spec"]["selector"]["matchExpressions"] += [
                _is(LOST_IMAGE, None),
                _is(_annotation(NEVER_READY), None),
            ]
    target.write_text(yaml.safe_dump_all([*stages, *OURS]))


def _is(key: str, *values: str | None) -> Expression:
    """Ask for one of the values; with None, that there is nothing."""
    if values == (None,):
        return {"key": key, "operator": "DoesNotExist"}
    return {"key": key, "operator": "In", "values": list(values)}


def _annotation(name: str, default: str | None = None) -> str:
    found = f'.metadata.annotations["{name}"]'
    return found if default is None else f'({found} // "{default}")'


def _stage(name: str, when: list[Expression], status: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": [_is(".metadata.deletionTimestamp", None), *when]},
            "next": {"statusTemplate": status},
            **spec,
        },
    }


LOST_IMAGE = f'.spec.containers.[].image | select(contains("{NO_SUCH_IMAGE}"))'
PHASE = ".status.phase"

CONDITIONS = """
conditions:
{{ range list "PodReadyToStartContainers" "Initialized" "PodScheduled" }}
- {type: {{ . }}, status: "True", lastTransitionTime: {{ Now | Quote }}}
{{ end }}
{{ range list "Ready" "ContainersReady" }}
- {type: {{ . }}, status: "False", reason: REASON, lastTransitionTime: {{ Now | Quote }}}
{{ end }}
"""

CONTAINERS = """
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: false
  restartCount: 0
  state:
    STATE
{{ end }}
"""


def _status(phase: str, reason: str, state: str) -> str:
    """Return the status of a pod whose containers are in the same state, and not ready for that reason."""
    return f"phase: {phase}{CONDITIONS}{CONTAINERS}".replace("REASON", reason).replace("STATE", state)


def _ended(name: str, exit_codes: list[Expression], phase: str, reason: str) -> dict[str, Any]:
    """Return how a pod that is not restarted ends, some time after its start."""
    code = f'{{{{ or (index (or $.metadata.annotations dict) "{EXIT_CODE}") 0 }}}}'
    times = "startedAt: {{ $.status.startTime | Quote }}, finishedAt: {{ Now | Quote }}"
    state = f"terminated: {{exitCode: {code}, reason: {reason}, {times}}}"
    seconds = f'{_annotation(RUN_SECONDS, str(DEFAULT_RUN_SECONDS))} + "s"'
    return _stage(
        name,
        [_is(PHASE, "Running"), *exit_codes],
        _status(phase, "PodCompleted" if phase == "Succeeded" else "PodFailed", state),
        delay={"durationMilliseconds": 500, "durationFrom": {"expressionFrom": seconds}},
    )


CODE = _annotation(EXIT_CODE, "0")

OURS = [
    _stage(
        "image-is-lost",
        [
            _is(PHASE, "Pending"),
            {"key": LOST_IMAGE, "operator": "Exists"},
            _is(".status.containerStatuses.[].state.waiting.reason", None),
        ],
        _status(
            "Pending",
            "ContainersNotReady",
            "waiting: {reason: ImagePullBackOff, message: the registry has no such image}",
        ),
    ),
    _stage(
        "never-ready",
        [
            _is(PHASE, "Pending"),
            {"key": _annotation(NEVER_READY), "operator": "Exists"},
            _is(LOST_IMAGE, None),
        ],
        "startTime: {{ Now | Quote }}\n"
        + _status("Running", "ContainersNotReady", "running: {startedAt: {{ Now | Quote }}}"),
    ),
    _ended(
        "pod-succeeds",
        [_is(".spec.restartPolicy", "Never", "OnFailure"), _is(CODE, "0")],
        "Succeeded",
        "Completed",
    ),
    _ended(
        "pod-fails",
        [_is(".spec.restartPolicy", "Never"), {"key": CODE, "operator": "NotIn", "values": ["0"]}],
        "Failed",
        "Error",
    ),
]
