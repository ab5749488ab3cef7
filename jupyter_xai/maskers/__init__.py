"""Maskers: what an instance is made of and how a part of it is made absent; LIME's neighbourhoods."""
