"""Prefect tasks: one module each.

The task of a step is `step_task` over the step, and nothing else.
"""
