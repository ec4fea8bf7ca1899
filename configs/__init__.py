"""Data of the project: profiles, standard tables, vocabularies, examples.

Read by `deidflow.resources`.
"""
