"""Dagster's entry point: the definitions of the deployment that the environment names. No logic lives here."""

from orchestration.build import build_defs
from orchestration.resources import deployment_from_environment

defs = build_defs(deployment_from_environment())
