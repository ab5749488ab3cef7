"""One explanation algorithm a file. Pure numerics: nothing here knows of widgets."""
