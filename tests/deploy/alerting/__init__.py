"""Parts of `tests/deploy/rules`: one per thing that is run."""
