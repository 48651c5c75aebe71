"""A small system: it reads history, reads the present, finds nothing, and hangs."""

from tests.airflow.dues import DAILY

SECRET = "correct-horse-battery-staple"
"""The password of a connection: it must turn up nowhere."""

SHOP = """\
title: Shop
description: A shop
guide: none
owners:
  sre: {title: SRE, email: sre@example.com, slack_channel: "#shop"}
  lead: {title: Lead, email: lead@example.com}
channels: {slack_channel: "#shop-all"}
connections: {prometheus: shop_prometheus, http: shop_http}
metrics:
  error_ratio:
    title: Failed requests
    promql: shop_error_ratio
    unit: ratio
    critical: [{above: 1 %}]
  requests:
    title: Requests
    promql: shop_requests
    unit: per_second
  nobody_measures:
    title: What nobody measures
    promql: shop_nothing
    unit: count
  too_many:
    title: Requests that are too many
    promql: shop_requests
    unit: per_second
    critical: [{above: 1 /s}]
health:
  front: {path: /health}
tls:
  front: {host: front.example.com}
escalation:
  severities: {}
  chains:
    main:
      levels:
        - {owner: sre, wait_minutes: 0.05, channels: [slack]}
        - {owner: lead, wait_minutes: 60, channels: [email]}
  default_chain: main
duties:
  - {id: shop/daily/error-rates, what: Failed requests}
  - {id: shop/daily/certificates, what: Certificates}
  - {id: shop/daily/gaps, what: What nobody measures}
  - {id: shop/daily/health, what: The shop answers}
  - {id: shop/daily/crowd, what: Too many requests}
routines:
  - name: daily
    title: Daily review
    purpose: A look at the shop.
    cadence: daily
    schedule: "0 9 * * *"
    owner: sre
    deadline_minutes: 60
    procedures:
      - {id: shop/daily/error-rates, kind: metrics, parameters: {metrics: [error_ratio, requests]}}
      - {id: shop/daily/certificates, kind: certificates, parameters: {endpoints: [front]}}
      - {id: shop/daily/gaps, kind: metrics, parameters: {metrics: [nobody_measures]}}
  - name: loud
    title: A routine that finds something critical
    purpose: There are always too many requests.
    cadence: daily
    schedule: "0 9 * * *"
    owner: sre
    deadline_minutes: 60
    procedures:
      - {id: shop/daily/crowd, kind: metrics, parameters: {metrics: [too_many]}}
  - name: slow
    title: A routine that is late
    purpose: Its end point hangs, and its deadline is two seconds.
    cadence: daily
    schedule: "0 9 * * *"
    owner: sre
    deadline_minutes: 0.03
    timeout_minutes: 1
    procedures:
      - {id: shop/daily/health, kind: health, parameters: {endpoints: [front]}}
"""

SHOP_OF_AIRFLOW = SHOP.replace("0 9 * * *", DAILY)
"""The same, due while no test runs."""
