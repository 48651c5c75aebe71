"""What is the same in every small system."""


def heading(system: str) -> str:
    """Return the first lines of a system's file: who it is, who is told, and who owns it."""
    return f"""\
title: {system.title()}
description: A {system}
guide: none
owners:
  sre: {{title: SRE, email: sre@example.com, slack_channel: "#{system}"}}
channels: {{slack_channel: "#{system}-all"}}
escalation:
  severities: {{}}
  chains:
    main:
      levels:
        - {{owner: sre, wait_minutes: 60, channels: [slack]}}
  default_chain: main
"""
