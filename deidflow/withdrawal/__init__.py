"""Somebody withdraws consent: out of every release, out of the vault, never released again."""
