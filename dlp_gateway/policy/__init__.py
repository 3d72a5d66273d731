"""Deciding, pure: policy and packs as strict models, and one function from measurements to a verdict."""
