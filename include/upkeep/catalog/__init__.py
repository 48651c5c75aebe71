"""The catalog: what `include/systems/*.yaml` says, checked, and turned into plans for DAGs.

Nothing is imported here: reading the compiled plans must cost no pydantic and no YAML.
"""
